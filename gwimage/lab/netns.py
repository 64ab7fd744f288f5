"""Network namespaces by name: creates them, enters them with a thread, and runs programs in them.

Works only inside the sandbox of sandbox.py, whose /run is private.
"""

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
    """Runs a command; returns its standard output. Raises ToolError if it fails."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    except OSError as error:
        raise ToolError(argv, 127, str(error)) from error
    if done.returncode:
        raise ToolError(argv, done.returncode, done.stderr)
    return done.stdout


def make(name: str) -> None:
    """Creates a namespace, and sets its loopback interface up."""
    run(["ip", "netns", "add", name])
    ip(name, ["link set lo up"])


def ip(name: str, commands: Iterable[str]) -> None:
    """Runs several `ip` commands in a namespace, in one process (ip -batch)."""
    run(["ip", "-n", name, "-batch", "-"], stdin="\n".join(commands) + "\n")


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Moves the calling thread into the namespace (setns(2)); sockets stay in the namespace where they were created."""
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
    """Starts a program in the namespace; its output is appended to `log`."""
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
