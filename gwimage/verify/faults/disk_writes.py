"""What a disk holds after a cut of power, from the log of all that it was told to write. Knows no gateway.

The log is QEMU's blklogwrites, in the form of the kernel's dm-log-writes, little-endian
(Documentation/admin-guide/device-mapper/log-writes.rst). A real disk may lose or reorder, whole or by sectors, what was
written since the last flush, and nothing before it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512  # what a disk writes whole or not at all
_MAGIC, _FLUSH, _DISCARD = 0x6A736677736872, 1, 4
WAYS = ("kept", "lost", "torn")


@dataclass(frozen=True)
class Write:
    """One order to the disk: bytes at an offset, or a flush. `end`: where in the log it ends, in bytes."""

    end: int
    offset: int
    data: memoryview
    flush: bool


@dataclass(frozen=True)
class Cut:
    """Power goes after `count` orders; `way`: what becomes of those that were never flushed."""

    count: int
    way: str
    seed: int = 0


def read(log: Path) -> list[Write]:
    """Every order, in order. Raises ValueError if the file is no such log."""
    data = memoryview(log.read_bytes())
    magic, _, count, sector = struct.unpack_from("<QQQI", data)
    if magic != _MAGIC:
        raise ValueError(f"{log} is no log of writes")
    found, at = [], sector
    for _ in range(count):
        start, sectors, flags, _ = struct.unpack_from("<4Q", data, at)
        size = 0 if flags & _DISCARD else sectors * sector
        body, at = at + sector, at + sector + size
        found.append(Write(at, start * sector, data[body:at], bool(flags & _FLUSH)))
    return found


def cuts(writes: Sequence[Write], count: int) -> list[Cut]:
    """So many different ones, after any order and in any way; torn ones differ by their seed."""
    places = range(1, len(writes) + 1)
    seeds = range(1, count // max(1, len(places)) + 1)
    found = [Cut(place, way) for place in places for way in WAYS]
    found += [Cut(place, "torn", seed) for seed in seeds for place in places]
    return sorted(random.Random(count).sample(found, min(count, len(found))), key=lambda cut: cut.count)


def survivors(writes: Sequence[Write], cut: Cut) -> Iterator[tuple[int, memoryview]]:
    """What the disk holds after the cut: bytes at offsets, later ones over earlier ones."""
    told = writes[: cut.count]
    safe = max((number for number, write in enumerate(told, 1) if write.flush), default=0)
    for write in told[:safe]:
        yield write.offset, write.data
    if cut.way == "kept":
        yield from ((write.offset, write.data) for write in told[safe:])
    elif cut.way == "torn":
        yield from _torn(told[safe:], random.Random(f"{cut.count} {cut.seed}"))


def _torn(pending: Sequence[Write], dice: random.Random) -> Iterator[tuple[int, memoryview]]:
    """Some whole, some not at all, some in part, in any order."""
    for write in dice.sample(pending, len(pending)):
        sectors = len(write.data) // SECTOR
        part = dice.choice((0, sectors, dice.randint(0, sectors)))
        for number in sorted(dice.sample(range(sectors), part)):
            yield write.offset + number * SECTOR, write.data[number * SECTOR :][:SECTOR]


def lay(disk: Path, size: int, pieces: Iterator[tuple[int, memoryview]]) -> None:
    """A disk of `size` bytes with these pieces on zeros."""
    with disk.open("wb") as file:
        file.truncate(size)
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
