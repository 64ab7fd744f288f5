"""Building blocks of raw packets: types, flags, checksums and the headers of Ethernet, ARP, IPv4 and echo requests."""

import struct
from ipaddress import IPv4Address

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD  # EtherTypes
SYN, ACK = 0x02, 0x10  # flags of TCP
DONT_FRAGMENT = 0x4000


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(data: bytes, place: int, pseudo: bytes = b"") -> bytes:
    """The data with its checksum, over the pseudo header too, at `place`, where two bytes are 0."""
    return data[:place] + struct.pack("!H", checksum(pseudo + data)) + data[place + 2 :]


def ipv4_header(
    source: IPv4Address, target: IPv4Address, protocol: int, size: int, number: int = 0, flags: int = DONT_FRAGMENT
) -> bytes:
    """An IPv4 header for `size` bytes of payload."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, number, flags, 64, protocol, 0)
    return with_checksum(head + source.packed + target.packed, 10)


def echo_request(rest: bytes) -> bytes:
    """An ICMP echo request; rest: identifier and sequence number, two bytes each, and data."""
    return with_checksum(struct.pack("!BBH", 8, 0, 0) + rest, 2)


def ethernet_header(target: bytes, source: bytes, kind: int) -> bytes:
    return target + source + struct.pack("!H", kind)


def arp_message(operation: int, mac: bytes, source: IPv4Address, asked: bytes, target: IPv4Address) -> bytes:
    """An ARP message. operation: 1 request, 2 reply; mac and source: the sender's."""
    return struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + mac + source.packed + asked + target.packed


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
