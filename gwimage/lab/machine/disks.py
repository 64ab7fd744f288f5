"""Disks of the lab's machine, from outside: partitions and damage of the overlay, file systems of the state disk."""

import re
import struct
import tempfile
from pathlib import Path

from gwimage.lab.netns import run

SECTOR, MIB = 512, 2**20
LABEL = "gwimage-state"


def overwrite(overlay: Path, label: str, size: int) -> None:
    """Overwrites the first `size` bytes of a partition with 0xff."""
    start = partition(overlay, label)
    run(["qemu-io", "-f", "qcow2", "-c", f"write -P 0xff {start} {size}", str(overlay)])


def partition(overlay: Path, label: str) -> int:
    """Offset of the partition with this label, in bytes (UEFI specification, 5.3: GPT). Raises LookupError."""
    with tempfile.NamedTemporaryFile(dir=overlay.parent) as head:
        run(["qemu-img", "dd", "-f", "qcow2", "-O", "raw", f"if={overlay}", f"of={head.name}", f"bs={SECTOR}", "count=64"])
        table = Path(head.name).read_bytes()
    first, count, size = struct.unpack_from("<QII", table, SECTOR + 72)
    for at in range(first * SECTOR, first * SECTOR + count * size, size):
        if table[at + 56 : at + 128].decode("utf-16-le").rstrip("\0") == label:
            return struct.unpack_from("<Q", table, at + 32)[0] * SECTOR
    raise LookupError(label)


def full(disk: Path) -> None:
    """Makes a state volume of a gateway that has run, full for everybody but root."""
    size = disk.stat().st_size // 1024
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "journal").mkdir()
        (Path(folder) / "leases").mkdir()
        room, block = _format(disk, size, folder)
        with (Path(folder) / "filler").open("wb") as file:
            file.truncate(0)
            file.write(b"\xff" * (room * block))
        _format(disk, size, folder)


def _format(disk: Path, size: int, folder: str) -> tuple[int, int]:
    """Makes the file system; its blocks free for others than root, less a few for a large file's metadata, and their size."""
    disk.write_bytes(b"")
    run(["mkfs.ext4", "-q", "-F", "-O", "^metadata_csum", "-L", LABEL, "-d", folder, str(disk), f"{size}k"])
    told = dict(re.findall(r"(?m)^(.*?): +(\d+)$", run(["dumpe2fs", "-h", str(disk)])))
    free = int(told["Free blocks"]) - int(told["Reserved block count"])
    return max(0, free - 16), int(told["Block size"])


def unrepairable(disk: Path) -> None:
    """Makes a state volume with the right label and destroyed metadata: e2fsck -p gives up."""
    run(["mkfs.ext4", "-q", "-F", "-L", LABEL, str(disk)])
    with disk.open("r+b") as file:
        file.seek(2048)
        file.write(b"\xff" * (4 * MIB))
