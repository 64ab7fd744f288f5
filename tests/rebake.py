"""Another configuration layer in a copy of a built image: how mutants and further profiles come to a VM without a build."""

import shutil
import struct
import subprocess
from pathlib import Path

import oracle

from gwimage.compile import write
from gwimage.plan import File

SECTOR = 512


def rebake(image: Path, files: dict[str, File], target: Path) -> Path:
    """A copy of the raw image whose configuration partition holds the `config/` part of the files."""
    work = target.with_suffix(".rebake")
    write({path: file for path, file in files.items() if path.startswith("config/")}, str(work / "tree"))
    script = 'mount --bind "$WORK" "$TREE/mnt" && chroot "$TREE" mkfs.erofs --quiet /mnt/config.img /mnt/tree/config'
    env = {"TREE": str(oracle.tree()), "WORK": str(work), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    subprocess.run(argv, env=env, check=True, capture_output=True)
    layer = (work / "config.img").read_bytes()
    start, size = partition(image, "gwimage-config")
    assert len(layer) <= size
    shutil.copyfile(image, target)
    with target.open("r+b") as disk:
        disk.seek(start)
        disk.write(layer.ljust(size, b"\0"))
    shutil.rmtree(work)
    return target


def partition(image: Path, label: str) -> tuple[int, int]:
    """Start and size in bytes of the partition with this label (UEFI specification, 5.3: GPT)."""
    with image.open("rb") as disk:
        disk.seek(SECTOR)
        header = disk.read(92)
        first, count, size = struct.unpack_from("<QII", header, 72)
        disk.seek(first * SECTOR)
        for _ in range(count):
            entry = disk.read(size)
            if entry[56:128].decode("utf-16-le").rstrip("\0") == label:
                start, end = struct.unpack_from("<QQ", entry, 32)
                return start * SECTOR, (end - start + 1) * SECTOR
    raise LookupError(label)
