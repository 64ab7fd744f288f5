"""Detects LLDP, mDNS, LLMNR and similar announcements by the gateway, from power-on to the end."""

import socket
from collections.abc import Iterable

from gwimage.lab.packets.pcapng import Frame

_LLDP = b"\x88\xcc"  # IEEE 802.1AB
_MULTICAST = (b"\x01\x00\x5e", b"\x33\x33")  # of IPv4 and IPv6; lab hosts send only to the gateway's own address
_PORTS = {1900: "SSDP", 3702: "web services discovery", 5353: "multicast DNS", 5355: "LLMNR"}


def announced(packets: Iterable[Frame]) -> list[str]:
    """Distinct announcements, each with its network."""
    return list(dict.fromkeys(f"{what} on {packet.network}" for packet in packets if (what := _announces(packet.frame))))


def _announces(frame: bytes) -> str:
    if frame[12:14] == _LLDP:
        return "LLDP"
    if not frame.startswith(_MULTICAST):
        return ""
    ports = {b"\x08\0": (23, 36), b"\x86\xdd": (20, 56)}  # offsets of the protocol and of the destination port
    protocol, port = ports.get(frame[12:14], (0, 0))
    udp = protocol and frame[protocol : protocol + 1] == bytes([socket.IPPROTO_UDP])
    return _PORTS.get(int.from_bytes(frame[port : port + 2], "big"), "") if udp else ""
