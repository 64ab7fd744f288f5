"""Matrix of allowed connections between zones: the same rules, evaluated for packets of which only the two zones are known.

A rule that certainly matches allows everything; one that may match allows what its remaining conditions say.
"""

from dataclasses import dataclass, replace

from gwimage.explain.nft_rules import Match, ParsedRule, matches, test
from gwimage.explain.packet import ICMP, ICMPV6, NAMES, REQUESTS, Address, Packet
from gwimage.explain.packet_path import Model, place
from gwimage.values import ipv6 as inet6

GATEWAY = "gateway"
PHRASES = {
    "meta l4proto": "",
    "tcp dport": "tcp ",
    "udp dport": "udp ",
    "th dport": "port ",
    "tcp sport": "from tcp port ",
    "udp sport": "from udp port ",
    "th sport": "from port ",
    "ip saddr": "from ",
    "ip6 saddr": "from ",
    "ip daddr": "to ",
    "ip6 daddr": "to ",
    "rt ip6 nexthop": "by ",
    "icmp type": "icmp ",
    "icmpv6 type": "icmpv6 ",
    "meta nfproto": "",
}
ROUTED = ("rt ip6 nexthop", str(inet6.LINK_LOCAL), False)  # what is on the link itself has no such next hop
# nft sets that every profile has; those of firewall.sets, which may have the same names, keep theirs
BUILT_IN = {
    "@private": "private addresses",
    "@inside": "addresses inside",
    "@inside6": "addresses inside",
    "@own": "the gateway's own addresses",
}


@dataclass(frozen=True)
class Passage:
    """One allowed kind of connection: everything, or what `text` says; path: its cause in the profile.

    closed: the connection is denied instead, as an exception to later entries.
    """

    text: str
    path: str
    everything: bool = False
    closed: bool = False


Row = tuple[str, str, list[Passage]]


def rows(model: Model, starts: list[str], ends: list[str]) -> list[Row]:
    """Rows (from, to, allowed connections in rule order) for each pair of starts and ends; an end may be `gateway`."""
    servers = {rule.nat.address for rule in model.chains["dstnat"] if rule.nat}
    homes = {address: model.network.leads(address) for address in servers}
    found = []
    for start in starts:
        near = _narrowed_to(model, start)
        found += [(start, end, _openings(near, start, end, homes)) for end in ends]
    return found


def _narrowed_to(model: Model, start: str) -> Model:
    """The model reduced to rules and set elements that can match packets from `start`, for speed with many networks."""
    packet = Packet(start, oif=None, dnat=None, hop_limit=None)
    sets = {
        name: tuple(each for each in members if len(each.parts) == 1 or each.parts[0] == start)
        for name, members in model.sets.items()
    }
    narrow = replace(model, sets=sets)
    chains = {
        name: tuple(rule for rule in model.chains[name] if rule.known and _may_apply(narrow, rule, replace(packet, dnat=dnat)))
        for name, dnat in (("input", None), ("forward", None), ("dstnat", False))
    }
    return replace(narrow, chains=chains)


def _may_apply(model: Model, rule: ParsedRule, packet: Packet) -> bool:
    decides = rule.nat and rule.nat.kind == "dnat" or rule.verdict
    return bool(decides) and matches(rule, packet, model.network, model.sets)[0] is not False


def _openings(near: Model, start: str, end: str, homes: dict[Address, str]) -> list[Passage]:
    """Allowed connections from start to end; homes: the link of each port forward's server."""
    packet = Packet(start, oif=None if end == GATEWAY else end, dnat=None, hop_limit=None)
    found: list[Passage] = []
    for rule in near.chains["input" if end == GATEWAY else "forward"]:
        holds, paths = matches(rule, packet, near.network, near.sets)
        if holds:
            found += [Passage("everything", (*paths, rule.path)[0], everything=True)] if rule.verdict == "accept" else []
            break
        if holds is None and any(match.fields == ("ct status",) for match in rule.matches):
            found += _forwards(near, packet, [server for server, home in homes.items() if home == end])
        elif holds is None:
            found += _conditional(near, rule, packet, closed=rule.verdict == "drop")
    while found and found[-1].closed:
        found.pop()  # denied by the policy anyway
    return list(dict.fromkeys(found))


def _conditional(model: Model, rule: ParsedRule, packet: Packet, closed: bool) -> list[Passage]:
    """What a rule allows that matches only some packets between the two zones."""
    left = [match for match in rule.matches if test(match, packet, model.network, model.sets)[0] is None]
    if not all(map(_opens_connection, left)):
        return []
    words = _words(left)
    for match in left:
        if len(match.fields) > 1:
            _, members = test(match, packet, model.network, model.sets)
            return [Passage(_element_text(match, each.parts, packet, words), each.path, closed=closed) for each in members]
    return [Passage(words or "everything", rule.path, closed=closed)]


def _opens_connection(match: Match) -> bool:
    """Whether the packet can open a connection: ICMP replies and errors cannot."""
    requests = {"icmp type": REQUESTS[ICMP], "icmpv6 type": REQUESTS[ICMPV6]}.get(match.fields[0])
    return requests is None or any(number in requests for each in match.members for number in each.parts[0])


def _words(conditions: list[Match]) -> str:
    """Conditions as text, those on one field side by side: `to A, but not B`."""
    fields = [match.fields[0] for match in conditions]
    said: dict[str, str] = {}
    for match in sorted(conditions, key=lambda one: (fields.index(one.fields[0]), one.negated)):
        field, phrase = match.fields[0], _phrase(match)
        if phrase and said.get(field) and match.negated:
            said[field] += f", but not {_values(match)}"
        else:
            said[field] = " ".join(filter(None, (said.get(field), phrase)))
    return " ".join(filter(None, said.values()))


def _phrase(match: Match) -> str:
    """A condition as text; empty if it says nothing about the connection's ends."""
    field = match.fields[0]
    if len(match.fields) > 1 or field not in PHRASES:
        return ""
    if match.text == "echo-request":
        return "ping" if field == "icmp type" else "ping (IPv6)"
    if match.text == "@private" and match.negated:
        return f"{PHRASES[field]}public addresses"
    if (field, match.text, match.negated) == ROUTED:
        return "beyond the provider's router"
    return f"{PHRASES[field]}{'all but ' * match.negated}{_values(match)}"


def _values(match: Match) -> str:
    return BUILT_IN.get(match.text) or match.text.removeprefix("@set4-").removeprefix("@set6-").replace(" ", ", ")


def _element_text(match: Match, parts: tuple, packet: Packet, words: str) -> str:
    """A set element as text without the two zones, such as `tcp 22`."""
    said = [words] if words else []
    for field, part in zip(match.fields, parts, strict=True):
        if field == "meta l4proto":
            said.append(NAMES.get(part[0], str(part[0])))
        elif field.endswith(("port", "addr")):
            said.append(str(part[0]) if part[0] == part[1] else f"{part[0]}-{part[1]}")
    return " ".join(said)


def _forwards(near: Model, packet: Packet, servers: list[Address]) -> list[Passage]:
    """Port forwards to these servers, whose clients connect to the gateway's own address."""
    found, before = [], replace(packet, oif=None, dnat=False)
    for rule in near.chains["dstnat"]:
        if rule.nat and rule.nat.address in servers:
            left = [match for match in rule.matches if test(match, before, near.network, near.sets)[0] is None]
            words = _words([match for match in left if not match.fields[0].endswith("daddr")])
            target = place(rule.nat.address, rule.nat.port)
            found.append(Passage(f"{words} of the WAN's address, forwarded to {target}", rule.path))
    return found
