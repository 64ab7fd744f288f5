"""Questions to a DNS server, by UDP and TCP (RFC 1035, RFC 7766)."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from ipaddress import IPv4Address, ip_address

from gwimage.lab.netns import inside
from gwimage.lab.packets.ipv4 import until
from gwimage.values import domain_names, ports

RECORDS = {4: 1, 6: 28}  # A, AAAA


def question(host: str, number: int, kind: int = 1) -> bytes:
    """Asks for the records of a name (RFC 1035 4.1), of kind A or AAAA (RFC 3596)."""
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + domain_names.wire(host) + struct.pack("!2H", kind, 1)


def resolve(
    name: str, server: IPv4Address, host: str, protocol: str = "udp", kind: int = RECORDS[4], tries: int = 4, wait: float = 2
) -> str:
    """The addresses of all records of that kind, or what went wrong."""
    packet = question(host, secrets.randbits(16), kind)
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
        udp.connect((str(server), ports.DNS))
        udp.send(packet)
        return until(udp, wait, lambda data: len(data) >= len(packet) and data[:2] == packet[:2])


def _by_tcp(name: str, server: IPv4Address, packet: bytes, wait: float) -> bytes | None:
    """RFC 7766: the length stands before each message."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.settimeout(wait)
        tcp.connect((str(server), ports.DNS))
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
