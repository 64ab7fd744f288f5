"""The firewall that is sane without asking: closed from outside, open to the outside, LANs closed to each other.

What a single network or service opens is in its own feature; here is what holds for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwimage.claim import Claim, GatewayClosed, Unreachable
from gwimage.plan import Element, Plan, Rule
from gwimage.problem import Problem

if TYPE_CHECKING:
    from gwimage.profile import Profile

STATE = "ct state vmap { established : accept, related : accept, invalid : drop }"
LIMITED = "limit rate 100/second accept"
ERRORS = f"icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} {LIMITED}"
# RFC 4890 section 4.4.1, for the gateway itself; hop limit 255 says that a neighbour sent it
ERRORS6 = f"icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} {LIMITED}"
NEIGHBOURS = f"icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 hoplimit 255 {LIMITED}"
RULES = (
    Rule("prerouting.spoof", "iifname @wans ip saddr @inside counter drop", "lans"),
    Rule("input.state", STATE, "firewall"),
    Rule("input.state", 'iifname "lo" accept', "firewall"),
    Rule("input.icmp", ERRORS, "firewall"),
    Rule("input.icmp", ERRORS6, "firewall"),
    Rule("input.icmp", NEIGHBOURS, "firewall"),
    Rule("input.icmp", f"iifname @lans icmp type echo-request {LIMITED}", "lans"),
    Rule("input.open", "iifname . meta l4proto . th dport @gateway_open accept", "firewall"),
    Rule("input.rest", "counter", "firewall"),
    Rule("forward.state", STATE, "firewall"),
    Rule("forward.open", "iifname . oifname @forward_open accept", "firewall"),
    Rule("forward.rest", "counter", "firewall"),
)


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    wans, lans = [wan.name for wan in profile.wans], [lan.name for lan in profile.lans if lan.internet]
    return Plan(
        rules=RULES,
        elements=tuple(Element("forward_open", f'"{lan}" . "{wan}"', f"lans.{lan}") for lan in lans for wan in wans),
        packages=("nftables",),
        claims=_claims(profile),
    )


def _claims(profile: Profile) -> tuple[Claim, ...]:
    wans, ssh, claims = [wan.name for wan in profile.wans], profile.services.ssh_from, []
    for wan in wans:
        probe, path = GatewayClosed(f"attacker-{wan}", (22,) if wan in ssh else ()), f"wans.{wan}"
        claims.append(Claim(f"{path}.closed", path, _scan(wan, probe), probe, (f"{path}.address",), closed=True))
    for lan in profile.lans:
        probe = GatewayClosed(f"client-{lan.name}", (22, 53) if lan.name in ssh else (53,))
        path = f"lans.{lan.name}"
        claims.append(Claim(f"{path}.closed", path, _scan(lan.name, probe), probe, closed=True))
        for wan in wans:
            text, probe = f"nobody on {wan} reaches a client on {lan.name}", Unreachable(f"attacker-{wan}", lan.name)
            claims.append(Claim(f"{path}.unreachable.{wan}", path, text, probe, closed=True))
        for other in profile.lans:
            if other != lan:
                text = f"a client on {other.name} does not reach one on {lan.name}"
                probe = Unreachable(f"client-{other.name}", lan.name)
                claims.append(Claim(f"{path}.unreachable.{other.name}", path, text, probe, closed=True))
    return tuple(claims)


def _scan(zone: str, probe: GatewayClosed) -> str:
    ports = " and ".join(map(str, probe.open_tcp))
    return f"from {zone} the gateway answers on {f'TCP {ports} only' if ports else 'no TCP port'}"
