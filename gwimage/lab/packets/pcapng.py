"""Captured packets as bytes: the four blocks of pcapng (draft-ietf-opsawg-pcapng) that a capture of several networks needs.

Not the older pcap, which cannot record on which network a packet was seen. tcpdump and Wireshark read both.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ETHERNET = 1
_NAME = 2  # the option that names an interface


@dataclass(frozen=True)
class Frame:
    """A captured frame. time: seconds since the epoch; frame: its first bytes; length: of the whole frame."""

    time: float
    network: str
    frame: bytes
    length: int


def header(networks: Iterable[str], snap: int) -> bytes:
    """Section header and interface blocks; packets refer to networks by number. `snap`: maximum bytes of a frame."""
    found = _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for network in networks:
        name = network.encode()
        option = struct.pack("<HH", _NAME, len(name)) + _padded(name) + bytes(4)
        found += _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, snap) + option)
    return found


def packet(number: int, time: float, frame: bytes, length: int) -> bytes:
    """A packet block for the network with that number; times to the microsecond."""
    stamp = round(time * 1_000_000)
    head = struct.pack("<5I", number, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), length)
    return _block(_PACKET, head + _padded(frame))


def write(packets: Iterable[Frame], snap: int) -> bytes:
    """A whole pcapng file."""
    packets = list(packets)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(one.network for one in packets))}
    return header(numbers, snap) + b"".join(packet(numbers[p.network], p.time, p.frame, p.length) for p in packets)


def read(raw: bytes) -> Iterator[Frame]:
    """Packets of a file written by this module, without one truncated at the end."""
    names: list[str] = []
    at = 0
    while at + 12 <= len(raw):
        kind, size = struct.unpack_from("<2I", raw, at)
        body = raw[at + 8 : at + size - 4]
        if at + size > len(raw):
            return
        if kind == _INTERFACE:
            names.append(body[12 : 12 + int.from_bytes(body[10:12], "little")].decode())
        elif kind == _PACKET:
            number, high, low, kept, length = struct.unpack_from("<5I", body)
            yield Frame((high << 32 | low) / 1_000_000, names[number], body[20 : 20 + kept], length)
        at += size


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
