"""Records packets on the segments until its standard input ends, in its own process so that no probe waits.

Not tcpdump: as root of a user namespace it exits, since it cannot drop privileges that it does not have there.
"""

import os
import selectors
import socket
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

from gwimage.lab.packets import pcapng

SNAP = 512  # bytes kept of a frame: enough for a DHCP message with its options
MOST = 32 << 20  # bytes of the file; later packets are lost
_LONGEST = 1 << 16


def main(arguments: Sequence[str]) -> None:
    """Runs the recorder until its sockets are drained. Arguments: the file, then DESCRIPTOR=NETWORK for each socket."""
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
    """A captured packet with the kernel's timestamp, since reading may be late; nothing for packets of the bridges' own host."""
    frame, extra, _, (_, _, kind, *_) = wire.recvmsg(_LONGEST, 64)
    if kind == socket.PACKET_OUTGOING:
        return b""
    seconds, nanoseconds = struct.unpack("@2l", extra[0][2])
    return pcapng.packet(number, seconds + nanoseconds / 1e9, frame[:SNAP], len(frame))


if __name__ == "__main__":
    main(sys.argv[1:])
