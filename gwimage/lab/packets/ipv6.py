"""IPv6 probe packets: neighbours, routers, ping, arrivals, and the port scan. Knows no profile.

As ipv4.py: each function sends from inside a namespace, retries by itself, and returns what came back.
"""

import ctypes
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

from gwimage.lab.netns import inside
from gwimage.lab.packets.headers import ACK, IPV6, SYN, checksum, ethernet_header, mac_bytes, with_checksum
from gwimage.lab.packets.ipv4 import CHUNK, SCAN, Mute, until
from gwimage.values.ipv6 import LINK_LOCAL, made_of

_NONE = IPv6Address("::")
_ECHO, _REPLY, _SOLICIT_ROUTER, _ROUTER, _SOLICIT, _NEIGHBOUR = 128, 129, 133, 134, 135, 136
_PREFIX, _MTU, _ROUTE, _DNS, _DOMAINS = 3, 5, 24, 25, 31  # options of advertisements (RFC 4861, 4191, 8106)
_HEAD = 14 + 40  # bytes of Ethernet and IPv6
_EVERY_HOST, _EVERY_ROUTER = IPv6Address("ff02::1"), IPv6Address("ff02::2")
_PATH_MTU, _DONTFRAG = 24, 62  # linux/in6.h
_SOL_PACKET, _ADD_MEMBERSHIP, _ALL_MULTICAST, _ATTACH_FILTER = 263, 1, 2, 26  # packet(7), socket(7)


@dataclass(frozen=True)
class Prefix:
    """A prefix in a router advertisement, with its lifetimes in seconds."""

    net: IPv6Network
    on_link: bool
    autonomous: bool
    valid: int
    preferred: int


@dataclass(frozen=True)
class Advert:
    """A router advertisement. lifetime: as a default router, in seconds; 0 if it is none."""

    router: IPv6Address
    managed: bool
    other: bool
    lifetime: int
    prefixes: tuple[Prefix, ...]
    routes: tuple[IPv6Network, ...]
    dns: tuple[IPv6Address, ...]


def neighbour(name: str, link: str, target: IPv6Address, wait: float) -> str | None:
    """The MAC that answers neighbour solicitations for `target`, sent every second for `wait` seconds.

    From the link-local address: without a source it would be duplicate address detection, and a host with the address
    still tentative would give it up (RFC 4862 5.4.3).
    """
    with asking(name, link, target) as ask:
        return ask(wait)


@contextmanager
def asking(name: str, link: str, target: IPv6Address) -> Iterator[Callable[[float], str | None]]:
    """Repeated `neighbour` over one socket: closing one takes time."""
    with _open(name, link) as wire:
        yield lambda wait: _neighbour(wire, _link_local(_own(wire)), target, wait)


def routers(name: str, link: str, wait: float, enough: Callable[[Advert], bool] = lambda advert: True) -> list[Advert]:
    """Router advertisements on a link, solicited every two seconds until one is `enough`, or for `wait` seconds."""
    found: list[Advert] = []
    deadline = time.monotonic() + wait
    with _open(name, link) as wire:
        own = _own(wire)
        while (left := deadline - time.monotonic()) > 0:
            body = struct.pack("!BBHI", _SOLICIT_ROUTER, 0, 0, 0) + b"\1\1" + own
            wire.send(_frame(wire, _EVERY_ROUTER, _link_local(own), _EVERY_ROUTER, body))
            pause = time.monotonic() + min(2, left)
            while frame := until(wire, pause - time.monotonic(), lambda data: _icmp(data) == _ROUTER and data[21] == 255):
                found.append(_advert(frame))
                if enough(found[-1]):
                    return found
    return found


def capture(name: str, link: str, note: Callable[[IPv6Address], None]) -> None:
    """Reports the sender of each router advertisement on a link, forever."""
    with _open(name, link) as wire:
        while True:
            if _icmp(frame := wire.recv(2000)) == _ROUTER:
                note(IPv6Address(frame[22:38]))


def advertise(name: str, link: str) -> None:
    """Sends a router advertisement without a router, to test that a listener hears it."""
    with _open(name, link) as wire:
        body = struct.pack("!BBHBBHII", _ROUTER, 0, 0, 64, 0, 0, 0, 0)
        wire.send(_frame(wire, _EVERY_HOST, _link_local(_own(wire)), _EVERY_HOST, body))


def ping(
    name: str, target: IPv6Address, link: str = "", source: IPv6Address | None = None, tries: int = 3, wait: float = 2
) -> bool:
    """Whether an ICMPv6 echo reply comes back. link: that of a link-local address."""
    with inside(name), socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        scope = socket.if_nametoindex(link) if link else 0
        token = secrets.token_bytes(4)
        try:
            raw.bind((str(source or _NONE), 0, 0, scope))
            raw.connect((str(target), 0, 0, scope))
        except OSError:
            return False  # no route
        for _ in range(tries):
            raw.send(struct.pack("!BBH", _ECHO, 0, 0) + token)
            if until(raw, wait, lambda data: data[0] == _REPLY and data[4:8] == token):
                return True
    return False


def path_mtu(name: str, source: IPv6Address, target: IPv6Address, size: int, tries: int = 5) -> int:
    """The host's path MTU to the target after sending packets of `size` bytes (RFC 8201)."""
    with inside(name), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IPV6, _DONTFRAG, 1)
        udp.bind((str(source), 0))
        udp.connect((str(target), 9))
        for _ in range(tries):
            try:
                udp.send(bytes(size - 48))
            except OSError:
                pass  # already above the path MTU
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                if (found := udp.getsockopt(socket.IPPROTO_IPV6, _PATH_MTU)) < size:
                    return found
                time.sleep(0.02)
        return udp.getsockopt(socket.IPPROTO_IPV6, _PATH_MTU)


@contextmanager
def arrivals(name: str, link: str) -> Iterator[Callable[[IPv6Address, float], bool]]:
    """A function that tells whether a packet from a source arrives on the link within so many seconds."""
    with _open(name, link) as wire:
        yield lambda source, wait: bool(until(wire, wait, lambda data: data[22:38] == source.packed))


def send(name: str, link: str, there: str, source: IPv6Address, target: IPv6Address) -> None:
    """Sends a datagram with any source to a neighbour's MAC address."""
    with _open(name, link) as wire:
        length = 9
        head = struct.pack("!4H", 9, 9, length, 0)
        total = checksum(_pseudo(source, target, length, socket.IPPROTO_UDP) + head + b"?")
        udp = struct.pack("!4H", 9, 9, length, total or 0xFFFF) + b"?"
        wire.send(
            ethernet_header(mac_bytes(there), _own(wire), IPV6) + _header(source, target, length, socket.IPPROTO_UDP) + udp
        )


def scan(
    name: str, link: str, source: IPv6Address, target: IPv6Address, ports: Sequence[int], tries: int = 2
) -> dict[int, str]:
    """Ports of a neighbour that answer a SYN: `open` or `reset`; the others stayed silent.

    As ipv4.scan: an answered solicitation every few packets proves that those before it were not lost.
    """
    found: dict[int, str] = {}
    own_port = 20000 + secrets.randbelow(10000)
    with _open(name, link, socket.IPPROTO_ICMPV6) as asks, _open(name, link, socket.IPPROTO_TCP) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        mac = _neighbour(asks, source, target, 5)
        if mac is None:
            raise Mute(f"{target} does not answer a neighbour solicitation from {name}")
        head = ethernet_header(mac_bytes(mac), _own(wire), IPV6)
        for _ in range(tries):
            left = [port for port in ports if port not in found]
            for start in range(0, len(left), CHUNK):
                for port in left[start : start + CHUNK]:
                    wire.send(head + _syn(source, target, own_port, port))
                if _neighbour(asks, source, target, 10) is None:
                    raise Mute(f"{target} stopped answering neighbour solicitations in the middle of the scan")
                found |= _answers(wire, source, target, own_port, 0)
            found |= _answers(wire, source, target, own_port, 0.5)
    return found


def _answers(wire: socket.socket, source: IPv6Address, target: IPv6Address, own_port: int, wait: float) -> dict[int, str]:
    found = {}
    wire.settimeout(wait)
    while True:
        try:
            frame = wire.recv(200)
        except (BlockingIOError, TimeoutError):
            return found
        if frame[20] != socket.IPPROTO_TCP or frame[22:38] != target.packed or frame[38:54] != source.packed:
            continue
        port, to = struct.unpack_from("!2H", frame, _HEAD)
        if to == own_port:
            found[port] = "open" if frame[_HEAD + 13] & (SYN | ACK) == SYN | ACK else "reset"


def _syn(source: IPv6Address, target: IPv6Address, own_port: int, port: int) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", own_port, port, SCAN, 0, 0x50, SYN, 1024, 0, 0)
    tcp = with_checksum(tcp, 16, _pseudo(source, target, len(tcp), socket.IPPROTO_TCP))
    return _header(source, target, len(tcp), socket.IPPROTO_TCP) + tcp


def _neighbour(wire: socket.socket, source: IPv6Address, target: IPv6Address, wait: float) -> str | None:
    group = IPv6Address(b"\xff\x02" + bytes(9) + b"\1\xff" + target.packed[13:])
    body = struct.pack("!BBHI", _SOLICIT, 0, 0, 0) + target.packed + b"\1\1" + _own(wire)
    frame = _frame(wire, group, source, group, body)
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        wire.send(frame)
        reply = until(wire, min(1, left), lambda data: _icmp(data) == _NEIGHBOUR and data[62:78] == target.packed)
        if reply:
            return reply[6:12].hex(":")
    return None


@contextmanager
def _open(name: str, link: str, protocol: int = 0) -> Iterator[socket.socket]:
    """A socket for IPv6 frames on a link, also those to multicast groups not joined here.

    protocol: the only one to receive, so that a flood of others does not fill the queue.
    """
    with inside(name):
        wire, index = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV6)), socket.if_nametoindex(link)
    with wire:
        if protocol:  # classic BPF on the next header; no host of the lab sends extension headers
            program = ((0x30, 0, 0, 20), (0x15, 0, 1, protocol), (0x06, 0, 0, 1 << 18), (0x06, 0, 0, 0))
            held = ctypes.create_string_buffer(b"".join(struct.pack("@HBBI", *step) for step in program))
            attached = struct.pack("@HP", len(program), ctypes.addressof(held))
            wire.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, attached)
        wire.bind((link, IPV6))
        wire.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("@iHH8x", index, _ALL_MULTICAST, 0))
        yield wire


def _frame(wire: socket.socket, group: IPv6Address, source: IPv6Address, target: IPv6Address, icmp: bytes) -> bytes:
    """An ICMPv6 frame to a multicast group, with hop limit 255 as only neighbours can send it."""
    icmp = with_checksum(icmp, 2, _pseudo(source, target, len(icmp), socket.IPPROTO_ICMPV6))
    head = ethernet_header(b"\x33\x33" + group.packed[12:], _own(wire), IPV6)
    return head + _header(source, target, len(icmp), socket.IPPROTO_ICMPV6) + icmp


def _header(source: IPv6Address, target: IPv6Address, length: int, protocol: int) -> bytes:
    return struct.pack("!IHBB", 0x60000000, length, protocol, 255) + source.packed + target.packed


def _pseudo(source: IPv6Address, target: IPv6Address, length: int, protocol: int) -> bytes:
    """The pseudo header (RFC 8200 8.1)."""
    return source.packed + target.packed + struct.pack("!II", length, protocol)


def _icmp(frame: bytes) -> int:
    """The type of an ICMPv6 message, -1 if it is none."""
    return frame[_HEAD] if frame[20] == socket.IPPROTO_ICMPV6 and len(frame) > _HEAD else -1


def _advert(frame: bytes) -> Advert:
    flags, lifetime = struct.unpack_from("!BH", frame, _HEAD + 5)
    prefixes, routes, dns = [], [], []
    rest = frame[_HEAD + 16 :]
    while len(rest) >= 8 and rest[1]:
        kind, data, rest = rest[0], rest[: rest[1] * 8], rest[rest[1] * 8 :]
        if kind == _PREFIX:
            length, bits, valid, preferred = struct.unpack_from("!BBII", data, 2)
            net = IPv6Network((data[16:32], length), strict=False)
            prefixes.append(Prefix(net, bool(bits & 0x80), bool(bits & 0x40), valid, preferred))
        elif kind == _ROUTE:
            routes.append(IPv6Network((data[8:].ljust(16, b"\0"), data[2]), strict=False))
        elif kind == _DNS:
            dns += [IPv6Address(data[at : at + 16]) for at in range(8, len(data), 16)]
    return Advert(
        IPv6Address(frame[22:38]),
        bool(flags & 0x80),
        bool(flags & 0x40),
        lifetime,
        tuple(prefixes),
        tuple(routes),
        tuple(dns),
    )


def _own(wire: socket.socket) -> bytes:
    return wire.getsockname()[4]


def _link_local(mac: bytes) -> IPv6Address:
    return made_of(LINK_LOCAL, mac.hex(":"))
