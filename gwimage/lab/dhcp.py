"""A DHCP client made of frames: asks with any MAC address and shows every option as it came (RFC 2131, RFC 2132).

The client of a LAN is a real one (udhcpc, in hosts.py); this one asks for a thousand reservations without a thousand
interfaces, and touches no interface at all.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.lab.netns import inside
from gwimage.lab.wire import checksum, until

_IPV4 = 0x0800
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5
_KIND, _WANTED, _ADDRESS, _SERVER, _CLIENT, _END = 53, 55, 50, 54, 61, 255
_COOKIE = b"\x63\x82\x53\x63"
_HEAD = 20 + 8  # of IP and UDP
_BROADCAST = 0x8000
_TRIES, _WAIT = 4, 2  # seconds


@dataclass(frozen=True)
class Given:
    """What a server gave: address, next server of a network boot, the bytes of each option by its code."""

    address: IPv4Address
    next_server: IPv4Address
    options: dict[int, bytes]


def lease(name: str, link: str, mac: str, codes: Sequence[int] = ()) -> Given | None:
    """A lease for this MAC address, by which the client also names itself; None without an answer. Never released."""
    identity = b"\1" + _raw(mac)
    given = offer(name, link, mac, codes, identity)
    if given is None:
        return None
    more = {_ADDRESS: given.address.packed, _SERVER: given.options.get(_SERVER, b""), _CLIENT: identity}
    return _exchange(name, link, _Question(mac, _REQUEST, _ACK, tuple(codes), more))


def offer(name: str, link: str, mac: str, codes: Sequence[int] = (), identity: bytes = b"") -> Given | None:
    """What a server offers to this MAC address; nothing is taken. `identity`: the client identifier (option 61)."""
    more = {_CLIENT: identity} if identity else {}
    return _exchange(name, link, _Question(mac, _DISCOVER, _OFFER, tuple(codes), more))


@dataclass(frozen=True)
class _Question:
    mac: str
    kind: int
    reply: int
    codes: tuple[int, ...]
    more: dict[int, bytes]


def _exchange(name: str, link: str, question: _Question) -> Given | None:
    number = secrets.token_bytes(4)
    with inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_IPV4)) as wire:
        wire.bind((link, _IPV4))
        frame = _frame(question, number)
        for _ in range(_TRIES):
            wire.send(frame)
            deadline = time.monotonic() + _WAIT
            while found := until(wire, deadline - time.monotonic(), lambda data: _answers(data, number)):
                given = _read(found)
                if given.options.get(_KIND) == bytes([question.reply]):
                    return given
    return None


def _frame(question: _Question, number: bytes) -> bytes:
    mac = _raw(question.mac)
    body = struct.pack("!4B4s2H16x", 1, 1, 6, 0, number, 0, _BROADCAST) + mac.ljust(16, b"\0") + bytes(192) + _COOKIE
    options = {_KIND: bytes([question.kind])} | question.more
    if question.codes:
        options[_WANTED] = bytes(question.codes)
    body += b"".join(bytes([code, len(value)]) + value for code, value in options.items()) + bytes([_END])
    udp = struct.pack("!4H", 68, 67, 8 + len(body), 0) + body  # RFC 768: a checksum of 0 is none
    nobody, everybody = bytes(4), b"\xff" * 4
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + nobody + everybody
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + struct.pack("!H", _IPV4) + head + udp


def _answers(frame: bytes, number: bytes) -> bool:
    """A BOOTREPLY to our question; servers send without IP options."""
    body = frame[14 + _HEAD :]
    right = frame[23:24] == bytes([socket.IPPROTO_UDP]) and body[236:240] == _COOKIE
    return right and body[:1] == b"\2" and body[4:8] == number


def _read(frame: bytes) -> Given:
    body = frame[14 + _HEAD :]
    options: dict[int, bytes] = {}
    rest = body[240:]
    while rest and rest[0] != _END:
        if rest[0] == 0:  # padding
            rest = rest[1:]
            continue
        size = rest[1] if len(rest) > 1 else 0
        options[rest[0]] = options.get(rest[0], b"") + rest[2 : 2 + size]  # RFC 3396: a long one comes in pieces
        rest = rest[2 + size :]
    return Given(IPv4Address(body[16:20]), IPv4Address(body[20:24]), options)


def _raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def readings(value: bytes) -> set[str]:
    """All that an option's bytes may mean: addresses, text, names of a search list, hexadecimal digits."""
    found = {value.hex()}
    if value and len(value) % 4 == 0:
        found.add(" ".join(str(IPv4Address(value[at : at + 4])) for at in range(0, len(value), 4)))
    if value.isascii() and value.decode().isprintable():
        found.add(value.decode())
    return found | {" ".join(_search(value))}


def _search(value: bytes) -> list[str]:
    """RFC 3397, without compression: each name is its labels and a zero."""
    names, labels = [], []
    while value:
        size, label, value = value[0], value[1 : 1 + value[0]], value[1 + value[0] :]
        if size:
            labels.append(label.decode(errors="replace"))
        else:
            names.append(".".join(labels))
            labels = []
    return names
