"""What `verify` claims about DHCPv4: leases, their pool and their options; and how long they live."""

from ipaddress import IPv4Address
from typing import NamedTuple


class Lease(NamedTuple):
    """A real DHCP client's lease lies in first..last, with this prefix length, router, DNS servers and time (seconds).

    Nor does it get more time when it asks for more.
    """

    lan: str
    first: IPv4Address
    last: IPv4Address
    prefix: int
    router: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    lease_time: int


class ReservedLease(NamedTuple):
    """A client with that MAC address gets exactly that address."""

    lan: str
    mac: str
    address: IPv4Address


class ClientIds(NamedTuple):
    """A client gets a lease in first..last, and the same again, whether it names itself by MAC address, by DUID or not."""

    lan: str
    first: IPv4Address
    last: IPv4Address


class Renewal(NamedTuple):
    """A lease is renewed by its server, and by whoever is there (rebinding); nobody else gets it until it is given back."""

    lan: str


class WrongSubnetRequest(NamedTuple):
    """A client that comes with its lease from another network is refused it (INIT-REBOOT, RFC 2131 4.3.2)."""

    lan: str


class Pool(NamedTuple):
    """That many clients get as many addresses of first..last, none twice and none that is reserved.

    emptied: the pool has no more; who asks then gets none, until one is given back. Else first and last can be had by
    who asks for them, and their neighbours outside the pool cannot.
    """

    lan: str
    first: IPv4Address
    last: IPv4Address
    reserved: tuple[IPv4Address, ...]
    clients: int
    emptied: bool


class DhcpOptions(NamedTuple):
    """A lease brings these options, and the server of a network boot.

    expected: (code, value), the value as what it means: addresses or the names of a search list, separated by blanks;
    text; else hexadecimal digits.
    """

    lan: str
    expected: tuple[tuple[int, str], ...]
    next_server: IPv4Address | None = None
