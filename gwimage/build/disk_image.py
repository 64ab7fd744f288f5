"""Reads a raw disk image: GPT partition table (UEFI specification 2.10, 5.3) and erofs superblocks. Never writes."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

SECTOR = 512
CHUNK = 2**20
_EROFS, _SUPERBLOCK = 0xE0F5E1E2, 1024


@dataclass(frozen=True)
class Partition:
    """Start and size of a partition, in bytes."""

    start: int
    size: int


def partitions(image: Path) -> dict[str, Partition]:
    """Partitions by label. Raises ValueError with the reason if the GPT is damaged or the image is truncated."""
    with image.open("rb") as disk:
        header = _read(disk, SECTOR, 92)
        (size,), (checksum,) = struct.unpack_from("<I", header, 12), struct.unpack_from("<I", header, 16)
        if header[:8] != b"EFI PART" or size != len(header) or zlib.crc32(header[:16] + bytes(4) + header[20:]) != checksum:
            raise ValueError("it has no partition table, or a damaged one")
        (backup,) = struct.unpack_from("<Q", header, 32)
        first, count, size, checksum = struct.unpack_from("<QIII", header, 72)
        entries = _read(disk, first * SECTOR, count * size)
        if zlib.crc32(entries) != checksum:
            raise ValueError("its partition table is damaged")
        _read(disk, backup * SECTOR, SECTOR)  # the backup header is the last sector: raises if the image is truncated
    found = {}
    for entry in (entries[start : start + size] for start in range(0, len(entries), size)):
        start, end = struct.unpack_from("<QQ", entry, 32)
        if any(entry[:16]):
            label = entry[56:128].decode("utf-16-le").rstrip("\0")
            found[label] = Partition(start * SECTOR, (end - start + 1) * SECTOR)
    return found


def erofs_uuid(image: Path, partition: Partition) -> UUID:
    """UUID of the erofs file system (fs/erofs/erofs_fs.h) in a partition. Raises ValueError if there is none."""
    with image.open("rb") as disk:
        block = _read(disk, partition.start + _SUPERBLOCK, 64)
    if struct.unpack_from("<I", block) != (_EROFS,):
        raise ValueError("no erofs")
    return UUID(bytes=block[48:64])


def blank(image: Path, partition: Partition) -> bool:
    """Whether the partition holds only zeros; holes in a sparse file are skipped (lseek(2), SEEK_DATA)."""
    place, end = partition.start, partition.start + partition.size
    with image.open("rb") as disk:
        while True:
            try:
                place = os.lseek(disk.fileno(), place, os.SEEK_DATA)
            except OSError:  # ENXIO: no data up to the end of the file
                return True
            if place >= end:
                return True
            data = os.pread(disk.fileno(), min(CHUNK, end - place), place)
            if any(data):
                return False
            place += len(data)


def _read(disk: BinaryIO, start: int, size: int) -> bytes:
    disk.seek(start)
    data = disk.read(size)
    if len(data) != size:
        raise ValueError("it ends too early")
    return data
