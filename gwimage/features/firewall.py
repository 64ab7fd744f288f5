"""The firewall that is sane without asking: closed from outside, open to the outside, LANs closed to each other.

What a single network or service opens is in its own feature; here is what holds for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gwimage import opening
from gwimage.claim import Claim, GatewayClosed, Unreachable
from gwimage.match import LIMITED
from gwimage.plan import Element, Plan, Rule
from gwimage.problem import Problem
from gwimage.ranges import LAST_PORT, Ports
from gwimage.zones import GATEWAY

if TYPE_CHECKING:
    from gwimage.profile import Profile

STATE = "ct state vmap { established : accept, related : accept, invalid : drop }"
ERRORS = f"icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} {LIMITED} accept"
# RFC 4890 section 4.4.1, for the gateway itself; hop limit 255 says that a neighbour sent it
ERRORS6 = f"icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} {LIMITED} accept"
# no limit, as ARP has none: one for all networks would let a flood from outside cost the LANs their gateway
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept"
RULES = (
    Rule("prerouting.spoof", "iifname @wans ip saddr @inside counter drop", "lans"),
    Rule("input.state", STATE, "firewall"),
    Rule("input.state", 'iifname "lo" accept', "firewall"),
    Rule("input.icmp", ERRORS, "firewall"),
    Rule("input.icmp", ERRORS6, "firewall"),
    Rule("input.icmp", NEIGHBOURS, "firewall"),
    Rule("input.icmp", f"iifname @lans icmp type echo-request {LIMITED} accept", "lans"),
    Rule("input.open", "iifname . meta l4proto . th dport @gateway_open accept", "firewall"),
    Rule("input.rest", "counter", "firewall"),
    Rule("forward.state", STATE, "firewall"),
    Rule("forward.open", "iifname . oifname @forward_open accept", "firewall"),
    Rule("forward.rest", "counter", "firewall"),
)


@dataclass(frozen=True)
class Firewall:
    """log_limit: a number and a time, as nft takes it."""

    log_dropped: bool = False
    log_limit: str = "10/minute"


def parse(data: dict) -> Firewall:
    log = data.get("firewall", {}).get("log", {})
    return Firewall(log.get("dropped", Firewall.log_dropped), log.get("limit", Firewall.log_limit))


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    wans, lans = [wan.name for wan in profile.wans], [lan.name for lan in profile.lans if lan.internet]
    return Plan(
        rules=RULES + _log(profile.firewall),
        elements=tuple(Element("forward_open", f'"{lan}" . "{wan}"', f"lans.{lan}") for lan in lans for wan in wans),
        packages=("nftables",),
        claims=_claims(profile),
    )


def _log(firewall: Firewall) -> tuple[Rule, ...]:
    if not firewall.log_dropped:
        return ()
    text = f'limit rate {firewall.log_limit} log prefix "gwimage dropped %s: "'
    return tuple(Rule(f"{chain}.log", text % chain, "firewall.log.dropped") for chain in ("input", "forward"))


def _claims(profile: Profile) -> tuple[Claim, ...]:
    wans, ssh, claims = [wan.name for wan in profile.wans], profile.services.ssh_from, []
    for wan in wans:
        probe, path = GatewayClosed(f"attacker-{wan}", (22,) if wan in ssh else (), _allowed(wan, profile)), f"wans.{wan}"
        claims.append(Claim(f"{path}.closed", path, _scan(wan, probe), probe, (f"{path}.address",), closed=True))
    for lan in profile.lans:
        probe = GatewayClosed(f"client-{lan.name}", (22, 53) if lan.name in ssh else (53,), _allowed(lan.name, profile))
        path = f"lans.{lan.name}"
        claims.append(Claim(f"{path}.closed", path, _scan(lan.name, probe), probe, closed=True))
        for other in (*wans, *(other.name for other in profile.lans if other != lan)):
            if not opening.answers(profile.allow, other, lan.name):
                claims.append(_unreachable(other, lan.name, other in wans))
    return tuple(claims)


def _unreachable(start: str, lan: str, outside: bool) -> Claim:
    path = f"lans.{lan}"
    if outside:
        text, probe = f"nobody on {start} reaches a client on {lan}", Unreachable(f"attacker-{start}", lan)
    else:
        text, probe = f"a client on {start} does not reach one on {lan}", Unreachable(f"client-{start}", lan)
    return Claim(f"{path}.unreachable.{start}", path, text, probe, closed=True)


def _allowed(zone: str, profile: Profile) -> tuple[Ports, ...]:
    """TCP ports of the gateway's address that the profile opens on that zone: its own, and those of servers behind it."""
    found = []
    for entry in profile.allow:
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or "tcp" in entry.protocols):
            found += entry.ports or [(1, LAST_PORT)]
    for forward in profile.forwards:
        if zone in forward.wans and "tcp" in forward.protocols:
            found += forward.ports
    return tuple(sorted(set(found)))


def _scan(zone: str, probe: GatewayClosed) -> str:
    ports = " and ".join(map(str, probe.open_tcp))
    more = ", besides what firewall opens" if probe.allowed_tcp else ""
    return f"from {zone} the gateway answers on {f'TCP {ports} only' if ports else 'no TCP port'}{more}"
