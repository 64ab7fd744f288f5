"""IPv4 probe packets: ARP, ping, TCP, UDP and the port scan. Knows no profile.

Each function sends from inside a namespace and returns what came back. Each retries by itself, since emulated gateways
are slow and may lose packets.
"""

import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address

from gwimage.lab.netns import inside
from gwimage.lab.packets.headers import (
    ACK,
    ARP,
    IPV4,
    SYN,
    arp_message,
    checksum,
    echo_request,
    ethernet_header,
    ipv4_header,
    mac_bytes,
)
from gwimage.values.ranges import LAST_PORT

ALL_PORTS = range(1, LAST_PORT + 1)
SCAN = 7  # TCP sequence number of a scan's SYNs, by which captures leave them out
CHUNK = 256  # packets between two ARP answers: half of a tap's queue, so they cannot overflow it


class Mute(Exception):
    """Target unreachable at layer 2; port states unknown."""


def arp(name: str, link: str, source: IPv4Address, target: IPv4Address, wait: float) -> str | None:
    """The MAC that answers ARP for `target`, asked every second (or sooner) for `wait` seconds."""
    with asking(name, link, source, target) as ask:
        return ask(wait)


@contextmanager
def asking(name: str, link: str, source: IPv4Address, target: IPv4Address) -> Iterator[Callable[[float], str | None]]:
    """Repeated `arp` over one socket: closing one takes time."""
    with inside(name):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
    with wire:
        wire.bind((link, ARP))
        yield lambda wait: _arp(wire, source, target, wait)


def mac(name: str, link: str) -> str:
    """The MAC address of a host's link."""
    with inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((link, 0))
        return wire.getsockname()[4].hex(":")


def ping(name: str, target: IPv4Address, tries: int = 3, wait: float = 2, source: IPv4Address | None = None) -> bool:
    """Whether an ICMP echo reply comes back."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((str(source or ""), 0))
        raw.connect((str(target), 0))
        token = secrets.token_bytes(4)
        request = echo_request(token)
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
    """`open <the server's answer>`, `reset`, `silent`, or the name of another error. A UDP server is sent a word."""
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
                    link.send(b"who?")  # no shorter: captures would take it for a sweep's
                else:
                    answer = "open"  # even if the server waits for the client to speak first
                return f"open {link.recv(100).decode(errors='replace')}".strip()
            except ConnectionRefusedError:
                return "reset"
            except TimeoutError:
                if answer == "open":
                    break
            except OSError as error:
                answer = errno.errorcode.get(error.errno or 0, str(error))
    return answer


def scan(
    name: str,
    link: str,
    source: IPv4Address,
    target: IPv4Address,
    ports: Sequence[int],
    tries=2,
    near: IPv4Address | None = None,
) -> dict[int, str]:
    """Ports that answer a SYN: `open` or `reset`; the others stayed silent. `near`: the neighbour that has the target.

    Every few packets an ARP request must be answered over the same queue: then the packets before it were not lost on
    the way, and no pause has to be guessed.
    """
    with (
        inside(name),
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as arps,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as wire,
    ):
        arps.bind((link, ARP))
        wire.bind((link, IPV4))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        near = near or target
        mac = _arp(arps, source, near, 5)
        if mac is None:
            raise Mute(f"{near} does not answer ARP from {name}")
        there = (link, IPV4, 0, 0, mac_bytes(mac))
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
            found[port] = "open" if flags & (SYN | ACK) == SYN | ACK else "reset"


def _syns(source: IPv4Address, target: IPv4Address, own_port: int) -> Callable[[int], bytes]:
    """A function that makes the SYN for a port. The common part of the checksum is summed once, for 65535 packets."""
    addresses = source.packed + target.packed
    head = ipv4_header(source, target, socket.IPPROTO_TCP, 20) + struct.pack("!H", own_port)
    rest = struct.pack("!IIBBH", SCAN, 0, 0x50, SYN, 1024)
    rough = ~checksum(addresses + struct.pack("!HHH", socket.IPPROTO_TCP, 20, own_port) + rest) & 0xFFFF

    def syn(port: int) -> bytes:
        total = rough + port
        return head + struct.pack("!H12sHH", port, rest, ~(total + (total >> 16)) & 0xFFFF, 0)

    return syn


def _arp(wire: socket.socket, source: IPv4Address, target: IPv4Address, wait: float) -> str | None:
    own = wire.getsockname()[4]
    frame = ethernet_header(b"\xff" * 6, own, ARP) + arp_message(1, own, source, bytes(6), target)
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        wire.send(frame)
        reply = until(wire, min(1, left), lambda data: data[20:22] == b"\0\2" and data[28:32] == target.packed)
        if reply:
            return reply[22:28].hex(":")
    return None


def until(sock: socket.socket, wait: float, wanted) -> bytes | None:
    """The first packet that `wanted` accepts, or None after `wait` seconds."""
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(2000)
        except TimeoutError:
            return None
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # for another socket's packet: raw sockets are told too
                raise
            continue
        if wanted(data):
            return data
    return None
