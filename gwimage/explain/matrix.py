"""Who may open connections to whom: the same rules, asked about packets of which only the two networks are known.

A rule that certainly holds opens everything; one that perhaps holds opens what its other words say.
"""

from dataclasses import dataclass, replace

from gwimage.explain.nft_rules import Match, ParsedRule, matches, test
from gwimage.explain.packet import ICMP, ICMPV6, NAMES, REQUESTS, Address, Packet
from gwimage.explain.packet_path import Model, place

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
    "icmp type": "icmp ",
    "icmpv6 type": "icmpv6 ",
    "meta nfproto": "",
}


@dataclass(frozen=True)
class Passage:
    """What may pass: everything, or what `text` says; closed: what may not, out of what comes after it."""

    text: str
    path: str
    everything: bool = False
    closed: bool = False


Row = tuple[str, str, list[Passage]]


def rows(model: Model, starts: list[str], ends: list[str]) -> list[Row]:
    """(from, to, what may pass in the order of the rules) for each network and each other one or the gateway."""
    servers = {rule.nat.address for rule in model.chains["dstnat"] if rule.nat}
    homes = {address: model.network.leads(address) for address in servers}
    found = []
    for start in starts:
        near = _from(model, start)
        found += [(start, end, _openings(near, start, end, homes)) for end in ends]
    return found


def _from(model: Model, start: str) -> Model:
    """What of the rules and sets can matter to packets that come from there: profiles may have many networks."""
    packet = Packet(start, oif=None, dnat=None, hop_limit=None)
    sets = {
        name: tuple(each for each in members if len(each.parts) == 1 or each.parts[0] == start)
        for name, members in model.sets.items()
    }
    narrow = replace(model, sets=sets)
    chains = {
        name: tuple(rule for rule in model.chains[name] if rule.known and _counts(narrow, rule, replace(packet, dnat=dnat)))
        for name, dnat in (("input", None), ("forward", None), ("dstnat", False))
    }
    return replace(narrow, chains=chains)


def _counts(model: Model, rule: ParsedRule, packet: Packet) -> bool:
    decides = rule.nat and rule.nat.kind == "dnat" or rule.verdict
    return bool(decides) and matches(rule, packet, model.network, model.sets)[0] is not False


def _openings(near: Model, start: str, end: str, homes: dict[Address, str]) -> list[Passage]:
    """homes: where the servers of port forwards are."""
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
            found += _perhaps(near, rule, packet, closed=rule.verdict == "drop")
    while found and found[-1].closed:
        found.pop()  # it is closed anyhow
    return list(dict.fromkeys(found))


def _perhaps(model: Model, rule: ParsedRule, packet: Packet, closed: bool) -> list[Passage]:
    """What a rule opens that holds for some packets between the two."""
    left = [match for match in rule.matches if test(match, packet, model.network, model.sets)[0] is None]
    if not all(map(_asks, left)):
        return []
    words = " ".join(filter(None, map(_phrase, left)))
    for match in left:
        if len(match.fields) > 1:
            _, members = test(match, packet, model.network, model.sets)
            return [Passage(_rest(match, each.parts, packet, words), each.path, closed=closed) for each in members]
    return [Passage(words or "everything", rule.path, closed=closed)]


def _asks(match: Match) -> bool:
    """Whether a connection can begin with such a packet: ICMP knows requests, answers and errors."""
    requests = {"icmp type": REQUESTS[ICMP], "icmpv6 type": REQUESTS[ICMPV6]}.get(match.fields[0])
    return requests is None or any(number in requests for each in match.members for number in each.parts[0])


def _phrase(match: Match) -> str:
    """The words for one condition; nothing for what says nothing about the two ends."""
    field = match.fields[0]
    if len(match.fields) > 1 or field not in PHRASES:
        return ""
    if match.text == "echo-request":
        return "ping" if field == "icmp type" else "ping (IPv6)"
    values = match.text.removeprefix("@set4-").removeprefix("@set6-").removeprefix("@").replace(" ", ", ")
    return f"{PHRASES[field]}{'all but ' * match.negated}{values}"


def _rest(match: Match, parts: tuple, packet: Packet, words: str) -> str:
    """What an element of a set says beyond the two networks, such as tcp 22."""
    said = [words] if words else []
    for field, part in zip(match.fields, parts, strict=True):
        if field == "meta l4proto":
            said.append(NAMES.get(part[0], str(part[0])))
        elif field.endswith(("port", "addr")):
            said.append(str(part[0]) if part[0] == part[1] else f"{part[0]}-{part[1]}")
    return " ".join(said)


def _forwards(near: Model, packet: Packet, servers: list[Address]) -> list[Passage]:
    """Port forwards to these servers: what is called is the gateway's own address."""
    found, before = [], replace(packet, oif=None, dnat=False)
    for rule in near.chains["dstnat"]:
        if rule.nat and rule.nat.address in servers:
            left = [match for match in rule.matches if test(match, before, near.network, near.sets)[0] is None]
            words = " ".join(filter(None, (_phrase(match) for match in left if not match.fields[0].endswith("daddr"))))
            target = place(rule.nat.address, rule.nat.port)
            found.append(Passage(f"{words} of the WAN's address, forwarded to {target}", rule.path))
    return found
