"""SNTP query of a time server (RFC 4330)."""

import secrets
import socket
import struct
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.lab.netns import inside
from gwimage.lab.packets.ipv4 import until
from gwimage.values import ports

EPOCH = 2208988800  # NTP counts seconds from 1900


@dataclass(frozen=True)
class Clock:
    """A time server's state (RFC 5905 7.3): `leap` 3 is not synchronised; its offset from this host in seconds."""

    leap: int
    stratum: int
    off: float


def clock(name: str, server: IPv4Address, tries: int = 4, wait: float = 2) -> Clock | None:
    """The server's clock by SNTP (RFC 4330), or None without an answer."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((str(server), ports.NTP))
        for _ in range(tries):
            token = secrets.token_bytes(8)  # returned as the origin timestamp
            try:
                udp.send(b"\x23" + bytes(39) + token)
                reply = until(udp, wait, lambda data, token=token: data[24:32] == token and len(data) >= 48)
            except ConnectionRefusedError:
                time.sleep(wait)
                continue
            if reply:
                seconds, fraction = struct.unpack("!2I", reply[40:48])
                return Clock(reply[0] >> 6, reply[1], seconds - EPOCH + fraction / 2**32 - time.time())
    return None
