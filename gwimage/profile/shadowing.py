"""Allow rules as multi-dimensional ranges; finds rules shadowed by earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gwimage.values.ranges import EVERY, IntervalIndex

PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "esp", "gre")
REST = "the rest"  # of the protocols
WITH_PORTS = ("tcp", "udp")


@dataclass(frozen=True)
class Opening:
    """New connections from one of the zones to another by one of the protocols. The bits come from `ranges`."""

    path: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    protocols: tuple[str, ...] = (*PROTOCOLS, REST)
    ports: int = EVERY
    saddr: int = EVERY
    daddr: int = EVERY


@dataclass
class _Uncovered:
    """Pairs of zones, as bits, that nothing opens so far: by family and protocol."""

    pairs: dict[tuple[int, str], int]
    by: list[str] = field(default_factory=list)


def shadowed(openings: Sequence[Opening], axis: IntervalIndex) -> Iterable[tuple[Opening, tuple[str, ...]]]:
    """Each opening all of whose parts an earlier one opens already, with the paths of those.

    A part is one pair of zones, one family and one protocol; what only several earlier ones cover together is not found.
    """
    pairs = _pairs(openings)
    for index, one in enumerate(openings):
        left = _Uncovered({(family, name): pairs[index] for family in _families(one, axis) for name in one.protocols})
        for other in range(index):
            if pairs[other] & pairs[index]:
                _take(left, one, openings[other], pairs[other], axis)
        if left.pairs and not any(left.pairs.values()):
            yield one, tuple(dict.fromkeys(left.by))


def _take(left: _Uncovered, one: Opening, other: Opening, pairs: int, axis: IntervalIndex) -> None:
    """Takes away what the other one opens of this one."""
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
    """For each opening one bit for each of its pairs of zones."""
    zones = {zone: None for one in openings for zone in (*one.sources, *one.targets)}
    number = {zone: index for index, zone in enumerate(zones)}
    found = []
    for one in openings:
        row = sum(1 << number[zone] for zone in set(one.targets))
        found.append(sum(row << number[zone] * len(number) for zone in set(one.sources)))
    return found
