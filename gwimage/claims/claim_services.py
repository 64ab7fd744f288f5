"""Claims about the gateway itself: WAN address, DNS, NTP, system health."""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple


class WanAddress(NamedTuple):
    """The ISP sees the WAN's lease or fixed address."""

    wan: str


class Ping(NamedTuple):
    """A client pings the gateway's address on its LAN."""

    lan: str


class DnsQuery(NamedTuple):
    """A client resolves, through the gateway's address, a name that only the lab's DNS servers know.

    server: the only DNS server that answers meanwhile.
    """

    lan: str
    server: IPv4Address | IPv6Address | None = None


class LocalName(NamedTuple):
    """A client resolves a name of the profile to exactly these addresses, through the gateway's address on its LAN."""

    lan: str
    name: str
    addresses: tuple[IPv4Address | IPv6Address, ...]


class ReverseNames(NamedTuple):
    """A client gets the name of each of these addresses (PTR, RFC 1035 3.5) from the gateway's address on its LAN."""

    lan: str
    names: tuple[tuple[IPv4Address, str], ...]


class GatewayResolver(NamedTuple):
    """The gateway itself resolves, through resolved, a name that only the lab's DNS servers know."""


class NtpQuery(NamedTuple):
    """A client gets the time from the gateway's address on its LAN."""

    lan: str


class SystemHealth(NamedTuple):
    """No unit failed, and the journal has no complaint beyond the stated allowlist."""
