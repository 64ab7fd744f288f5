"""IPv6 firewall, as strict as for IPv4: outbound connections pass, inbound only their answers and related errors.

RFC 4890 defines which ICMPv6 must pass, RFC 6092 what a residential gateway blocks.
"""

from collections.abc import Iterator

from gwimage.claims import ipv6 as ipv6_claims
from gwimage.plan import Element, Plan, Rule, any_of
from gwimage.plan.nft import ICMP_LIMIT
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.profile.ipv6 import Inside, Ipv6
from gwimage.profile.lans import Lan
from gwimage.values import ipv6 as inet6

# sources of neighbours: unspecified before they have an address, and link-local
NEIGHBOURS = ("::", str(inet6.LINK_LOCAL))
# hop limit 255 proves an on-link sender (RFC 4861); RFC 4890 section 4.4.1 lists what the gateway itself needs
COMMON = (
    Rule("input.icmp", f"icmpv6 type mld-listener-query ip6 saddr fe80::/10 {ICMP_LIMIT} accept", "firewall"),
    Rule("input.icmp", f"iifname @lans icmpv6 type nd-router-solicit ip6 hoplimit 255 {ICMP_LIMIT} accept", "lans"),
    Rule("input.icmp", f"iifname @lans icmpv6 type echo-request {ICMP_LIMIT} accept", "lans"),
)


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    ipv6 = profile.ipv6
    if not ipv6.wans and not ipv6.lans:
        return Plan()
    rules = [*_unasked(profile), *_from_outside(ipv6), *COMMON]
    for name, outside in ipv6.wans.items():
        rules += [] if outside.address else _client(f'iifname "{name}"', f"wans.{name}.ipv6")
    for name, inside in ipv6.lans.items():
        rules.append(_sources(name, inside))
        rules += _kept_inside(name, inside, ipv6)
    for lan in (lan for lan in profile.lans if lan.public_only and lan.name in ipv6.lans):
        rules += _public_only(lan, ipv6)
    fixed = [(name, inside.address.network) for name, inside in ipv6.lans.items() if inside.address]
    return Plan(
        rules=tuple(rules),
        elements=tuple(Element("inside6", str(net), f"lans.{name}.ipv6.address") for name, net in fixed),
        claims=tuple(ipv6_claims.closed(profile)),
    )


def _unasked(profile: Profile) -> Iterator[Rule]:
    """Drop rules for networks without IPv6: forwarding is global, and a link forwards even without an address."""
    networks = [("wans", wan.name, profile.ipv6.wans) for wan in profile.wans]
    networks += [("lans", lan.name, profile.ipv6.lans) for lan in profile.lans]
    for kind, name, asked in networks:
        if name not in asked:
            yield Rule("spoof.sources", f'iifname "{name}" meta nfproto ipv6 counter drop', f"{kind}.{name}")


def _from_outside(ipv6: Ipv6) -> Iterator[Rule]:
    """Anti-spoofing rules: packets from outside must not have an inside source."""
    if any(inside.address for inside in ipv6.lans.values()):
        yield Rule("spoof.sources", "iifname @wans ip6 saddr @inside6 counter drop", "lans")
    if names := [f'"{name}"' for name, inside in ipv6.lans.items() if inside.delegated]:
        # not @lans: nft before 1.1 accepts no set of interface names here
        spoofed = f"iifname @wans meta nfproto ipv6 fib saddr oifname {any_of(names)} counter drop"
        yield Rule("spoof.sources", spoofed, "lans")


def _client(zone: str, path: str) -> list[Rule]:
    """Rules for router advertisements and DHCPv6 answers on a WAN with auto."""
    advert = f"{zone} icmpv6 type nd-router-advert ip6 saddr fe80::/10 ip6 hoplimit 255 {ICMP_LIMIT} accept"
    # link-local destinations are never routed; some servers answer from another address and port
    return [Rule("input.icmp", advert, path), Rule("input.open", f"{zone} ip6 daddr fe80::/10 udp dport 546 accept", path)]


def _sources(name: str, inside: Inside) -> Rule:
    """Source check of a LAN: its own addresses; for a delegated prefix a strict reverse path check."""
    known = NEIGHBOURS if inside.delegated else (*NEIGHBOURS, str(inside.address.network))
    others = f'iifname "{name}" ip6 saddr != {any_of(known)}'
    others += " fib saddr . iif oif missing" if inside.delegated else ""
    return Rule("spoof.sources", f"{others} counter drop", f"lans.{name}.ipv6")


def _kept_inside(name: str, inside: Inside, ipv6: Ipv6) -> Iterator[Rule]:
    """Drops ULAs that leave by a WAN that is not local itself (RFC 6092 REC-3); before any allow rule."""
    world = [f'"{wan}"' for wan, outside in ipv6.wans.items() if not inet6.local(outside.address)]
    if inet6.local(inside.address) and world:
        text = f'iifname "{name}" oifname {any_of(world)} ip6 saddr {inside.address.network} counter drop'
        yield Rule("forward.state", text, f"lans.{name}.ipv6.address")


def _public_only(lan: Lan, ipv6: Ipv6) -> Iterator[Rule]:
    """Opens the way to public addresses, except those on the WAN's own network: hosts behind a home router have public ones.

    What is beyond a router that advertises itself has a link-local next hop, what is on the link itself has none.
    """
    for wan, outside in ipv6.wans.items():
        beyond = f"ip6 daddr != {outside.address.network}" if outside.address else f"rt ip6 nexthop {inet6.LINK_LOCAL}"
        text = f'iifname "{lan.name}" oifname "{wan}" ip6 daddr {any_of(inet6.PUBLIC)} {beyond} accept'
        yield Rule("forward.open", text, f"lans.{lan.name}.internet")
