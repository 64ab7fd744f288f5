"""The guest agent, asked as Proxmox asks it: by a virtio port, in JSON (QEMU's qemu-ga-ref)."""

import json
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

_AGAIN = 5  # seconds until it is asked again
_DELIMITER = b"\xff"  # resets the agent's parser; its answer to guest-sync-delimited begins with it


def ping(path: Path, wait: float) -> bool:
    """Whether the agent answers within `wait` seconds; path: of the port's socket. No, too, if the machine goes off meanwhile."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        return _connect(line, path, time.monotonic() + wait) and _ask(line, "guest-ping", wait) == {"return": {}}
    return False


def shut_down(path: Path, wait: float) -> bool:
    """Orders the guest to shut down; whether the agent was there to hear it. It does not answer this order."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        heard = _connect(line, path, time.monotonic() + wait)
        if heard:
            _send(line, "guest-shutdown", mode="powerdown")
        return heard
    return False


def _connect(line: socket.socket, path: Path, deadline: float) -> bool:
    """Opens the session, so that answers to earlier orders are left behind; asks again until the agent is up."""
    line.connect(str(path))
    while (left := deadline - time.monotonic()) > 0:
        number = secrets.randbits(31)
        line.sendall(_DELIMITER)
        _send(line, "guest-sync-delimited", id=number)
        until = time.monotonic() + min(left, _AGAIN)
        while said := _line(line, until - time.monotonic()):  # an agent that comes up late answers all earlier ones first
            if said.rpartition(_DELIMITER)[2].strip() == json.dumps({"return": number}).encode():
                return True
    return False


def _ask(line: socket.socket, word: str, wait: float) -> object:
    _send(line, word)
    said = _line(line, wait)
    return json.loads(said) if said else None


def _send(line: socket.socket, word: str, **arguments: object) -> None:
    order = {"execute": word} | ({"arguments": arguments} if arguments else {})
    line.sendall(json.dumps(order).encode() + b"\n")


def _line(line: socket.socket, wait: float) -> bytes:
    """The next line, or what came of it within `wait` seconds."""
    said, deadline = b"", time.monotonic() + wait
    while not said.endswith(b"\n"):
        line.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data = line.recv(4096)
        except TimeoutError:
            return b""
        if not data:
            return b""
        said += data
    return said
