"""What `verify` claims about IPv6, as data; the rest of gwimage/claim.py, whose words these are."""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network


@dataclass(frozen=True)
class WanAddress6:
    """The WAN has its fixed IPv6 address, or one of the subnet that the ISP advertises, as the ISP sees it."""

    wan: str


@dataclass(frozen=True)
class Delegated:
    """An ISP whose advertisements do not mention DHCPv6 is asked for a prefix all the same."""

    wan: str


@dataclass(frozen=True)
class Advertised:
    """What router advertisements on a LAN say: the subnets that the LAN has and no other, and who is asked for names.

    default: whether the gateway is the way to the world; routes: what else it is the way to.
    """

    lan: str
    default: bool
    dns: tuple[IPv6Address, ...] = ()
    routes: tuple[IPv6Network, ...] = ()


@dataclass(frozen=True)
class Unadvertised:
    """On a LAN without IPv6 no router advertises itself, though one is asked for."""

    lan: str


@dataclass(frozen=True)
class Ping6:
    """A client makes itself an address in each subnet of its LAN, and the gateway answers its pings in each."""

    lan: str


@dataclass(frozen=True)
class Source6:
    """A server outside sees TCP from a client come from the client's own global address."""

    lan: str


@dataclass(frozen=True)
class TooBig:
    """A router outside that says that a packet was too big is heard by the client who sent it."""

    lan: str


@dataclass(frozen=True)
class Kept6:
    """What a host on the LAN sends with this source does not leave by a WAN.

    source: one of the LAN's unique local subnet; without it one of nobody's, on a LAN without IPv6.
    """

    lan: str
    source: IPv6Network | None = None


@dataclass(frozen=True)
class GatewayClosed6:
    """As GatewayClosed, by one of the gateway's addresses there: link-local, fixed, or else the one that came by itself.

    echo: whether it answers pings.
    """

    zone_host: str
    kind: str
    open_tcp: tuple[int, ...]
    echo: bool
    allowed_tcp: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Unreachable6:
    """Neither TCP nor a ping from src to a client on the LAN, by any of its global or unique local addresses.

    lan: may be a WAN's name too; then it is the server outside.
    """

    src: str
    lan: str


@dataclass(frozen=True)
class Renumbered:
    """The ISP delegates another prefix while the gateway runs, and clients reach the server outside from the new one."""

    wan: str
    lans: tuple[str, ...]


Probe6 = (
    WanAddress6
    | Delegated
    | Advertised
    | Unadvertised
    | Ping6
    | Source6
    | TooBig
    | Kept6
    | GatewayClosed6
    | Unreachable6
    | Renumbered
)
