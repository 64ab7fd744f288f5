"""What `verify` claims of who may reach whom: closed ports, silent hosts, what is allowed, false addresses."""

from ipaddress import IPv4Address
from typing import NamedTuple

from gwimage.claims.flow import Flow
from gwimage.values.lab_host import LabHost


class GatewayClosed(NamedTuple):
    """Of all the gateway's TCP ports exactly open_tcp answer to zone_host; the others stay silent.

    allowed_tcp: (first, last) of what the profile opens beyond the gateway's own services; nobody may listen there.
    """

    zone_host: LabHost
    open_tcp: tuple[int, ...]
    allowed_tcp: tuple[tuple[int, int], ...] = ()


class GatewayClosedUdp(NamedTuple):
    """Of the UDP ports that gateways usually have, and that this one could have, exactly open_udp answer zone_host.

    quiet_udp: open too, but who listens there answers nobody that it does not know (WireGuard). allowed_udp: (first,
    last) of what the profile opens beyond that. All others neither answer nor are refused, nor is anything let in to them.
    """

    zone_host: LabHost
    open_udp: tuple[int, ...] = ()
    quiet_udp: tuple[int, ...] = ()
    allowed_udp: tuple[tuple[int, int], ...] = ()


class OtherAddresses(NamedTuple):
    """The addresses that the gateway has on other networks give zone_host nothing on TCP and UDP ports but these."""

    zone_host: LabHost
    allowed_tcp: tuple[tuple[int, int], ...] = ()
    allowed_udp: tuple[tuple[int, int], ...] = ()


class Unreachable(NamedTuple):
    """TCP and UDP from src to a listener on client-LAN, by its inside address, get no answer, nor does a ping.

    lan: may be a WAN's name too; then the listener is the server outside, or a neighbour on another WAN than the first;
    or a VPN's: then its first peer.
    protocols: those that nothing opens.
    """

    src: LabHost
    lan: str
    protocols: tuple[str, ...] = ("tcp", "udp", "icmp")


class Reaches(NamedTuple):
    """What src sends by TCP, UDP or ping to a host in another zone arrives, with src's own address, and is answered.

    port: 0 for a ping; zone: a LAN, a VPN, or a WAN for the server outside;
    destination and source: the address of the listener and of src
    where the rule names one, else whichever they have.
    """

    src: LabHost
    zone: str
    protocol: str
    port: int
    destination: IPv4Address | None = None
    source: IPv4Address | None = None


class BlockedFlows(NamedTuple):
    """TCP or UDP from src to a listener on the zone, a LAN, gets no answer by any of these ways."""

    src: LabHost
    zone: str
    protocol: str
    ways: tuple[Flow, ...]


class AllowedToGateway(NamedTuple):
    """What src sends to the gateway's address on its network by these ways is answered or refused; by those beside it is neither."""

    src: LabHost
    protocol: str
    ways: tuple[Flow, ...]
    beside: tuple[Flow, ...]


class Spoofed(NamedTuple):
    """What src sends with addresses that are not its own arrives at no host of the zone.

    From a WAN: with addresses of the LAN, also the gateway's, and 127.0.0.1. From a LAN: with those of others.
    """

    src: str
    zone: str
