"""Claims about DHCPv4: leases, their pool, options and lifetime."""

from ipaddress import IPv4Address
from typing import NamedTuple


class Lease(NamedTuple):
    """A real DHCP client gets a lease in first..last with this prefix length, router, DNS servers and time (seconds).

    A client that requests a longer time does not get it.
    """

    lan: str
    first: IPv4Address
    last: IPv4Address
    prefix: int
    router: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    lease_time: int


class ReservedLease(NamedTuple):
    """A client with that MAC address gets exactly that address, also when its client identifier changes."""

    lan: str
    mac: str
    address: IPv4Address


class ClientIds(NamedTuple):
    """A client identified by MAC address, by DUID or not at all gets a lease in first..last, and the same one again."""

    lan: str
    first: IPv4Address
    last: IPv4Address


class Renewal(NamedTuple):
    """A lease can be renewed (unicast) and rebound (broadcast); nobody else gets it until it is released."""

    lan: str


class WrongSubnetRequest(NamedTuple):
    """A client that requests its lease of another network is refused (INIT-REBOOT, RFC 2131 4.3.2)."""

    lan: str


class Pool(NamedTuple):
    """This many clients get distinct addresses of first..last, none of them reserved.

    emptied: the pool is then exhausted; a further client gets none until one is released. Otherwise first and last are
    given on request, and the addresses next to them outside the pool are not.
    """

    lan: str
    first: IPv4Address
    last: IPv4Address
    reserved: tuple[IPv4Address, ...]
    clients: int
    emptied: bool


class DhcpOptions(NamedTuple):
    """A lease carries these options and the network boot server.

    expected: (code, value), the value as hexadecimal digits.
    """

    lan: str
    expected: tuple[tuple[int, str], ...]
    next_server: IPv4Address | None = None
