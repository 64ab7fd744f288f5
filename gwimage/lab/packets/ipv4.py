"""Questions asked with packets: ARP, ping, TCP, UDP, DNS, NTP and the port scan. Knows no profile.

Each function asks from inside a namespace and says what came back. Every question has its
own retries, since emulated gateways are slow and may lose a packet.
"""

from __future__ import annotations

import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from gwimage.lab.netns import inside

ALL_PORTS = range(1, 65536)
_ARP, _IPV4 = 0x0806, 0x0800
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
SCAN = 7  # the sequence number of a scan's questions, by which a capture leaves them out
RECORDS = {4: 1, 6: 28}  # DNS: A, AAAA
_EPOCH = 2208988800  # NTP counts from 1900
CHUNK = 256  # half of a tap's queue: what is sent between two ARP answers cannot overflow it


class Mute(Exception):
    """The other side does not even answer ARP: nothing can be said about its ports."""


def arp(name: str, link: str, source: IPv4Address, target: IPv4Address, wait: float) -> str | None:
    """The MAC that answers for `target`, asked every second (or sooner) for `wait` seconds."""
    with asking(name, link, source, target) as ask:
        return ask(wait)


@contextmanager
def asking(name: str, link: str, source: IPv4Address, target: IPv4Address) -> Iterator[Callable[[float], str | None]]:
    """`arp` for many times, by one socket: to close one takes its time."""
    with inside(name):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP))
    with wire:
        wire.bind((link, _ARP))
        yield lambda wait: _arp(wire, source, target, wait)


def mac(name: str, link: str) -> str:
    """The MAC address of a host's link."""
    with inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((link, 0))
        return wire.getsockname()[4].hex(":")


def ping(name: str, target: IPv4Address, tries: int = 3, wait: float = 2, source: IPv4Address | None = None) -> bool:
    """Whether an ICMP echo comes back."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((str(source or ""), 0))
        raw.connect((str(target), 0))
        token = secrets.token_bytes(4)
        body = struct.pack("!BBH", 8, 0, 0) + token
        request = struct.pack("!BBH", 8, 0, checksum(body)) + token
        for _ in range(tries):
            raw.send(request)
            if until(raw, wait, lambda data: data[20:21] == b"\0" and data[24:28] == token):
                return True
    return False


def connect(
    name: str,
    target: IPv4Address | IPv6Address,
    port: int,
    protocol: str = "tcp",
    source: IPv4Address | IPv6Address | None = None,
    tries: int = 2,
    wait: float = 1.5,
) -> str:
    """`open <what the server said>`, `reset`, `silent`, or the name of another error. A UDP server is sent a word."""
    for _ in range(tries):
        answer = "silent"
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        family = socket.AF_INET if target.version == 4 else socket.AF_INET6
        with inside(name), socket.socket(family, kind) as link:
            link.settimeout(wait)
            try:
                link.bind((str(source or ""), 0))
                link.connect((str(target), port))
                if protocol == "udp":
                    link.send(b"who?")  # a capture tells short ones not from a sweep
                else:
                    answer = "open"  # even if the server waits for us to speak
                return f"open {link.recv(100).decode(errors='replace')}".strip()
            except ConnectionRefusedError:
                return "reset"
            except TimeoutError:
                if answer == "open":
                    break
            except OSError as error:
                answer = errno.errorcode.get(error.errno or 0, str(error))
    return answer


def dns_question(host: str, number: int, kind: int = 1) -> bytes:
    """Asks for the records of a name (RFC 1035 4.1), of kind A or AAAA (RFC 3596)."""
    name = b"".join(bytes([len(part)]) + part.encode() for part in host.split(".")) + b"\0"
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + name + struct.pack("!2H", kind, 1)


def resolve(
    name: str, server: IPv4Address, host: str, protocol: str = "udp", kind: int = RECORDS[4], tries: int = 4, wait: float = 2
) -> str:
    """The addresses of all records of that kind, or what went wrong."""
    packet = dns_question(host, secrets.randbits(16), kind)
    reply = None
    for _ in range(tries):
        try:
            reply = (_by_udp if protocol == "udp" else _by_tcp)(name, server, packet, wait)
        except TimeoutError:
            continue
        except OSError:  # refused: it may not be ready yet
            time.sleep(wait)
        if reply and reply[3] & 15 != 2:  # nor is who answers SERVFAIL
            break
    if not reply:
        return "no answer"
    found = _addresses(reply[len(packet) :], int.from_bytes(reply[6:8], "big"))
    return ", ".join(found) or f"no address (rcode {reply[3] & 15})"


def _by_udp(name: str, server: IPv4Address, packet: bytes, wait: float) -> bytes | None:
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((str(server), 53))
        udp.send(packet)
        return until(udp, wait, lambda data: len(data) >= len(packet) and data[:2] == packet[:2])


def _by_tcp(name: str, server: IPv4Address, packet: bytes, wait: float) -> bytes | None:
    """RFC 7766: the length stands before each message."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.settimeout(wait)
        tcp.connect((str(server), 53))
        tcp.sendall(struct.pack("!H", len(packet)) + packet)
        said = b""
        while len(said) < 2 or len(said) < 2 + int.from_bytes(said[:2], "big"):
            data = tcp.recv(4096)
            if not data:
                return None
            said += data
    return said[2:] if len(said) >= 2 + len(packet) and said[2:4] == packet[:2] else None


def _addresses(records: bytes, count: int) -> list[str]:
    """Of the A and AAAA records among the first `count` resource records (RFC 1035 4.1.3)."""
    found = []
    for _ in range(count):
        while records[:1] and 0 < records[0] < 0xC0:  # the owner's name: labels, then nothing or a pointer
            records = records[1 + records[0] :]
        records = records[2 if records[:1] >= b"\xc0" else 1 :]
        kind, size = int.from_bytes(records[:2], "big"), int.from_bytes(records[8:10], "big")
        if kind in RECORDS.values() and size in (4, 16) and len(records) >= 10 + size:
            found.append(str(ip_address(records[10 : 10 + size])))
        records = records[10 + size :]
    return found


@dataclass(frozen=True)
class Clock:
    """What a time server says of itself (RFC 5905 7.3): `leap` 3 is not synchronised; seconds off from this host."""

    leap: int
    stratum: int
    off: float


def clock(name: str, server: IPv4Address, tries: int = 4, wait: float = 2) -> Clock | None:
    """The time by SNTP (RFC 4330), or nothing."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((str(server), 123))
        for _ in range(tries):
            token = secrets.token_bytes(8)  # comes back as the origin's timestamp
            try:
                udp.send(b"\x23" + bytes(39) + token)
                reply = until(udp, wait, lambda data, token=token: data[24:32] == token and len(data) >= 48)
            except ConnectionRefusedError:
                time.sleep(wait)
                continue
            if reply:
                seconds, fraction = struct.unpack("!2I", reply[40:48])
                return Clock(reply[0] >> 6, reply[1], seconds - _EPOCH + fraction / 2**32 - time.time())
    return None


def scan(
    name: str,
    link: str,
    source: IPv4Address,
    target: IPv4Address,
    ports: Sequence[int],
    tries=2,
    near: IPv4Address | None = None,
) -> dict[int, str]:
    """Ports that answer a SYN: `open` or `reset`. The others stayed silent. `near`: the neighbour that has the target.

    After each few packets an ARP question is answered over the same queue: then the packets
    before it were not lost on the way, and no pause has to be guessed.
    """
    with (
        inside(name),
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as arps,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4)) as wire,
    ):
        arps.bind((link, _ARP))
        wire.bind((link, _IPV4))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        near = near or target
        mac = _arp(arps, source, near, 5)
        if mac is None:
            raise Mute(f"{near} does not answer ARP from {name}")
        there = (link, _IPV4, 0, 0, bytes.fromhex(mac.replace(":", "")))
        return _scan(arps, wire, there, source, target, near, ports, tries)


def _scan(arps, wire, there, source, target, near, ports, tries) -> dict[int, str]:
    found: dict[int, str] = {}
    own_port = 20000 + secrets.randbelow(10000)
    syn = _syns(source, target, own_port)
    for _ in range(tries):
        if not (left := [port for port in ports if port not in found]):
            break
        for start in range(0, len(left), CHUNK):
            for port in left[start : start + CHUNK]:
                wire.sendto(syn(port), there)
            if _arp(arps, source, near, 10) is None:
                raise Mute(f"{near} stopped answering ARP in the middle of the scan")
            found |= _answers(wire, target, own_port, 0)
        found |= _answers(wire, target, own_port, 0.5)
    return found


def _answers(wire: socket.socket, target: IPv4Address, own_port: int, wait: float) -> dict[int, str]:
    found = {}
    wire.settimeout(wait)
    while True:
        try:
            packet = wire.recv(200)
        except (BlockingIOError, TimeoutError):
            return found
        size = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP or packet[12:16] != target.packed:
            continue
        port, to = struct.unpack_from("!2H", packet, size)
        flags = packet[size + 13]
        if to == own_port:
            found[port] = "open" if flags & (_SYN | _ACK) == _SYN | _ACK else "reset"


def _syns(source: IPv4Address, target: IPv4Address, own_port: int) -> Callable[[int], bytes]:
    """Makes the packet for a port. What is the same for all is summed up once: a scan is 65535 of them."""
    addresses = source.packed + target.packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, socket.IPPROTO_TCP, 0)
    head = head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses + struct.pack("!H", own_port)
    rest = struct.pack("!IIBBH", SCAN, 0, 0x50, _SYN, 1024)
    rough = ~checksum(addresses + struct.pack("!HHH", socket.IPPROTO_TCP, 20, own_port) + rest) & 0xFFFF

    def syn(port: int) -> bytes:
        total = rough + port
        return head + struct.pack("!H12sHH", port, rest, ~(total + (total >> 16)) & 0xFFFF, 0)

    return syn


def _arp(wire: socket.socket, source: IPv4Address, target: IPv4Address, wait: float) -> str | None:
    own = wire.getsockname()[4]
    ask = struct.pack("!HHBBH", 1, _IPV4, 6, 4, 1) + own + source.packed + bytes(6) + target.packed
    frame = b"\xff" * 6 + own + struct.pack("!H", _ARP) + ask
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        wire.send(frame)
        reply = until(wire, min(1, left), lambda data: data[20:22] == b"\0\2" and data[28:32] == target.packed)
        if reply:
            return reply[22:28].hex(":")
    return None


def until(sock: socket.socket, wait: float, wanted) -> bytes | None:
    """The first packet that is wanted, or nothing within `wait` seconds."""
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(2000)
        except TimeoutError:
            return None
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # of somebody else's packet: a raw socket is told that too
                raise
            continue
        if wanted(data):
            return data
    return None


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
