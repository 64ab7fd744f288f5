"""Allow rules as multi-dimensional ranges; finds rules shadowed by earlier ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gwimage.values.ranges import EVERY, IntervalIndex

PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "esp", "gre")
REST = "the rest"  # all other protocols
WITH_PORTS = ("tcp", "udp")


@dataclass(frozen=True)
class Opening:
    """New connections that a rule allows: from sources to targets by any of the protocols.

    Ports and addresses are bit sets of `values.ranges`; EVERY means no condition.
    """

    path: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    protocols: tuple[str, ...] = (*PROTOCOLS, REST)
    ports: int = EVERY
    saddr: int = EVERY
    daddr: int = EVERY


@dataclass
class _Uncovered:
    """Zone pairs (bit sets, by family and protocol) not yet covered, and the rules that cover the others."""

    pairs: dict[tuple[int, str], int]
    by: list[str] = field(default_factory=list)


def shadowed(openings: Sequence[Opening], axis: IntervalIndex) -> Iterable[tuple[Opening, tuple[str, ...]]]:
    """Yields each opening whose parts earlier openings all cover, with the paths of those.

    A part is one zone pair, family and protocol; one that only several earlier openings cover together is not found.
    """
    pairs = _pairs(openings)
    for index, one in enumerate(openings):
        left = _Uncovered({(family, name): pairs[index] for family in _families(one, axis) for name in one.protocols})
        for other in range(index):
            if pairs[other] & pairs[index]:
                _subtract(left, one, openings[other], pairs[other], axis)
        if left.pairs and not any(left.pairs.values()):
            yield one, tuple(dict.fromkeys(left.by))


def _subtract(left: _Uncovered, one: Opening, other: Opening, pairs: int, axis: IntervalIndex) -> None:
    """Removes from `left` the zone pairs of `one` that `other` covers completely."""
    protocols = [name for name in one.protocols if name in other.protocols]
    for family in _families(one, axis):
        if one.saddr & axis.family[family] & ~other.saddr or one.daddr & axis.family[family] & ~other.daddr:
            continue
        for name in protocols:
            if left.pairs[family, name] & pairs and not (name in WITH_PORTS and one.ports & ~other.ports):
                left.pairs[family, name] &= ~pairs
                left.by.append(other.path)


def _families(one: Opening, axis: IntervalIndex) -> list[int]:
    return [family for family, bits in axis.family.items() if one.saddr & bits and one.daddr & bits]


def _pairs(openings: Sequence[Opening]) -> list[int]:
    """A bit set of zone pairs for each opening."""
    zones = {zone: None for one in openings for zone in (*one.sources, *one.targets)}
    number = {zone: index for index, zone in enumerate(zones)}
    found = []
    for one in openings:
        row = sum(1 << number[zone] for zone in set(one.targets))
        found.append(sum(row << number[zone] * len(number) for zone in set(one.sources)))
    return found
