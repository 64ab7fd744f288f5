"""Parses nft rules and set elements, in exactly the forms that gwimage writes.

Any other form raises ValueError; the meaning of unknown syntax must never be guessed.
"""

import re
from ipaddress import ip_address, ip_network

from gwimage.explain.nft_rules import FAMILY, Match, Member, Nat, ParsedRule, Value
from gwimage.explain.packet import ICMP_TYPES, ICMPV6_TYPES, PROTOCOLS

TOKEN = re.compile(r'"[^"]*"|[{},]|[^\s{},]+')
RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
TARGET = {
    "ip": re.compile(r"([0-9.]+)(?::([0-9]+))?"),
    "ip6": re.compile(r"\[?([0-9a-f:.]+?)\]?(?:(?<=\]):([0-9]+))?"),
}
# value type of each field: quoted names, addresses, numbers, numbers with names, or a choice of words
NUMBER: dict[str, int] = {}
FIELDS = {
    "iifname": "name",
    "oifname": "name",
    **{f"{head} {tail}addr": "address" for head in ("ip", "ip6") for tail in "sd"},
    **{f"{head} {tail}port": NUMBER for head in ("tcp", "udp", "th") for tail in "sd"},
    "meta l4proto": PROTOCOLS,
    "meta nfproto": ("ipv4", "ipv6"),
    "icmp type": ICMP_TYPES,
    "icmpv6 type": ICMPV6_TYPES,
    "ip6 hoplimit": NUMBER,
    "rt ip6 nexthop": "address",
    "fib daddr type": ("local",),
    "fib saddr . iif oif": ("missing",),
    "fib saddr oifname": "name",
    "ct state": ("new", "established", "related", "invalid", "untracked"),
    "ct status": ("dnat",),
    "ct mark": NUMBER,
    "tcp flags & (syn|rst) ==": ("syn",),
}
# types of named sets, as a field with such values
TYPES = {
    "ifname": "iifname",
    "inet_proto": "meta l4proto",
    "inet_service": "th dport",
    "ipv4_addr": "ip saddr",
    "ipv6_addr": "ip6 saddr",
}


class _Words:
    """Token stream over the text of a rule or element."""

    def __init__(self, text: str):
        self.text, self.left = text, TOKEN.findall(text)

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{what}: {self.text}")

    def take(self, *wanted: str) -> bool:
        """Consumes these words if they come next; returns whether they did."""
        if tuple(self.left[: len(wanted)]) != wanted:
            return False
        del self.left[: len(wanted)]
        return True

    def next(self) -> str:
        if not self.left:
            raise self.wrong("ends too early")
        return self.left.pop(0)

    def need(self, *wanted: str) -> None:
        if not self.take(*wanted):
            raise self.wrong(f"expected {' '.join(wanted)!r} before {' '.join(self.left)!r}")

    def number(self) -> int:
        word = self.next()
        if not RANGE.fullmatch(word) or "-" in word:
            raise self.wrong(f"{word!r} is no number")
        return int(word)

    def field(self) -> str:
        """Consumes and returns the longest field name that comes next; empty if there is none."""
        for size in (5, 3, 2, 1):
            phrase = " ".join(self.left[:size])
            if phrase in FIELDS and len(self.left) >= size:
                del self.left[:size]
                return phrase
        return ""


def rule(stage: str, text: str, path: str) -> ParsedRule:
    """Parses the text of a plan's rule, without its comment."""
    words, matches, then = _Words(text), [], {}
    while words.left:
        if then.keys() & {"verdict", "nat", "jump"}:
            raise words.wrong(f"{words.left[0]!r} after the verdict")
        if words.take("ct", "mark", "set"):
            then["ct_mark"] = words.number()
        elif words.take("meta", "mark", "set", "ct", "mark"):
            then["marked"] = True
        elif field := words.field():
            matches.append(_match(words, field))
        else:
            _statement(words, matches, then)
    return ParsedRule(stage, text, path, tuple(matches), **then)


def element(types: str, text: str, path: str) -> Member:
    """Parses a set element, such as "lan" . udp . 53 for the types ifname . inet_proto . inet_service."""
    words = _Words(text)
    found = _member(words, tuple(TYPES[name] for name in types.split(" . ")))
    if words.left:
        raise words.wrong("more than an element")
    return Member(found.parts, path)


def _match(words: _Words, field: str) -> Match:
    fields = [field]
    while words.take("."):
        fields.append(words.field())
    if "" in fields:
        raise words.wrong("an unknown field")
    negated, before = words.take("!="), list(words.left)
    if words.left and words.left[0].startswith("@"):
        return Match(tuple(fields), (), words.next()[1:], negated, before[0])
    members = _members(words, tuple(fields))
    text = " ".join(word for word in before[: len(before) - len(words.left)] if word not in "{},")
    return Match(tuple(fields), members, "", negated, text)


def _members(words: _Words, fields: tuple[str, ...]) -> tuple[Member, ...]:
    listed, found = words.take("{"), [_member(words, fields)]
    if not listed:  # ct state is a bit mask, whose values need no braces
        while fields == ("ct state",) and words.take(","):
            found.append(_member(words, fields))
        return tuple(found)
    while not words.take("}"):
        words.need(",")
        found.append(_member(words, fields))
    return tuple(found)


def _member(words: _Words, fields: tuple[str, ...]) -> Member:
    parts = [_value(words, fields[0])]
    for field in fields[1:]:
        words.need(".")
        parts.append(_value(words, field))
    return Member(tuple(parts))


def _value(words: _Words, field: str) -> Value:
    word, kind = words.next(), FIELDS[field]
    if kind == "name":
        if word[0] == word[-1] == '"' and "*" not in word:
            return word[1:-1]
    elif kind == "address":
        return _addresses(words, word, FAMILY[field.split()[0]])
    elif isinstance(kind, tuple):
        if word in kind:
            return word
    elif word in kind:
        return kind[word], kind[word]
    elif number := RANGE.fullmatch(word):
        return int(number[1]), int(number[2] or number[1])
    raise words.wrong(f"{word!r} is no value of {field}")


def _addresses(words: _Words, word: str, family: int) -> tuple[int, int]:
    first, dash, last = word.partition("-")
    net = ip_network(first, strict=False)  # nft also clears host bits
    low, high = net.network_address, ip_address(last) if dash else net.broadcast_address
    if {low.version, high.version} != {family}:
        raise words.wrong(f"{word!r} is not of IPv{family}")
    return int(low), int(high)


def _statement(words: _Words, matches: list[Match], then: dict) -> None:
    word = words.next()
    if word in ("accept", "drop"):
        then["verdict"] = word
    elif word == "jump":
        then["jump"] = words.next()
    elif word == "masquerade":
        then["nat"] = Nat(word)
    elif word == "snat" and words.take("ip", "prefix", "to", "ip", "saddr", "map"):
        matches.append(_identity_map(words))
        then["nat"] = Nat("keep")
    elif word in ("dnat", "snat"):
        then["nat"] = _nat_target(words, word)
        # `dnat ip` applies to IPv4 only, even if no other match says so
        matches.append(Match(("meta nfproto",), (Member((f"ipv{then['nat'].address.version}",)),)))
    elif word == "limit":
        words.need("rate")
        then["limit"] = words.next()
        if words.take("burst"):
            words.number()
            words.need("packets")
    elif word == "log":
        words.need("prefix")
        then["log"] = words.next().strip('"')
        if words.take("level"):
            words.next()
    elif word == "notrack":
        then["untracked"] = True
    elif word == "tcp":
        words.need("option", "maxseg", "size", "set")
        if words.next() == "rt":
            words.need("mtu")
    elif word != "counter":
        raise words.wrong(f"{word!r} is not understood")


def _nat_target(words: _Words, kind: str) -> Nat:
    """Parses a NAT target: ip to A, ip to A:P, ip6 to A, ip6 to [A]:P.

    No port ranges: the kernel would not map each port to the corresponding one.
    """
    family = words.next()
    words.need("to")
    target = TARGET.get(family, TARGET["ip"]).fullmatch(words.next())
    if family not in TARGET or not target:
        raise words.wrong("an unknown target")
    return Nat(kind, ip_address(target[1]), int(target[2]) if target[2] else None)


def _identity_map(words: _Words) -> Match:
    """Parses an identity map { P : P, ... } as a match on its keys."""
    words.need("{")
    found = []
    while not found or words.take(","):
        before = words.next()
        words.need(":")
        if words.next() != before:
            raise words.wrong("a map that changes addresses")
        found.append(Member((_addresses(words, before, 4),)))
    words.need("}")
    return Match(("ip saddr",), tuple(found))
