"""The gateway's addresses and routes, read from what the plan tells networkd; and which way the kernel sends a packet.

What only the world outside knows is assumed: see `assume`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address, ip_interface, ip_network

from gwimage.explain.packet import Address
from gwimage.plan import Plan, Setting

ZONES = ("wans", "lans", "vpns")
ANYWHERE = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}
# for documentation (RFC 5737): no provider gives these
PLACEHOLDERS = [IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/24"), IPv4Network("203.0.113.0/24")]
ROUTE_KEYS = {"Destination", "Gateway", "Metric"}


@dataclass(frozen=True)
class Own:
    """An address of the gateway. leased: DHCP gives it; assumed: and nobody said which one it gave."""

    interface: IPv4Interface | IPv6Interface
    link: str
    path: str
    leased: bool = False
    assumed: bool = False


@dataclass(frozen=True)
class Route:
    """No `via`: neighbours. The lowest metric wins."""

    to: IPv4Network | IPv6Network
    link: str
    path: str
    via: Address | None = None
    metric: int = 0


@dataclass(frozen=True)
class Network:
    """zones: the kind (wans, lans, vpns) of each network by its name, in the profile's order.

    masquerade: (subnet, profile path) of what networkd hides. forwarding: the IP versions that are routed.
    """

    zones: dict[str, str]
    own: tuple[Own, ...]
    routes: tuple[Route, ...]
    masquerade: tuple[tuple[IPv4Network, str], ...]
    forwarding: tuple[int, ...]

    def kind(self, address: Address) -> str:
        """local, broadcast, multicast or unicast."""
        if address.is_multicast:
            return "multicast"
        if any(own.interface.ip == address for own in self.own):
            return "local"
        if address.version == 6:
            return "unicast"
        if address in IPv4Network("127.0.0.0/8"):
            return "local"
        return "broadcast" if address == IPv4Address("255.255.255.255") or self._is_broadcast(address) else "unicast"

    def _is_broadcast(self, address: Address) -> bool:
        nets = [own.interface.network for own in self.own if own.interface.version == 4]
        return any(net.prefixlen < 31 and net.broadcast_address == address for net in nets)

    def route(self, to: Address, only: Iterable[str] | None = None) -> Route | None:
        """The longest prefix, then the lowest metric; `only` through these links."""
        fits = [
            route
            for route in self.routes
            if to.version == route.to.version and to in route.to and (only is None or route.link in only)
        ]
        return min(fits, key=lambda route: (-route.to.prefixlen, route.metric), default=None)

    def comes_from(self, address: Address, link: str) -> bool:
        """Whether a packet to this address could leave by this link."""
        return self.kind(address) == "unicast" and self.route(address, (link,)) is not None

    def subnets(self, link: str, version: int = 4) -> list[IPv4Network | IPv6Network]:
        """The subnets on a link."""
        return [own.interface.network for own in self.own if own.link == link and own.interface.version == version]

    def address_on(self, link: str, neighbour: Address) -> Own | None:
        """The gateway's address that masquerade takes: of the neighbour's subnet, else the link's first one."""
        here = [own for own in self.own if own.link == link and own.interface.version == neighbour.version]
        near = [own for own in here if neighbour in own.interface.network]
        return next(iter(near + here), None)


def read(plan: Plan, given: dict[str, IPv4Interface] | None = None) -> Network:
    """`given`: the addresses that the WANs have from DHCP now, by name; the others are assumed."""
    zones = {element.text.strip('"'): kind for kind in ZONES for element in plan.elements if element.set == kind}
    links = _by_link(plan)
    own = [
        Own(ip_interface(setting.value), link, setting.path)
        for link, settings in links.items()
        for setting in settings
        if (setting.section, setting.key) in (("Network", "Address"), ("Address", "Address"))
    ]
    routes = [Route(each.interface.network, each.link, each.path) for each in own]
    for link, settings in links.items():
        routes += _static(link, settings)
    taken = [each.interface.network for each in own]
    for link, settings in links.items():
        if leased := _leased(link, settings, (given or {}).get(link), taken):
            own.append(leased[0])
            routes += leased[1:]
            taken.append(leased[0].interface.network)
    return Network(zones, tuple(own), tuple(routes), _masquerade(links, own), _forwarding(plan))


def _by_link(plan: Plan) -> dict[str, list[Setting]]:
    """The settings of each link's .network file by the link's name."""
    files: dict[str, list[Setting]] = {}
    for setting in plan.network:
        if setting.file.endswith(".network"):
            files.setdefault(setting.file, []).append(setting)
    return {_value(settings, "Match", "Name"): settings for settings in files.values()}


def _value(settings: Iterable[Setting], section: str, key: str) -> str:
    return next((each.value for each in settings if (each.section, each.key) == (section, key)), "")


def _static(link: str, settings: list[Setting]) -> list[Route]:
    """The [Route] sections; ValueError for a key whose meaning is not known here."""
    sections: dict[str, dict[str, Setting]] = {}
    for setting in settings:
        if setting.section == "Route":
            sections.setdefault(setting.instance, {})[setting.key] = setting
    return [_one_route(link, keys) for keys in sections.values()]


def _one_route(link: str, keys: dict[str, Setting]) -> Route:
    if unknown := keys.keys() - ROUTE_KEYS:
        raise ValueError(f"[Route] {sorted(unknown)} is not understood")
    via = ip_address(keys["Gateway"].value) if "Gateway" in keys else None
    to = ip_network(keys["Destination"].value) if "Destination" in keys else ANYWHERE[via.version]
    metric = int(keys["Metric"].value) if "Metric" in keys else 0
    return Route(to, link, next(iter(keys.values())).path, via, metric)


def _leased(link: str, settings: list[Setting], given: IPv4Interface | None, taken: list) -> tuple | None:
    """The address that DHCP gives, and its two routes."""
    asks = next((each for each in settings if (each.section, each.key) == ("Network", "DHCP")), None)
    if not asks or asks.value not in ("ipv4", "yes"):
        return None
    address = given or _placeholder([net for net in taken if net.version == 4])
    router = next(ip for ip in address.network.hosts() if ip != address.ip)
    metric = int(_value(settings, "DHCPv4", "RouteMetric") or 1024)
    return (
        Own(address, link, asks.path, leased=True, assumed=given is None),
        Route(address.network, link, asks.path, None, metric),
        Route(ANYWHERE[4], link, asks.path, router, metric),
    )


def _placeholder(taken: list[IPv4Network]) -> IPv4Interface:
    """An address for a lease that nobody has yet."""
    for wide in PLACEHOLDERS:
        for net in wide.subnets(new_prefix=27):
            if not any(net.overlaps(other) for other in taken):
                return IPv4Interface((net.network_address + 2, net.prefixlen))
    raise ValueError("no address range is left for documentation")


def _masquerade(links: dict[str, list[Setting]], own: list[Own]) -> tuple[tuple[IPv4Network, str], ...]:
    """What networkd's own table hides: the subnets of every link with IPMasquerade=."""
    found = []
    for link, settings in links.items():
        asks = [each for each in settings if (each.section, each.key) == ("Network", "IPMasquerade")]
        if asks and asks[-1].value in ("ipv4", "both"):
            nets = [each.interface.network for each in own if each.link == link and each.interface.version == 4]
            found += [(net, asks[-1].path) for net in nets]
    return tuple(found)


def _forwarding(plan: Plan) -> tuple[int, ...]:
    said = {(each.section, each.key): each.value for each in plan.network if each.file == "networkd.conf"}
    return tuple(version for version in (4, 6) if said.get(("Network", f"IPv{version}Forwarding")) == "yes")
