"""Default firewall: closed from outside, open to the outside, LANs isolated from each other.

Contains the rules common to all networks; each network or service opens its own ports in its feature.
"""

from gwimage.claims import exposure
from gwimage.plan import Element, Plan, Rule, antispoof
from gwimage.plan.nft import ICMP_LIMIT
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.profile.firewall import Firewall
from gwimage.values import host_address

# first, as the cheapest match: later rules see only the first packets of a connection
ESTABLISHED, INVALID = "ct state established,related accept", "ct state invalid drop"
ERRORS = f"icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} {ICMP_LIMIT} accept"
# RFC 4890 section 4.4.1, for the gateway itself; hop limit 255 proves an on-link sender
ERRORS6 = f"icmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} {ICMP_LIMIT} accept"
# no rate limit, as for ARP: a shared one would let a flood from outside cut the LANs off their gateway
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept"
RULES = (
    Rule("spoof.sources", "iifname @wans ip saddr @inside counter drop", "lans"),
    Rule("input.state", ESTABLISHED, "firewall"),
    Rule("input.state", INVALID, "firewall"),
    Rule("input.state", 'iifname "lo" accept', "firewall"),
    Rule("input.icmp", ERRORS, "firewall"),
    Rule("input.icmp", ERRORS6, "firewall"),
    Rule("input.icmp", NEIGHBOURS, "firewall"),
    Rule("input.icmp", f"iifname @lans icmp type echo-request {ICMP_LIMIT} accept", "lans"),
    Rule("input.open", "iifname . meta l4proto . th dport @gateway_open accept", "firewall"),
    Rule("input.rest", "counter", "firewall"),
    # before the state match: a SYN-ACK already belongs to an established connection
    Rule("forward.clamp", "tcp flags & (syn|rst) == syn jump clamp", "firewall"),
    Rule("forward.state", ESTABLISHED, "firewall"),
    Rule("forward.state", INVALID, "firewall"),
    Rule("forward.open", "iifname . oifname @forward_open accept", "firewall"),
    Rule("forward.rest", "counter", "firewall"),
)


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    wans = [wan.name for wan in profile.wans]
    lans = [lan.name for lan in profile.lans if lan.internet and not lan.public_only]
    opened = tuple(Element("forward_open", f'"{lan}" . "{wan}"', f"lans.{lan}") for lan in lans for wan in wans)
    return Plan(
        rules=(*RULES, *_sources(profile), *_log(profile.firewall)),
        elements=opened,
        packages=("nftables",),
        claims=exposure.claims(profile),
    ) + _public_only(profile)


def _public_only(profile: Profile) -> Plan:
    """LANs that reach public addresses only; those of IPv6 are in firewall_ipv6."""
    paths = {lan.name: f"lans.{lan.name}.internet" for lan in profile.lans if lan.public_only}
    text = 'iifname "%s" oifname @wans ip daddr != @private accept'
    rules = tuple(Rule("forward.open", text % name, path) for name, path in paths.items())
    private = [Element("private", str(net), path) for path in list(paths.values())[:1] for net in host_address.NOT_PUBLIC]
    return Plan(rules=rules, elements=tuple(private))


def _sources(profile: Profile) -> tuple[Rule, ...]:
    """Source checks in the filter chains too, since NAT chains do not see every packet outside a new connection."""
    first = antispoof.chain(profile)
    chains = (first, "input", "forward") if first == "dstnat" else (first,)
    return tuple(Rule(f"{chain}.spoof", "jump spoof", "firewall") for chain in chains)


def _log(firewall: Firewall) -> tuple[Rule, ...]:
    if not firewall.log_dropped:
        return ()
    text = f'limit rate {firewall.log_limit} log prefix "gwimage dropped %s: "'
    return tuple(Rule(f"{chain}.log", text % chain, "firewall.log.dropped") for chain in ("input", "forward"))
