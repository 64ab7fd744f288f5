"""The gateway's addresses and routes, and the kernel's route lookup."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

from gwimage.explain.packet import Address

Net = IPv4Network | IPv6Network
BROADCAST = IPv4Address("255.255.255.255")
LOOPBACK = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True)
class LocalAddress:
    """An address of the gateway; leased: assigned from outside; assumed: its value is not known."""

    interface: IPv4Interface | IPv6Interface
    link: str
    path: str
    leased: bool = False
    assumed: bool = False


@dataclass(frozen=True)
class RouteEntry:
    """A route; via None: on-link; link empty: unreachable; lowest metric wins; table empty: main."""

    to: Net
    link: str
    path: str
    via: Address | None = None
    metric: int = 0
    table: str = ""


@dataclass(frozen=True)
class Lookup:
    """A routing policy rule: table for packets with this mark; narrow: ignore its default route (SuppressPrefixLength=)."""

    mark: int
    table: str
    priority: int
    narrow: bool = False


@dataclass(frozen=True)
class RoutingTable:
    """The gateway's view of the network.

    zones: kind (wans, lans, vpns) of each network by name, in profile order. masquerade: (subnet, profile path) that networkd
    masquerades. forwarding: IP versions that are forwarded. peers: AllowedIPs of each WireGuard link. leases: (WAN, IP version)
    of what providers assign: an IPv4 address, or an IPv6 prefix for the LANs.
    """

    zones: dict[str, str]
    own: tuple[LocalAddress, ...]
    routes: tuple[RouteEntry, ...]
    masquerade: tuple[tuple[Net, str], ...] = ()
    forwarding: tuple[int, ...] = (4,)
    peers: dict[str, tuple[Net, ...]] = field(default_factory=dict)
    lookups: tuple[Lookup, ...] = ()
    leases: tuple[tuple[str, int], ...] = ()
    _found: dict[Address, RouteEntry | None] = field(init=False, default_factory=dict, compare=False, repr=False)

    def kind(self, address: Address) -> str:
        """Address type: local, broadcast, multicast, anycast (subnet-router) or unicast."""
        if address.is_multicast:
            return "multicast"
        if any(own.interface.ip == address for own in self.own):
            return "local"
        if address.version == 6:
            routers = 6 in self.forwarding and any(_routers(own.interface.network) == address for own in self.own)
            return "anycast" if routers else "unicast"
        if address in LOOPBACK:
            return "local"
        return "broadcast" if address == BROADCAST or self._ends_a_subnet(address) else "unicast"

    def _ends_a_subnet(self, address: IPv4Address) -> bool:
        nets = [own.interface.network for own in self.own if own.interface.version == 4]
        return any(net.prefixlen < 31 and net.broadcast_address == address for net in nets)

    def route(self, to: Address, only: Iterable[str] | None = None, mark: int = 0) -> RouteEntry | None:
        """The route to an address: longest prefix, then lowest metric; only: restricts the links; None if there is none.

        Lookups without link and mark are cached: the matrix repeats them for each forward and each pair of networks.
        """
        if only is not None or mark:
            return self._route(to, only, mark)
        if to not in self._found:
            self._found[to] = self._route(to, None, 0)
        return self._found[to]

    def _route(self, to: Address, only: Iterable[str] | None, mark: int) -> RouteEntry | None:
        for lookup in (*(each for each in self.lookups if mark and each.mark == mark), Lookup(0, "", 0)):
            best = self._best(to, lookup.table, only)
            if best and (best.to.prefixlen or not lookup.narrow):
                return best if best.link else None
        return None

    def _best(self, to: Address, table: str, only: Iterable[str] | None) -> RouteEntry | None:
        fits = [
            route
            for route in self.routes
            if (route.table, route.to.version) == (table, to.version)
            and to in route.to
            and (only is None or route.link in only)
        ]
        return min(fits, key=lambda route: (-route.to.prefixlen, route.metric), default=None)

    def leads(self, address: Address, only: Iterable[str] | None = None) -> str:
        """Outgoing link for a unicast address; empty if there is none."""
        route = self.route(address, only) if self.kind(address) == "unicast" else None
        return route.link if route else ""

    def next_hop(self, address: Address, mark: int = 0) -> Address | None:
        """The router to an address, or the address itself on a network of the gateway; None without a route."""
        route = self.route(address, mark=mark)
        return route and (route.via or address)

    def subnets(self, link: str, version: int = 4) -> list[Net]:
        """Subnets of the gateway's addresses on a link, without link-local ones."""
        nets = [own.interface.network for own in self.own if own.link == link and own.interface.version == version]
        return [net for net in nets if not net.is_link_local]

    def address_on(self, link: str, neighbour: Address) -> LocalAddress | None:
        """The source address for masquerade: in the next hop's subnet, else the link's first."""
        here = [own for own in self.own if own.link == link and own.interface.version == neighbour.version]
        near = [own for own in here if neighbour in own.interface.network]
        return next(iter(near + here), None)


def _routers(net: Net) -> Address | None:
    """Subnet-router anycast address of an IPv6 subnet (RFC 4291 2.6.1); None if it has none."""
    return net.network_address if net.version == 6 and net.prefixlen < 127 else None
