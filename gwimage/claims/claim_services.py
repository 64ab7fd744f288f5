"""What `verify` claims of what the gateway itself gives and is: its address outside, names, the time, its health."""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple


class WanAddress(NamedTuple):
    """The WAN has its lease or its fixed address, as the ISP sees it."""

    wan: str


class Ping(NamedTuple):
    """A client pings the gateway's address on its LAN."""

    lan: str


class DnsQuery(NamedTuple):
    """A client resolves, through the gateway's address, a name that only the ISP's server knows.

    server: meanwhile no other host outside is there but this one.
    """

    lan: str
    server: IPv4Address | None = None


class LocalName(NamedTuple):
    """A client resolves a name that only the profile knows to exactly these addresses, through the gateway's on its LAN."""

    lan: str
    name: str
    addresses: tuple[IPv4Address | IPv6Address, ...]


class GatewayResolver(NamedTuple):
    """The gateway itself resolves, like any program in it that asks resolved, a name that only the ISP's server knows."""


class NtpQuery(NamedTuple):
    """A client gets the time from the gateway's address on its LAN."""

    lan: str


class SystemHealth(NamedTuple):
    """No failed unit, and no complaint in the journal beyond the stated allowlist."""
