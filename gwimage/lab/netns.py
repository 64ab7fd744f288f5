"""Network namespaces: made by name, entered by a thread, and given to programs.

Works only inside the private world of `world.py`, whose /run is its own.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gwimage.problem import ToolError

_NAMES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(argv: Sequence[str], stdin: str | None = None) -> str:
    """The standard output of a command that must succeed."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    except OSError as error:
        raise ToolError(argv, 127, str(error)) from error
    if done.returncode:
        raise ToolError(argv, done.returncode, done.stderr)
    return done.stdout


def make(name: str) -> None:
    """A new namespace with its loopback up."""
    run(["ip", "netns", "add", name])
    ip(name, ["link set lo up"])


def ip(name: str, commands: Iterable[str]) -> None:
    """Several `ip` commands in a namespace, by one process."""
    run(["ip", "-n", name, "-batch", "-"], stdin="\n".join(commands) + "\n")


@contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread is in the namespace; a socket stays where it was made."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(_NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(there)
        yield
    finally:
        _enter(home)
        os.close(there)
        os.close(home)


def spawn(name: str, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A program in the namespace; its output goes to the end of `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            ["nsenter", f"--net={_NAMES / name}", *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def _enter(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET):
        raise ToolError(["setns"], ctypes.get_errno(), os.strerror(ctypes.get_errno()))
