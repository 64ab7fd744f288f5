"""Questions to a DNS server, by UDP and TCP (RFC 1035, RFC 7766)."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from gwimage.lab.netns import inside
from gwimage.lab.packets.ipv4 import until
from gwimage.values import domain_names, ports

RECORDS = {4: 1, 6: 28}  # A, AAAA
PTR = 12
_SERVFAIL = 2
_POINTER = 0xC0  # from this on a label is a pointer to a name before it


def question(host: str, number: int, kind: int = 1) -> bytes:
    """Asks for the records of a name (RFC 1035 4.1), of kind A or AAAA (RFC 3596)."""
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + domain_names.wire(host) + struct.pack("!2H", kind, 1)


class Question(NamedTuple):
    """What a query asks. end: where its question ends; more: whether it has additional records, such as EDNS's."""

    name: str
    kind: int
    end: int
    more: bool


def asked(message: bytes) -> Question | None:
    """The question of a query with one; None for anything else."""
    if len(message) < 17 or message[2] & 0xF8 or message[4:6] != b"\0\1":
        return None
    end = message.find(b"\0", 12) + 5
    if not 17 <= end <= len(message):
        return None
    return Question(
        read_name(message, 12).lower(), int.from_bytes(message[end - 4 : end - 2], "big"), end, message[10:12] != b"\0\0"
    )


def resolve(
    name: str, server: IPv4Address, host: str, protocol: str = "udp", kind: int = RECORDS[4], tries: int = 4, wait: float = 2
) -> str:
    """The addresses of all records of that kind, or what went wrong."""
    packet = question(host, secrets.randbits(16), kind)
    reply = _reply(name, server, packet, protocol, tries, wait)
    if not reply:
        return "no answer"
    found = [str(ip_address(reply[start:end])) for start, end in _records(reply, len(packet), kind) if end - start in (4, 16)]
    return ", ".join(found) or f"no address (rcode {reply[3] & 15})"


def reverse(
    name: str, server: IPv4Address, address: IPv4Address | IPv6Address, tries: int = 4, wait: float = 2
) -> tuple[str, ...]:
    """The names that an address has (PTR records, RFC 1035 3.5), in lower case; none if there is no answer."""
    packet = question(address.reverse_pointer, secrets.randbits(16), PTR)
    reply = _reply(name, server, packet, "udp", tries, wait)
    return tuple(read_name(reply, start).lower() for start, _ in _records(reply, len(packet), PTR)) if reply else ()


def _reply(name: str, server: IPv4Address, packet: bytes, protocol: str, tries: int, wait: float) -> bytes | None:
    reply = None
    for _ in range(tries):
        try:
            reply = (_by_udp if protocol == "udp" else _by_tcp)(name, server, packet, wait)
        except TimeoutError:
            continue
        except OSError:  # refused: it may not be ready yet
            time.sleep(wait)
        if reply and reply[3] & 15 != _SERVFAIL:
            break
    return reply


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


def _records(message: bytes, start: int, kind: int) -> list[tuple[int, int]]:
    """Where the data of each answer of that kind begins and ends (RFC 1035 4.1.3). start: where the answers begin."""
    found = []
    for _ in range(int.from_bytes(message[6:8], "big")):
        while (
            message[start : start + 1] and 0 < message[start] < _POINTER
        ):  # the owner's name: labels, then nothing or a pointer
            start += 1 + message[start]
        start += 2 if message[start : start + 1] >= bytes([_POINTER]) else 1
        size = int.from_bytes(message[start + 8 : start + 10], "big")
        data, end = start + 10, start + 10 + size
        if int.from_bytes(message[start : start + 2], "big") == kind and end <= len(message):
            found.append((data, end))
        start = end
    return found


def read_name(message: bytes, start: int) -> str:
    """The domain name that begins there, without the root's dot; pointers are followed (RFC 1035 4.1.4), backwards only."""
    labels: list[str] = []
    while start < len(message) and message[start]:
        if message[start] >= _POINTER:
            target = int.from_bytes(message[start : start + 2], "big") & 0x3FFF
            if target >= start:
                break
            start = target
        else:
            labels.append(message[start + 1 : start + 1 + message[start]].decode("ascii", "replace"))
            start += 1 + message[start]
    return ".".join(labels)
