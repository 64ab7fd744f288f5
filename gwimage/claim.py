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
    """A real DHCP client's lease lies in first..last, with the gateway as router and the DNS servers expected."""

    lan: str
    first: IPv4Address
    last: IPv4Address


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
    """A server outside sees TCP from a client come from the WAN's address (masquerade) or the client's own."""

    lan: str
    masquerade: bool


@dataclass(frozen=True)
class GatewayClosed:
    """Of all the gateway's TCP ports exactly open_tcp answer to zone_host; the others stay silent."""

    zone_host: str
    open_tcp: tuple[int, ...]


@dataclass(frozen=True)
class Unreachable:
    """TCP from src to a listener on client-LAN, by its inside address, gets no answer."""

    src: str
    lan: str


@dataclass(frozen=True)
class Inspection:
    """No failed unit, and no complaint in the journal beyond the stated allowlist."""


Probe = WanAddress | Lease | Dns | Ping | Source | GatewayClosed | Unreachable | Inspection


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
