"""A switch between one card of the machine and the segments of its networks: 802.1Q tags on the card's side only.

In user space, so that the host's kernel need not know VLANs. The card is a pair of unix datagram sockets (QEMU's
-netdev dgram: one whole frame each), a segment is a TAP. Frames with an unknown tag are dropped, as by a switch.
"""

import fcntl
import os
import selectors
import socket
import struct
import sys
from collections.abc import Sequence

UNTAGGED = 0  # as on the wire: a frame with VLAN id 0 has a priority, but no VLAN (IEEE 802.1Q)
_TAG = b"\x81\x00"
_LONGEST = 65536
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def main(arguments: Sequence[str]) -> None:
    """Runs the switch. Arguments: own socket, the card's, then TAP=VLAN for each segment; the TAPs exist and are up."""
    own, there, *segments = arguments
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as card:
        card.bind(own)
        names = [segment.split("=") for segment in segments]
        move(card, there, {int(vlan): _open(name) for name, vlan in names})


def move(card: socket.socket, there: str, taps: dict[int, int]) -> None:
    """Moves frames forever; `taps` are descriptors by VLAN id. Waits when the card is slow, drops when it is off."""
    with selectors.DefaultSelector() as ready:
        ready.register(card, selectors.EVENT_READ)
        for vlan, tap in taps.items():
            ready.register(tap, selectors.EVENT_READ, vlan)
        while True:
            for key, _ in ready.select():
                if key.fileobj is card:
                    vlan, frame = untagged(card.recv(_LONGEST))
                    if vlan in taps:
                        os.write(taps[vlan], frame)
                elif frame := tagged(os.read(key.fd, _LONGEST), key.data):
                    _hand_over(card, there, frame)


def untagged(frame: bytes) -> tuple[int, bytes]:
    """VLAN id and the frame without its tag."""
    if frame[12:14] != _TAG:
        return UNTAGGED, frame
    return int.from_bytes(frame[14:16], "big") & 0xFFF, frame[:12] + frame[16:]


def tagged(frame: bytes, vlan: int) -> bytes:
    """The frame with its tag; nothing for one that is already tagged: with it a host could reach another VLAN."""
    if frame[12:14] == _TAG:
        return b""
    return frame if vlan == UNTAGGED else frame[:12] + _TAG + struct.pack("!H", vlan) + frame[12:]


def _hand_over(card: socket.socket, there: str, frame: bytes) -> None:
    try:
        card.sendto(frame, there)
    except (FileNotFoundError, ConnectionRefusedError):
        pass  # the machine is off


def _open(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


if __name__ == "__main__":
    main(sys.argv[1:])
