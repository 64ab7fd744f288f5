"""What `verify` claims about the running gateway, as data. Features make claims; only the lab asks them.

Probes are named tuples, since every command loads them all: a dataclass takes ten times as long to make.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from gwimage.claims.claim_ipv6 import Probe6
from gwimage.claims.flow import Flow
from gwimage.values.lab_host import LabHost


class WanAddress(NamedTuple):
    """The WAN has its lease or its fixed address, as the ISP sees it."""

    wan: str


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


class DnsQuery(NamedTuple):
    """A client resolves, through the gateway's address, a name that only the ISP's server knows.

    server: meanwhile no other host outside is there but this one.
    """

    lan: str
    server: IPv4Address | None = None


class Ping(NamedTuple):
    """A client pings the gateway's address on its LAN."""

    lan: str


class SourceAddress(NamedTuple):
    """A server outside sees TCP, UDP and ping from a client come from the WAN's address (masquerade) or the client's own.

    address: the one of the WAN's addresses that the server must see, where the profile fixes it.
    host: the address of who asks, in another subnet of the LAN or behind a router on it; else the client's.
    wan: the server is a neighbour on that WAN; else beyond the ISP, by the WAN whose default route wins.
    lan: may be a VPN's name too; then host is the address of the peer that asks.
    """

    lan: str
    masquerade: bool
    address: IPv4Address | None = None
    host: IPv4Address | None = None
    wan: str = ""


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


class Spoofed(NamedTuple):
    """What src sends with addresses that are not its own arrives at no host of the zone.

    From a WAN: with addresses of the LAN, also the gateway's, and 127.0.0.1. From a LAN: with those of others.
    """

    src: LabHost
    zone: str


class SpoofedForward(NamedTuple):
    """Of what src sends to a forwarded port of the WAN's address only that with its own address arrives, none with those of the LAN."""

    src: LabHost
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address


class MssClamp(NamedTuple):
    """Both sides of a TCP connection from LAN to WAN are told segments of at most so many bytes."""

    lan: str
    wan: str
    size: int


class Mtu(NamedTuple):
    """Packets of exactly so many bytes pass from LAN to WAN, and for longer ones the gateway tells that size (RFC 1191).

    Without a WAN: what the gateway itself sends to the LAN comes in pieces of that size.
    """

    lan: str
    wan: str
    size: int


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


class LocalName(NamedTuple):
    """A client resolves a name that only the profile knows to exactly these addresses, through the gateway's on its LAN."""

    lan: str
    name: str
    addresses: tuple[IPv4Address | IPv6Address, ...]


class DhcpOptions(NamedTuple):
    """A lease brings these options, and the server of a network boot.

    expected: (code, value), the value as what it means: addresses or the names of a search list, separated by blanks;
    text; else hexadecimal digits.
    """

    lan: str
    expected: tuple[tuple[int, str], ...]
    next_server: IPv4Address | None = None


class NtpQuery(NamedTuple):
    """A client gets the time from the gateway's address on its LAN."""

    lan: str


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


class Forwarded(NamedTuple):
    """What src sends to the WAN's current address and port arrives at to:to_port on the LAN, or behind a VPN.

    From outside the listener sees src's own address; from the LAN itself (hairpin) the gateway's.
    source: the address of src where the forward names some, else whichever it has.
    """

    src: LabHost
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address
    to_port: int
    source: IPv4Address | None = None


class NotForwarded(NamedTuple):
    """What src sends to these ports of the WAN's address is not answered, though the server listens.

    called: addresses of the gateway in place of the WAN's.
    ports: (port that is called, port of the server to:port that it would be). The control is a Forwarded of the same
    way, which the claim needs.
    """

    src: LabHost
    wan: str
    protocol: str
    ports: tuple[tuple[int, int], ...]
    lan: str
    to: IPv4Address
    source: IPv4Address | None = None
    called: tuple[IPv4Address, ...] = ()


class Handshake(NamedTuple):
    """The peer and the gateway agree on keys; the peer calls this WAN's address, or without a WAN waits to be called."""

    peer: LabHost
    wan: str | None


class TunnelServices(NamedTuple):
    """Through the tunnel the peer pings the gateway's address in it, and resolves the gateway's own name."""

    peer: LabHost
    name: str


class UnknownPeer(NamedTuple):
    """Who has no key that the VPN knows hears nothing from its port on the WAN's address, whatever it sends."""

    vpn: str
    wan: str


class RateLimit(NamedTuple):
    """A client's upload by that WAN is about as fast as `upload`, in bits per second, and delays nobody else's packets."""

    lan: str
    wan: str
    upload: int


class Offloaded(NamedTuple):
    """Most packets of a TCP connection and a UDP exchange of that LAN with a server outside pass by the gateway's IP layer, both ways."""

    lan: str


class NotTestable(NamedTuple):
    """What the profile says and no lab can ask; why goes into the proof."""

    why: str


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


class GatewayResolver(NamedTuple):
    """The gateway itself resolves, like any program in it that asks resolved, a name that only the ISP's server knows."""


class SystemHealth(NamedTuple):
    """No failed unit, and no complaint in the journal beyond the stated allowlist."""


Probe = (
    WanAddress
    | Lease
    | DnsQuery
    | Ping
    | SourceAddress
    | GatewayClosed
    | GatewayClosedUdp
    | OtherAddresses
    | Unreachable
    | Spoofed
    | SpoofedForward
    | MssClamp
    | Mtu
    | ReservedLease
    | ClientIds
    | Renewal
    | WrongSubnetRequest
    | Pool
    | LocalName
    | DhcpOptions
    | NtpQuery
    | Reaches
    | Forwarded
    | NotForwarded
    | Handshake
    | TunnelServices
    | UnknownPeer
    | RateLimit
    | Offloaded
    | NotTestable
    | BlockedFlows
    | AllowedToGateway
    | GatewayResolver
    | Probe6
    | SystemHealth
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
