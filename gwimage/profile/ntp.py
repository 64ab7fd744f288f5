"""`system.ntp` and `services.ntp`: whose time the gateway takes, and whom it gives its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ntp:
    """servers: names or addresses, none for Debian's own; serves: zones that may ask the gateway."""

    servers: tuple[str, ...]
    serves: tuple[str, ...]


def parse(data: dict) -> Ntp:
    servers = data.get("system", {}).get("ntp", {}).get("servers", ())
    return Ntp(tuple(servers), tuple(data.get("services", {}).get("ntp", {}).get("from", ())))
