"""Source NAT beyond networkd's masquerade: exemptions, and SNAT to a fixed WAN address.

networkd masquerades all traffic with a source in the subnet of a masqueraded LAN, whatever its destination.
These rules run before: mapping a subnet to itself exempts traffic between inside networks; traffic back
to the same network stays masqueraded, since hairpin forwards need it.
"""

from gwimage.plan import Plan, Rule, any_of
from gwimage.problem import Problem
from gwimage.profile import Profile, subnets


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    return Plan(rules=(*_no_nat(profile), *_fixed(profile), *_routed(profile)))


def _no_nat(profile: Profile) -> list[Rule]:
    if len(subnets.inside(profile)) < 2:
        return []
    rules = []
    for lan in profile.lans:
        for net in subnets.connected(lan) if lan.masquerade else ():
            way = f'oifname != @wans oifname != "{lan.name}" ip saddr {net}'
            text = f"{way} snat ip prefix to ip saddr map {{ {net} : {net} }}"
            rules.append(Rule("srcnat.exempt", text, f"lans.{lan.name}.masquerade"))
    return rules


def _fixed(profile: Profile) -> list[Rule]:
    hidden = subnets.masqueraded(profile)
    fixed = [wan for wan in profile.wans if wan.snat and hidden]
    text = 'oifname "{}" ip saddr {} snat ip to {}'
    return [Rule("srcnat.fixed", text.format(wan.name, any_of(hidden), wan.snat), f"wans.{wan.name}.snat") for wan in fixed]


def _routed(profile: Profile) -> list[Rule]:
    """Masquerade rules for routed subnets: networkd covers only those of its own addresses (systemd issue 8040)."""
    routed = subnets.routed(profile)
    found = {net: index for lan in profile.lans if lan.masquerade for net, index in routed.get(lan.name, {}).items()}
    if not found:
        return []
    nets = subnets.collapse(found)
    return [Rule("srcnat.routed", f"oifname @wans ip saddr {any_of(nets)} masquerade", f"routes.{min(found.values())}")]
