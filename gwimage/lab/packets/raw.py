"""Raw packets, built and captured on a link, for what ordinary sockets neither send nor tell."""

import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.lab.netns import inside
from gwimage.lab.packets import headers, ipv4
from gwimage.lab.packets.headers import IPV4, SYN, echo_request, mac_bytes

_MSS = 2  # TCP option (RFC 9293 3.7.1)
PING = b"\0\7\0\1"  # identifier and sequence number of the lab's echo requests, by which captures know them


@dataclass(frozen=True)
class LinkEnd:
    """A link in a namespace."""

    name: str
    link: str


@contextmanager
def watching(place: LinkEnd) -> Iterator[socket.socket]:
    """A socket for the IPv4 packets that arrive on a link or leave by it."""
    with inside(place.name), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as link:
        link.bind((place.link, IPV4))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        yield link


def send(place: LinkEnd, mac: str, packet: bytes) -> None:
    """Sends an IPv4 packet to a neighbour's MAC address, whatever its IP addresses."""
    with inside(place.name), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as link:
        link.sendto(packet, (place.link, IPV4, 0, 0, mac_bytes(mac)))


def ping(
    name: str, there: LinkEnd, target: IPv4Address, source: IPv4Address | None = None, tries: int = 2, wait: float = 1.5
) -> str:
    """`open <address>` if the request arrived from that address and its answer came back; else `silent`.

    `no way back` if only the request arrived.
    """
    answer = "silent"
    with (
        watching(there) as link,
        inside(name),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw,
    ):
        raw.bind((str(source or ""), 0))
        raw.connect((str(target), 0))
        for _ in range(tries):
            mark = token()
            raw.send(echo_request(PING + mark))
            came = ipv4.until(raw, wait, lambda packet, mark=mark: body(packet)[:1] == b"\0" and mark in packet)
            seen = ipv4.until(link, 0.2, lambda packet, mark=mark: body(packet)[:1] == b"\x08" and mark in packet)
            if seen:
                answer = f"open {sender(seen)}" if came else "no way back"
            if came and seen:
                break
    return answer


def token() -> bytes:
    """Random bytes by which a packet is recognised."""
    return secrets.token_bytes(12)


def udp(source: IPv4Address, target: IPv4Address, port: int, data: bytes) -> bytes:
    """A UDP packet to a port, from a random one."""
    own = 20000 + secrets.randbelow(10000)
    return _packet(source, target, socket.IPPROTO_UDP, struct.pack("!4H", own, port, 8 + len(data), 0) + data, 6)


def syn(source: IPv4Address, target: IPv4Address, port: int, number: bytes, mss: int) -> bytes:
    """A TCP SYN. number: its sequence number, 4 bytes by which the packet is recognised."""
    own = 20000 + secrets.randbelow(10000)
    tcp = struct.pack("!2H4sIBBHHH", own, port, number, 0, 0x60, SYN, 64000, 0, 0) + struct.pack("!BBH", _MSS, 4, mss)
    return _packet(source, target, socket.IPPROTO_TCP, tcp, 16)


def echo(source: IPv4Address, target: IPv4Address, data: bytes) -> bytes:
    """An ICMP echo request with DF set."""
    icmp = echo_request(PING + data)
    return _head(source, target, socket.IPPROTO_ICMP, len(icmp)) + icmp


def _packet(source: IPv4Address, target: IPv4Address, protocol: int, body: bytes, place: int) -> bytes:
    """An IPv4 packet. place: offset of the checksum in the body."""
    pseudo = source.packed + target.packed + struct.pack("!HH", protocol, len(body))
    total = headers.checksum(pseudo + body) or 0xFFFF  # in UDP 0 means no checksum
    body = body[:place] + struct.pack("!H", total) + body[place + 2 :]
    return _head(source, target, protocol, len(body)) + body


def _head(source: IPv4Address, target: IPv4Address, protocol: int, size: int) -> bytes:
    return headers.ipv4_header(source, target, protocol, size, secrets.randbits(16))


def sender(packet: bytes) -> IPv4Address:
    return IPv4Address(packet[12:16])


def body(packet: bytes) -> bytes:
    """The payload behind the IP header."""
    return packet[(packet[0] & 15) * 4 :]


def mss(packet: bytes) -> int | None:
    """The MSS option of a TCP packet."""
    tcp = body(packet)
    options = tcp[20 : (tcp[12] >> 4) * 4]
    while options and options[0]:
        if options[0] == 1:
            options = options[1:]
        elif len(options) < 4 or options[1] < 2:
            return None
        elif options[0] == _MSS:
            return int.from_bytes(options[2:4], "big")
        else:
            options = options[options[1] :]
    return None
