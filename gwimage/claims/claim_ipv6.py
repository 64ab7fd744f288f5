"""Claims about IPv6: addresses, prefixes, router advertisements, reachability."""

from ipaddress import IPv6Address, IPv6Network
from typing import NamedTuple

from gwimage.claims.flow import Flow
from gwimage.values.lab_host import LabHost


class WanAddress6(NamedTuple):
    """The ISP sees the WAN's fixed IPv6 address, or one in the subnet that it advertises."""

    wan: str


class Delegated(NamedTuple):
    """The WAN requests a prefix even if the ISP's advertisements do not mention DHCPv6."""

    wan: str


class Advertised(NamedTuple):
    """Router advertisements on a LAN carry exactly the LAN's subnets, and these DNS servers.

    default: whether the gateway is a default router; routes: further destinations that it advertises.
    """

    lan: str
    default: bool
    dns: tuple[IPv6Address, ...] = ()
    routes: tuple[IPv6Network, ...] = ()


class Unadvertised(NamedTuple):
    """No router advertises itself on a LAN without IPv6, even when solicited."""

    lan: str


class Ping6(NamedTuple):
    """A client makes itself an address in each subnet of its LAN, and the gateway answers its pings in each."""

    lan: str


class SourceAddress6(NamedTuple):
    """A server outside sees TCP from a client come from the client's own global address."""

    lan: str


class PathMtu6(NamedTuple):
    """A Packet Too Big error from an outside router reaches the client that sent the packet."""

    lan: str


class NoEgress6(NamedTuple):
    """Packets from a host on the LAN with this source do not leave by a WAN.

    source: the LAN's unique local subnet; without it an unassigned address, on a LAN without IPv6.
    """

    lan: str
    source: IPv6Network | None = None


class GatewayClosed6(NamedTuple):
    """Like GatewayClosed, for one of the gateway's addresses there: link-local, fixed or autoconfigured.

    echo: whether it answers pings, None if it answers only some hosts.
    """

    zone_host: LabHost
    kind: str
    open_tcp: tuple[int, ...]
    echo: bool | None
    allowed_tcp: tuple[tuple[int, int], ...] = ()


class GatewayClosedUdp6(NamedTuple):
    """No UDP port of that address answers zone_host, refuses, or lets a packet in, except allowed_udp.

    Those are the ports that the profile opens there; their listeners need not be bound to that address.
    """

    zone_host: LabHost
    kind: str
    allowed_udp: tuple[tuple[int, int], ...] = ()


class Unreachable6(NamedTuple):
    """TCP and ping from src do not reach a client on the LAN at any of its global or unique local addresses.

    lan: may be a WAN too (then the outside server). protocols: tcp and icmpv6, or one of them.
    destinations: addresses beyond the WAN in place of the outside server's; near: the neighbour on it in its place.
    """

    src: LabHost
    lan: str
    protocols: tuple[str, ...] = ("tcp", "icmpv6")
    destinations: tuple[IPv6Address, ...] = ()
    near: bool = False


class Allowed6(NamedTuple):
    """The flow from src reaches a host with src's own address; the gateway answers or refuses allowed flows.

    there: the destination host, None for the gateway.
    """

    src: LabHost
    there: LabHost | None
    protocol: str
    way: Flow


class BlockedFlows6(NamedTuple):
    """Like Allowed6, but none of these flows gets a response."""

    src: LabHost
    there: LabHost | None
    protocol: str
    ways: tuple[Flow, ...]


class PrefixChange(NamedTuple):
    """Clients reach the outside server from the new prefix after the ISP delegates another one at run time."""

    wan: str
    lans: tuple[str, ...]
