"""Reconstructs disk contents after a power cut, from a log of all writes. Knows no gateway.

The log is written by QEMU's blklogwrites, in the format of the kernel's dm-log-writes, little-endian
(Documentation/admin-guide/device-mapper/log-writes.rst). A real disk may lose or reorder, whole or by sectors, what was
written since the last flush, and nothing before it.
"""

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512  # bytes that a disk writes atomically
_MAGIC, _FLUSH, _DISCARD = 0x6A736677736872, 1, 4
WAYS = ("kept", "lost", "torn")


@dataclass(frozen=True)
class Write:
    """One write request: bytes at an offset, or a flush. `end`: its end in the log, in bytes."""

    end: int
    offset: int
    data: memoryview
    flush: bool


@dataclass(frozen=True)
class Cut:
    """Power cut after `count` requests. `way`: unflushed writes are kept, lost or torn; `seed` varies torn ones."""

    count: int
    way: str
    seed: int = 0


def read(log: Path) -> list[Write]:
    """All requests of a log, in order. Raises ValueError if the file is not a write log."""
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
    """`count` different power cuts at random places and in all ways, sorted by place; deterministic for a count."""
    places = range(1, len(writes) + 1)
    seeds = range(1, count // max(1, len(places)) + 1)
    found = [Cut(place, way) for place in places for way in WAYS]
    found += [Cut(place, "torn", seed) for seed in seeds for place in places]
    return sorted(random.Random(count).sample(found, min(count, len(found))), key=lambda cut: cut.count)


def survivors(writes: Sequence[Write], cut: Cut) -> Iterator[tuple[int, memoryview]]:
    """Pieces that the disk holds after the cut, as (offset, bytes); later ones overwrite earlier ones."""
    issued = writes[: cut.count]
    safe = max((number for number, write in enumerate(issued, 1) if write.flush), default=0)
    for write in issued[:safe]:
        yield write.offset, write.data
    if cut.way == "kept":
        yield from ((write.offset, write.data) for write in issued[safe:])
    elif cut.way == "torn":
        yield from _torn(issued[safe:], random.Random(f"{cut.count} {cut.seed}"))


def _torn(pending: Sequence[Write], dice: random.Random) -> Iterator[tuple[int, memoryview]]:
    """Unflushed writes in random order: each whole, lost, or some of its sectors."""
    for write in dice.sample(pending, len(pending)):
        sectors = len(write.data) // SECTOR
        part = dice.choice((0, sectors, dice.randint(0, sectors)))
        for number in sorted(dice.sample(range(sectors), part)):
            yield write.offset + number * SECTOR, write.data[number * SECTOR :][:SECTOR]


def lay(disk: Path, size: int, pieces: Iterator[tuple[int, memoryview]]) -> None:
    """Writes a disk image of `size` bytes: the pieces, zeros elsewhere."""
    with disk.open("wb") as file:
        file.truncate(size)
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
