"""The firewall that is sane without asking: closed from outside, open to the outside, LANs closed to each other.

What a single network or service opens is in its own feature; here is what holds for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gwimage import exposure, forged
from gwimage.match import LIMITED
from gwimage.plan import Element, Plan, Rule
from gwimage.problem import Problem

if TYPE_CHECKING:
    from gwimage.profile import Profile

# before all that costs more: what follows is for the first packets of a connection
KNOWN, INVALID = "ct state established,related accept", "ct state invalid drop"
ERRORS = f"icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} {LIMITED} accept"
# RFC 4890 section 4.4.1, for the gateway itself; hop limit 255 says that a neighbour sent it
ERRORS6 = f"icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} {LIMITED} accept"
# no limit, as ARP has none: one for all networks would let a flood from outside cost the LANs their gateway
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept"
RULES = (
    Rule("spoof.sources", "iifname @wans ip saddr @inside counter drop", "lans"),
    Rule("input.state", KNOWN, "firewall"),
    Rule("input.state", INVALID, "firewall"),
    Rule("input.state", 'iifname "lo" accept', "firewall"),
    Rule("input.icmp", ERRORS, "firewall"),
    Rule("input.icmp", ERRORS6, "firewall"),
    Rule("input.icmp", NEIGHBOURS, "firewall"),
    Rule("input.icmp", f"iifname @lans icmp type echo-request {LIMITED} accept", "lans"),
    Rule("input.open", "iifname . meta l4proto . th dport @gateway_open accept", "firewall"),
    Rule("input.rest", "counter", "firewall"),
    # before the state: the answer to a SYN is already part of an established connection
    Rule("forward.clamp", "tcp flags & (syn|rst) == syn jump clamp", "firewall"),
    Rule("forward.state", KNOWN, "firewall"),
    Rule("forward.state", INVALID, "firewall"),
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
        rules=(*RULES, *_sources(profile), *_log(profile.firewall)),
        elements=tuple(Element("forward_open", f'"{lan}" . "{wan}"', f"lans.{lan}") for lan in lans for wan in wans),
        packages=("nftables",),
        claims=exposure.claims(profile),
    )


def _sources(profile: Profile) -> tuple[Rule, ...]:
    """NAT chains do not see all that begins nothing, so the filters look, too."""
    first = forged.chain(profile)
    chains = (first, "input", "forward") if first == "dstnat" else (first,)
    return tuple(Rule(f"{chain}.spoof", "jump spoof", "firewall") for chain in chains)


def _log(firewall: Firewall) -> tuple[Rule, ...]:
    if not firewall.log_dropped:
        return ()
    text = f'limit rate {firewall.log_limit} log prefix "gwimage dropped %s: "'
    return tuple(Rule(f"{chain}.log", text % chain, "firewall.log.dropped") for chain in ("input", "forward"))
