"""Destination port and addresses of a probe."""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple


class Flow(NamedTuple):
    """Port (0: ping), destination and source (None: whichever address the host has)."""

    port: int
    destination: IPv4Address | IPv6Address | None = None
    source: IPv4Address | IPv6Address | None = None

    def __str__(self) -> str:
        asked = f"port {self.port}" if self.port else "a ping"
        return " ".join([asked] + [f"{word} {ip}" for word, ip in (("of", self.destination), ("from", self.source)) if ip])
