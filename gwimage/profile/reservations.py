"""`lans.NAME.dhcp.reservations`: static leases, a fixed address and a name for a MAC address."""

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True)
class Reservation:
    """A static lease; mac in lower case."""

    name: str
    mac: str
    address: IPv4Address


def parse(data: dict) -> dict[str, tuple[Reservation, ...]]:
    """Reservations by LAN name, without LANs that have none."""
    found = {name: lan.get("dhcp", {}).get("reservations", {}) for name, lan in data["lans"].items()}
    return {
        lan: tuple(Reservation(name, one["mac"].lower(), IPv4Address(one["address"])) for name, one in members.items())
        for lan, members in found.items()
        if members
    }
