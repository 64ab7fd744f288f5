"""Claims about reachability: closed ports, silent hosts, allowed flows, spoofed sources."""

from ipaddress import IPv4Address
from typing import NamedTuple

from gwimage.claims.flow import Flow
from gwimage.values.lab_host import LabHost


class GatewayClosed(NamedTuple):
    """Exactly open_tcp of the gateway's TCP ports answer zone_host; the others stay silent.

    allowed_tcp: (first, last) of ports that the profile opens beyond the gateway's own services; possibly without a listener.
    """

    zone_host: LabHost
    open_tcp: tuple[int, ...]
    allowed_tcp: tuple[tuple[int, int], ...] = ()


class GatewayClosedUdp(NamedTuple):
    """Exactly open_udp answer zone_host, of the UDP ports common on gateways and those that this one could have.

    quiet_udp: open too, but the listener answers only peers that it knows (WireGuard). allowed_udp: (first, last) of
    ports that the profile opens beyond that. All others neither answer nor refuse, and no packet is let in to them.
    """

    zone_host: LabHost
    open_udp: tuple[int, ...] = ()
    quiet_udp: tuple[int, ...] = ()
    allowed_udp: tuple[tuple[int, int], ...] = ()


class OtherAddresses(NamedTuple):
    """The gateway's addresses on other networks do not answer zone_host by TCP or UDP, except on these ports."""

    zone_host: LabHost
    allowed_tcp: tuple[tuple[int, int], ...] = ()
    allowed_udp: tuple[tuple[int, int], ...] = ()


class Unreachable(NamedTuple):
    """TCP, UDP and ping from src to the inside address of a listener on the LAN get no answer.

    lan: may be a WAN too (the listener is then the outside server, or a neighbour on a WAN other than the first),
    or a VPN (then its first peer).
    protocols: those that nothing opens. destinations: addresses beyond the first WAN in place of the outside server's;
    near: the neighbour on it in its place.
    """

    src: LabHost
    lan: str
    protocols: tuple[str, ...] = ("tcp", "udp", "icmp")
    destinations: tuple[IPv4Address, ...] = ()
    near: bool = False


class Reaches(NamedTuple):
    """TCP, UDP or ping from src reaches a host in another zone with src's own address, and is answered.

    port: 0 for a ping; zone: a LAN, a VPN, or a WAN for the outside server;
    destination and source: the addresses of the listener and of src
    if the rule names them, otherwise whichever they have.
    """

    src: LabHost
    zone: str
    protocol: str
    port: int
    destination: IPv4Address | None = None
    source: IPv4Address | None = None


class BlockedFlows(NamedTuple):
    """TCP or UDP from src to a listener on the zone, a LAN, gets no answer on any of these flows."""

    src: LabHost
    zone: str
    protocol: str
    ways: tuple[Flow, ...]


class AllowedToGateway(NamedTuple):
    """The gateway's address on src's network answers or refuses the flows in `ways`; those in `beside` get silence."""

    src: LabHost
    protocol: str
    ways: tuple[Flow, ...]
    beside: tuple[Flow, ...]


class Spoofed(NamedTuple):
    """Packets that src sends with spoofed sources reach no host of the zone.

    From a WAN: addresses of the LAN, including the gateway's, and 127.0.0.1. From a LAN: addresses of other networks.
    """

    src: str
    zone: str
