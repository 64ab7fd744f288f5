"""One nft rule as data, and what it means for one packet. What is not known of a packet (None) gives "perhaps" (None)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gwimage.explain.packet import ICMP, ICMPV6, SCTP, TCP, UDP, Address, Packet

FAMILY = {"ip": 4, "icmp": 4, "ip6": 6, "icmpv6": 6}
CARRIER = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
PORTED = (TCP, UDP, SCTP)
ABSENT = object()  # the packet has no such field: the rule does not match, negated or not

Value = str | tuple[int, int]  # a name, or the first and last of a range


class World(Protocol):
    """What rules ask of the routing table."""

    def kind(self, address: Address) -> str:
        """local, broadcast, multicast or unicast."""

    def leads(self, address: Address, only: Iterable[str] | None = None) -> str:
        """The link by which a packet to this address would leave; nothing if by none."""


@dataclass(frozen=True)
class Member:
    """One value, of one part for each field of a concatenation; `path` is the profile path of a set's element."""

    parts: tuple[Value, ...]
    path: str = ""


@dataclass(frozen=True)
class Match:
    """fields: phrases of nft such as "ip saddr"; the members, or the name of a set that has them; text: their words."""

    fields: tuple[str, ...]
    members: tuple[Member, ...] = ()
    set: str = ""
    negated: bool = False
    text: str = ""


@dataclass(frozen=True)
class Nat:
    """kind: dnat, snat, masquerade, or keep: no translation here, and none by a later chain either."""

    kind: str
    address: Address | None = None
    port: int | None = None


@dataclass(frozen=True)
class ParsedRule:
    """Matches, then what happens. limit and log are only told; verdict: accept, drop or nothing; jump: a chain's name.

    untracked: conntrack is not to see the packet; ct_mark: what it is to remember; marked: the packet gets that mark.
    Not known: a rule of the user's own in words that nobody here understands.
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
        """Whether it asks what conntrack knows of the packet's connection."""
        return any("ct state" in match.fields for match in self.matches)


Sets = dict[str, tuple[Member, ...]]


def matches(rule: ParsedRule, packet: Packet, world: World, sets: Sets) -> tuple[bool | None, tuple[str, ...]]:
    """Whether all its matches hold (None: perhaps), and the profile paths of the set elements because of which."""
    every, paths = True, []
    for match in rule.matches:
        holds, members = test(match, packet, world, sets)
        if holds is False:
            return False, ()
        every = every and holds
        paths += [member.path for member in members if member.path]
    return every, tuple(paths)


def test(match: Match, packet: Packet, world: World, sets: Sets) -> tuple[bool | None, tuple[Member, ...]]:
    """Whether it holds, and the members because of which; none if it is negated."""
    seen = [look(field, packet, world) for field in match.fields]
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


def look(field: str, packet: Packet, world: World) -> object:
    """The value of a field, None if it is not known, ABSENT if the packet has none."""
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


LOOK = {
    "iifname": lambda packet, _: packet.iif,
    "oifname": lambda packet, _: packet.oif,
    "meta l4proto": lambda packet, _: packet.protocol,
    "meta nfproto": lambda packet, _: packet.family and f"ipv{packet.family}",
    "ip6 hoplimit": lambda packet, _: packet.hop_limit,
    "fib daddr type": _fib_type,
    "fib saddr . iif oif": _fib_missing,
    "fib saddr oifname": _fib_link,
    "ct state": lambda packet, _: packet.state,
    "ct mark": lambda packet, _: packet.ct_mark,
    "ct status": lambda packet, _: {None: None, True: "dnat", False: ""}[packet.dnat],
    # only the first packet of a connection and the answer to it are ever asked about
    "tcp flags & (syn|rst) ==": lambda _packet, _world: "syn",
    **{f"{head} saddr": lambda packet, _: packet.src and int(packet.src) for head in ("ip", "ip6")},
    **{f"{head} daddr": lambda packet, _: packet.dst and int(packet.dst) for head in ("ip", "ip6")},
    **{f"{head} type": lambda packet, _: packet.icmp_type for head in ("icmp", "icmpv6")},
    **{f"{head} sport": lambda packet, _: packet.sport for head in ("tcp", "udp", "th")},
    **{f"{head} dport": lambda packet, _: packet.dport for head in ("tcp", "udp", "th")},
}
