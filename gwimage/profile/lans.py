"""`lans`: inside networks and the gateway's addresses on them."""

from dataclasses import dataclass
from ipaddress import IPv4Interface

from gwimage.profile import link
from gwimage.profile.link import Link


@dataclass(frozen=True)
class Lan:
    """A LAN; masquerade: NAT towards the WANs.

    internet: its hosts may open connections to the WANs; public_only: to public addresses there, to no others.
    """

    name: str
    link: Link
    address: IPv4Interface
    extra_addresses: tuple[IPv4Interface, ...] = ()
    masquerade: bool = True
    internet: bool = True
    public_only: bool = False


def for_guests(name: str) -> bool:
    """Whether a LAN's name says that strangers are on it."""
    return name.startswith(("guest", "visitor"))


def parse(data: dict) -> tuple[Lan, ...]:
    return tuple(_parse_one(name, lan) for name, lan in data["lans"].items())


def _parse_one(name: str, data: dict) -> Lan:
    return Lan(
        name,
        link.parse(data),
        IPv4Interface(data["address"]),
        tuple(map(IPv4Interface, data.get("extra_addresses", ()))),
        masquerade=data.get("masquerade", True),
        internet=data.get("internet", True) is not False,
        public_only=data.get("internet") == "public",
    )
