"""nft rules as data, and their evaluation for one packet.

Three-valued: an unknown field of the packet (None) makes a match unknown (None).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gwimage.explain.packet import ICMP, ICMPV6, SCTP, TCP, UDP, Address, Packet

FAMILY = {"ip": 4, "icmp": 4, "ip6": 6, "icmpv6": 6, "rt": 6}  # rt: of IPv6 only
CARRIER = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
PORTED = (TCP, UDP, SCTP)
ABSENT = object()  # the packet has no such field: the rule does not match, negated or not

Value = str | tuple[int, int]  # a name, or the first and last of a range


class World(Protocol):
    """What the evaluation of rules needs of the routing table (fib and rt expressions)."""

    def kind(self, address: Address) -> str:
        """Address type: local, broadcast, multicast, anycast or unicast."""

    def leads(self, address: Address, only: Iterable[str] | None = None) -> str:
        """Outgoing link for a unicast address (through the links `only`, if given); empty if there is none."""

    def next_hop(self, address: Address, mark: int = 0) -> Address | None:
        """The router to an address, or the address itself on a network of the gateway; None without a route."""


@dataclass(frozen=True)
class Member:
    """One value, with a part for each field of a concatenation; `path`: profile path of a set element."""

    parts: tuple[Value, ...]
    path: str = ""


@dataclass(frozen=True)
class Match:
    """A match of one or more fields (nft expressions such as "ip saddr").

    Values are in `members`, or in the named set `set`; text: the values as written.
    """

    fields: tuple[str, ...]
    members: tuple[Member, ...] = ()
    set: str = ""
    negated: bool = False
    text: str = ""


@dataclass(frozen=True)
class Nat:
    """A NAT statement; kind: dnat, snat, masquerade, or keep (an identity map: no translation here or in later chains)."""

    kind: str
    address: Address | None = None
    port: int | None = None


@dataclass(frozen=True)
class ParsedRule:
    """A parsed rule: matches, then statements.

    limit and log are reported, not evaluated; verdict: accept, drop or empty; jump: name of a chain. untracked: notrack;
    ct_mark: value set as ct mark; marked: the ct mark is copied to the packet. known: false for a raw rule that the parser
    does not understand.
    """

    stage: str
    text: str
    path: str
    matches: tuple[Match, ...] = ()
    limit: str = ""
    log: str = ""
    verdict: str = ""
    jump: str = ""
    nat: Nat | None = None
    untracked: bool = False
    ct_mark: int | None = None
    marked: bool = False
    known: bool = True

    @property
    def by_state(self) -> bool:
        """Whether the rule matches on the conntrack state."""
        return any("ct state" in match.fields for match in self.matches)


Sets = dict[str, tuple[Member, ...]]


def matches(rule: ParsedRule, packet: Packet, world: World, sets: Sets) -> tuple[bool | None, tuple[str, ...]]:
    """Whether all matches of a rule hold (None: unknown), and the profile paths of the set elements that matched."""
    every, paths = True, []
    for match in rule.matches:
        holds, members = test(match, packet, world, sets)
        if holds is False:
            return False, ()
        every = every and holds
        paths += [member.path for member in members if member.path]
    return every, tuple(paths)


def test(match: Match, packet: Packet, world: World, sets: Sets) -> tuple[bool | None, tuple[Member, ...]]:
    """Whether a match holds (None: unknown), and the members that matched (none if negated)."""
    seen = [field_value(field, packet, world) for field in match.fields]
    if ABSENT in seen:
        return False, ()
    sure, perhaps = [], []
    for member in sets[match.set] if match.set else match.members:
        answers = [_same(part, value) for part, value in zip(member.parts, seen, strict=True)]
        if False not in answers:
            (perhaps if None in answers else sure).append(member)
    if match.negated:
        return (False if sure else None if perhaps else True), ()
    return (True if sure else None if perhaps else False), tuple(sure or perhaps)


def _same(part: Value, value: object) -> bool | None:
    if value is None:
        return None
    return part == value if isinstance(part, str) else part[0] <= value <= part[1]


def field_value(field: str, packet: Packet, world: World) -> object:
    """The packet's value of a field; None if unknown, ABSENT if the packet has no such field."""
    head = field.partition(" ")[0]
    for needed, actual in ((FAMILY.get(head), packet.family), (CARRIER.get(head), packet.protocol)):
        if needed and actual is None:
            return None
        if needed and actual != needed:
            return ABSENT
    if head == "th" and packet.protocol is not None and packet.protocol not in PORTED:
        return ABSENT
    if head == "ct" and packet.state in ("invalid", "untracked") and field != "ct state":
        return ABSENT
    return LOOK[field](packet, world)


def _fib_type(packet: Packet, world: World) -> str | None:
    return None if packet.dst is None else world.kind(packet.dst)


def _fib_missing(packet: Packet, world: World) -> str | None:
    return None if packet.src is None else "" if world.leads(packet.src, (packet.iif,)) else "missing"


def _fib_link(packet: Packet, world: World) -> str | None:
    return None if packet.src is None else world.leads(packet.src)


def _next_hop(packet: Packet, world: World) -> int | None:
    return packet.dst and int(world.next_hop(packet.dst, packet.mark) or 0)


LOOK = {
    "iifname": lambda packet, _: packet.iif,
    "oifname": lambda packet, _: packet.oif,
    "meta l4proto": lambda packet, _: packet.protocol,
    "meta nfproto": lambda packet, _: packet.family and f"ipv{packet.family}",
    "ip6 hoplimit": lambda packet, _: packet.hop_limit,
    "rt ip6 nexthop": _next_hop,
    "fib daddr type": _fib_type,
    "fib saddr . iif oif": _fib_missing,
    "fib saddr oifname": _fib_link,
    "ct state": lambda packet, _: packet.state,
    "ct mark": lambda packet, _: packet.ct_mark,
    "ct status": lambda packet, _: {None: None, True: "dnat", False: ""}[packet.dnat],
    # only the first packet of a connection and its reply are ever evaluated
    "tcp flags & (syn|rst) ==": lambda _packet, _world: "syn",
    **{f"{head} saddr": lambda packet, _: packet.src and int(packet.src) for head in ("ip", "ip6")},
    **{f"{head} daddr": lambda packet, _: packet.dst and int(packet.dst) for head in ("ip", "ip6")},
    **{f"{head} type": lambda packet, _: packet.icmp_type for head in ("icmp", "icmpv6")},
    **{f"{head} sport": lambda packet, _: packet.sport for head in ("tcp", "udp", "th")},
    **{f"{head} dport": lambda packet, _: packet.dport for head in ("tcp", "udp", "th")},
}
