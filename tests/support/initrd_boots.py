"""Boots of an image up to its state volume, on disks of any kind, without cards: only the initrd is asked."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gwimage.lab.machine.processor import acceleration, processor
from gwimage.lab.wait import wait_for

PATIENCE = 120  # seconds
_ESP = slice(1 << 20, 65 << 20)  # gwimage/image/mkosi.repart/00-esp.conf
_QUIET, _LOUD = b"quiet loglevel=4", b"loglevel=7      "


def loud(image: Path, copy: Path) -> Path:
    """A copy of the image whose kernel shows all of its messages on the console."""
    content = bytearray(image.read_bytes())
    assert _QUIET in content[_ESP]
    content[_ESP] = content[_ESP].replace(_QUIET, _LOUD)
    copy.write_bytes(content)
    return copy


def boot(image: Path, arguments: Sequence[str], folder: Path) -> str:
    """The console until the state volume is mounted; the image is the drive `os`, and is not written to."""
    console = folder / "console.log"
    console.write_text("")
    argv = [
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-machine",
        "pc",
        "-m",
        "512",
    ]
    argv += [*processor(acceleration(), 1), "-serial", f"file:{console}"]
    argv += ["-drive", f"if=none,id=os,format=raw,snapshot=on,file={image}", *arguments]
    with subprocess.Popen(argv) as machine:
        try:
            wait_for(
                lambda: re.search("gwimage: (state volume: |no usable state volume)", said(console)),
                PATIENCE,
                lambda: machine.poll() is None,
            )
        finally:
            machine.kill()
    return said(console)


def said(console: Path) -> str:
    return console.read_text(errors="replace")


def moment(console: str, words: str) -> float:
    """When the kernel said these words first, in seconds since it started."""
    found = re.search(rf"\[ *([0-9.]+)\] [^\n]*{re.escape(words)}", console)
    assert found, f"{words!r} is not in {console[-3000:]}"
    return float(found[1])
