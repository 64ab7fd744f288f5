"""Writes down what passes on the segments, until its standard input ends: a process of its own, so that no probe waits.

Not tcpdump: as root of a user namespace it ends, since it cannot drop the privileges that it does not have there.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

from gwimage.lab.packets import pcapng

SNAP = 512  # bytes of a frame that are kept: a DHCP message with its options
MOST = 32 << 20  # bytes of the file; what comes later is lost
_LONGEST = 1 << 16


def main(arguments: Sequence[str]) -> None:
    """Arguments: the file, then DESCRIPTOR=NETWORK for each socket. Packets of the sockets are read to the last one."""
    path, *pairs = arguments
    split = [pair.partition("=") for pair in pairs]
    sockets = [socket.socket(fileno=int(number)) for number, _, _ in split]
    with open(path, "wb") as out:
        out.write(pcapng.header([name for _, _, name in split], SNAP))
        _record(sockets, out)


def _record(sockets: list[socket.socket], out: BinaryIO) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        for number, wire in enumerate(sockets):
            ready.register(wire, selectors.EVENT_READ, number)
        ended = False
        while True:
            found = [key for key, _ in ready.select(0 if ended else None) if key.fileobj != 0]
            if ended and not found:
                return
            if not ended and not found:
                ended = os.read(0, 1) == b""
            for key in found:
                block = _packet(key.fileobj, key.data)
                if out.tell() + len(block) <= MOST:
                    out.write(block)


def _packet(wire: socket.socket, number: int) -> bytes:
    """The kernel's time, not ours: on a busy host we come late. Nothing for what the host of the bridges says itself."""
    frame, extra, _, (_, _, kind, *_) = wire.recvmsg(_LONGEST, 64)
    if kind == socket.PACKET_OUTGOING:
        return b""
    seconds, nanoseconds = struct.unpack("@2l", extra[0][2])
    return pcapng.packet(number, seconds + nanoseconds / 1e9, frame[:SNAP], len(frame))


if __name__ == "__main__":
    main(sys.argv[1:])
