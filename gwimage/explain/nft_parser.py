"""Reads the text of a rule or of a set's element: exactly the forms that gwimage writes.

Any other form raises ValueError: what is not understood must never be guessed at.
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
# the values of each field: names in quotes, addresses, numbers, numbers that have names, or a few words
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
    "fib daddr type": ("local",),
    "fib saddr . iif oif": ("missing",),
    "fib saddr oifname": "name",
    "ct state": ("new", "established", "related", "invalid", "untracked"),
    "ct status": ("dnat",),
    "ct mark": NUMBER,
    "tcp flags & (syn|rst) ==": ("syn",),
}
# of the named sets
TYPES = {
    "ifname": "iifname",
    "inet_proto": "meta l4proto",
    "inet_service": "th dport",
    "ipv4_addr": "ip saddr",
    "ipv6_addr": "ip6 saddr",
}


class _Words:
    """The words of a text, taken one after the other."""

    def __init__(self, text: str):
        self.text, self.left = text, TOKEN.findall(text)

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{what}: {self.text}")

    def take(self, *wanted: str) -> bool:
        """Whether these words come next; then they are taken."""
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
        """The longest field that comes next, taken; nothing if none does."""
        for size in (5, 3, 2, 1):
            phrase = " ".join(self.left[:size])
            if phrase in FIELDS and len(self.left) >= size:
                del self.left[:size]
                return phrase
        return ""


def rule(stage: str, text: str, path: str) -> ParsedRule:
    """A rule as the plan has it, without its comment."""
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
    """An element of a set of these types, such as "lan" . udp . 53 of ifname . inet_proto . inet_service."""
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
    if not listed:  # of a bit mask, as ct state is one
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
    net = ip_network(first, strict=False)  # nft, too, cuts off what the prefix does not cover
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
        matches.append(_kept(words))
        then["nat"] = Nat("keep")
    elif word in ("dnat", "snat"):
        then["nat"] = _target(words, word)
        # `dnat ip` says nothing about IPv6, though no match may have said so
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


def _target(words: _Words, kind: str) -> Nat:
    """ip to A, ip to A:P, ip6 to A, ip6 to [A]:P. Of a range of ports the kernel would not take the one that corresponds."""
    family = words.next()
    words.need("to")
    target = TARGET.get(family, TARGET["ip"]).fullmatch(words.next())
    if family not in TARGET or not target:
        raise words.wrong("an unknown target")
    return Nat(kind, ip_address(target[1]), int(target[2]) if target[2] else None)


def _kept(words: _Words) -> Match:
    """{ P : P, ... }: an identity map, which matches what it holds."""
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
