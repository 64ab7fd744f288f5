"""`lans.NAME.dhcp.reservations`: fixed addresses by MAC address, with a name."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True)
class Reservation:
    """mac: lower case."""

    name: str
    mac: str
    address: IPv4Address


def parse(data: dict) -> dict[str, tuple[Reservation, ...]]:
    """The reservations by the names of their LANs; only LANs that have some."""
    found = {name: lan.get("dhcp", {}).get("reservations", {}) for name, lan in data["lans"].items()}
    return {
        lan: tuple(Reservation(name, one["mac"].lower(), IPv4Address(one["address"])) for name, one in members.items())
        for lan, members in found.items()
        if members
    }
