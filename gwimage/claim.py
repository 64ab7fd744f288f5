"""What `verify` claims about the running gateway, as data. Features make claims; only the lab asks them.

A host in a probe is "isp" (the server outside), "attacker-WAN" (outside too, on that WAN) or "client-LAN".
"""

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True)
class WanAddress:
    """The WAN has its lease or its fixed address, as the ISP sees it."""

    wan: str


@dataclass(frozen=True)
class Lease:
    """A real DHCP client's lease lies in first..last, with this prefix length, router, DNS servers and time (seconds)."""

    lan: str
    first: IPv4Address
    last: IPv4Address
    prefix: int
    router: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    lease_time: int


@dataclass(frozen=True)
class Dns:
    """A client resolves, through the gateway's address, a name that only the ISP's server knows."""

    lan: str


@dataclass(frozen=True)
class Ping:
    """A client pings the gateway's address on its LAN."""

    lan: str


@dataclass(frozen=True)
class Source:
    """A server outside sees TCP from a client come from the WAN's address (masquerade) or the client's own.

    address: the one of the WAN's addresses that the server must see, where the profile fixes it.
    host: the address of who asks, in another subnet of the LAN or behind a router on it; else the client's.
    """

    lan: str
    masquerade: bool
    address: IPv4Address | None = None
    host: IPv4Address | None = None


@dataclass(frozen=True)
class GatewayClosed:
    """Of all the gateway's TCP ports exactly open_tcp answer to zone_host; the others stay silent.

    allowed_tcp: (first, last) of what the profile opens beyond the gateway's own services; nobody may listen there.
    """

    zone_host: str
    open_tcp: tuple[int, ...]
    allowed_tcp: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Unreachable:
    """TCP from src to a listener on client-LAN, by its inside address, gets no answer.

    lan: may be a WAN's name too; then the listener is the server outside.
    """

    src: str
    lan: str


@dataclass(frozen=True)
class Reservation:
    """A client with that MAC address gets exactly that address."""

    lan: str
    mac: str
    address: IPv4Address


@dataclass(frozen=True)
class LocalName:
    """A client resolves a name that only the profile knows, through the gateway's address on its LAN."""

    lan: str
    name: str
    address: IPv4Address


@dataclass(frozen=True)
class DhcpOptions:
    """A lease brings these options, and the server of a network boot.

    expected: (code, value), the value as what it means: addresses or the names of a search list, separated by blanks;
    text; else hexadecimal digits.
    """

    lan: str
    expected: tuple[tuple[int, str], ...]
    next_server: IPv4Address | None = None


@dataclass(frozen=True)
class Ntp:
    """A client gets the time from the gateway's address on its LAN."""

    lan: str


@dataclass(frozen=True)
class Reaches:
    """What src sends by TCP or UDP to a listener in another zone arrives, with src's own address.

    zone: a LAN, or a WAN for the server outside; destination and source: the address of the listener and of src
    where the rule names one, else whichever they have.
    """

    src: str
    zone: str
    protocol: str
    port: int
    destination: IPv4Address | None = None
    source: IPv4Address | None = None


@dataclass(frozen=True)
class Forwarded:
    """What src sends to the WAN's current address and port arrives at to:to_port on the LAN.

    From outside the listener sees src's own address; from the LAN itself (hairpin) the gateway's.
    source: the address of src where the forward names some, else whichever it has.
    """

    src: str
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address
    to_port: int
    source: IPv4Address | None = None


@dataclass(frozen=True)
class Beyond:
    """What the profile says and no lab can ask; why goes into the proof."""

    why: str


@dataclass(frozen=True)
class Inspection:
    """No failed unit, and no complaint in the journal beyond the stated allowlist."""


Probe = (
    WanAddress
    | Lease
    | Dns
    | Ping
    | Source
    | GatewayClosed
    | Unreachable
    | Reservation
    | LocalName
    | DhcpOptions
    | Ntp
    | Reaches
    | Forwarded
    | Beyond
    | Inspection
)


@dataclass(frozen=True)
class Claim:
    """One line of the proof.

    id: stable, such as "lans.lan.dhcp.lease"; path: the profile path that caused it; text: one line for
    people; needs: ids of claims without whose pass this one is not asked; closed: a "closed" or "hidden"
    claim, which counts only with a control boot in which the same probe comes out open or visible.
    """

    id: str
    path: str
    text: str
    probe: Probe
    needs: tuple[str, ...] = ()
    closed: bool = False
