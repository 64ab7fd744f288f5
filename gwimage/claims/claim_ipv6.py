"""What `verify` claims about IPv6, as data; hosts are named as in gwimage/claims/claim.py."""

from ipaddress import IPv6Address, IPv6Network
from typing import NamedTuple

from gwimage.claims.flow import Flow
from gwimage.values.lab_host import LabHost


class WanAddress6(NamedTuple):
    """The WAN has its fixed IPv6 address, or one of the subnet that the ISP advertises, as the ISP sees it."""

    wan: str


class Delegated(NamedTuple):
    """An ISP whose advertisements do not mention DHCPv6 is asked for a prefix all the same."""

    wan: str


class Advertised(NamedTuple):
    """What router advertisements on a LAN say: the subnets that the LAN has and no other, and who is asked for names.

    default: whether the gateway is the way to the world; routes: what else it is the way to.
    """

    lan: str
    default: bool
    dns: tuple[IPv6Address, ...] = ()
    routes: tuple[IPv6Network, ...] = ()


class Unadvertised(NamedTuple):
    """On a LAN without IPv6 no router advertises itself, though one is asked for."""

    lan: str


class Ping6(NamedTuple):
    """A client makes itself an address in each subnet of its LAN, and the gateway answers its pings in each."""

    lan: str


class SourceAddress6(NamedTuple):
    """A server outside sees TCP from a client come from the client's own global address."""

    lan: str


class PathMtu6(NamedTuple):
    """A router outside that says that a packet was too big is heard by the client who sent it."""

    lan: str


class NoEgress6(NamedTuple):
    """What a host on the LAN sends with this source does not leave by a WAN.

    source: one of the LAN's unique local subnet; without it one of nobody's, on a LAN without IPv6.
    """

    lan: str
    source: IPv6Network | None = None


class GatewayClosed6(NamedTuple):
    """As GatewayClosed, by one of the gateway's addresses there: link-local, fixed, or else the one that came by itself.

    echo: whether it answers pings, None if it answers those of some.
    """

    zone_host: LabHost
    kind: str
    open_tcp: tuple[int, ...]
    echo: bool | None
    allowed_tcp: tuple[tuple[int, int], ...] = ()


class GatewayClosedUdp6(NamedTuple):
    """By UDP nothing on that address answers zone_host, nothing refuses, nor is anything let in, but on allowed_udp.

    Those are what the profile opens there, and who listens on them need not have that address.
    """

    zone_host: LabHost
    kind: str
    allowed_udp: tuple[tuple[int, int], ...] = ()


class Unreachable6(NamedTuple):
    """Neither TCP nor a ping from src to a client on the LAN, by any of its global or unique local addresses.

    lan: may be a WAN's name too; then it is the server outside. protocols: tcp and icmpv6, or one of them.
    """

    src: LabHost
    lan: str
    protocols: tuple[str, ...] = ("tcp", "icmpv6")


class Allowed6(NamedTuple):
    """What src sends that way arrives at a host, from its own address; the gateway answers or refuses what it lets in.

    there: the host that is called, None for the gateway.
    """

    src: LabHost
    there: LabHost | None
    protocol: str
    way: Flow


class BlockedFlows6(NamedTuple):
    """As Allowed6, but there is silence on each of these ways."""

    src: LabHost
    there: LabHost | None
    protocol: str
    ways: tuple[Flow, ...]


class PrefixChange(NamedTuple):
    """The ISP delegates another prefix while the gateway runs, and clients reach the server outside from the new one."""

    wan: str
    lans: tuple[str, ...]
