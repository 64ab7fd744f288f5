"""Reads the gateway's addresses and routes from the plan's networkd settings; unknown leases and prefixes are assumed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_address, ip_interface, ip_network

from gwimage.explain.routing import LocalAddress, Lookup, Net, RouteEntry, RoutingTable
from gwimage.plan import Plan, Setting

ZONES = ("wans", "lans", "vpns")
ANYWHERE = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}
# documentation ranges (RFC 5737, RFC 3849), which no provider assigns
PLACEHOLDERS = [IPv4Network("192.0.2.0/24"), IPv4Network("198.51.100.0/24"), IPv4Network("203.0.113.0/24")]
ON_LINK6, DELEGATED = IPv6Network("2001:db8:fffe::/48"), IPv6Network("2001:db8:ff00::/48")
LINK_LOCAL = IPv6Interface("fe80::200:ff:fe00:0/64")  # stands for the EUI-64 address made of the card's MAC address
ROUTER6 = IPv6Address("fe80::1")
MAIN = {"main": "", "254": ""}
USUAL_METRIC = 1024  # networkd's default

# leases by WAN name and IP version: an IPv4 address, or the IPv6 prefix delegated for the LANs
Given = dict[tuple[str, int], IPv4Interface | IPv6Network]


@dataclass(frozen=True)
class Interface:
    """The settings of one link's .network file."""

    name: str
    settings: tuple[Setting, ...]

    def all(self, section: str, key: str) -> list[Setting]:
        return [each for each in self.settings if (each.section, each.key) == (section, key)]

    def one(self, section: str, key: str) -> Setting | None:
        return next(iter(self.all(section, key)), None)

    def sections(self, name: str) -> list[dict[str, Setting]]:
        """All sections with this name, each as settings by key."""
        found: dict[str, dict[str, Setting]] = {}
        for each in self.settings:
            if each.section == name:
                found.setdefault(each.instance, {})[each.key] = each
        return list(found.values())

    def value(self, section: str, key: str) -> str:
        found = self.one(section, key)
        return found.value if found else ""


@dataclass
class _Found:
    """Addresses and routes collected so far."""

    own: list[LocalAddress] = field(default_factory=list)
    routes: list[RouteEntry] = field(default_factory=list)

    def address(self, own: LocalAddress, metric: int = 0) -> None:
        self.own.append(own)
        self.routes.append(RouteEntry(own.interface.network, own.link, own.path, None, metric))


def read(plan: Plan, given: Given | None = None) -> RoutingTable:
    """The routing table that networkd sets up from the plan; given: known leases, others are assumed."""
    given, found = given or {}, _Found()
    zones = {element.text.strip('"'): kind for kind in ZONES for element in plan.elements if element.set == kind}
    links = list(_links(plan))
    for link in links:
        _add_addresses(link, found)
    for link in links:
        _add_lease(link, given.get((link.name, 4)), found)
        _add_advertised(link, found)
        _add_routes(link, found)
    _add_delegated(links, given, found)
    masqueraded = tuple(_masqueraded(links, found.own))
    lookups = tuple(sorted((each for link in links for each in _lookups(link)), key=lambda each: each.priority))
    own, routes, leases = tuple(found.own), tuple(found.routes), tuple(_leases(links))
    return RoutingTable(zones, own, routes, masqueraded, _forwarding(plan), _peers(plan), lookups, leases)


def _links(plan: Plan) -> Iterator[Interface]:
    files: dict[str, list[Setting]] = {}
    for setting in plan.network:
        files.setdefault(setting.file, []).append(setting)
    for file, settings in files.items():
        if file.endswith(".network"):
            link = Interface("", tuple(settings))
            yield Interface(link.value("Match", "Name"), link.settings)


def _add_addresses(link: Interface, found: _Found) -> None:
    for setting in (*link.all("Network", "Address"), *link.all("Address", "Address")):
        found.address(LocalAddress(ip_interface(setting.value), link.name, setting.path))
    if (setting := link.one("Network", "LinkLocalAddressing")) and setting.value in ("ipv6", "yes"):
        found.address(LocalAddress(LINK_LOCAL, link.name, setting.path))


def _add_routes(link: Interface, found: _Found) -> None:
    """Adds routes of the [Route] sections; must run after `_add_lease`, for Gateway=_dhcp4."""
    for keys in link.sections("Route"):
        via, table = keys.get("Gateway"), MAIN.get(keys["Table"].value, keys["Table"].value) if "Table" in keys else ""
        path = next(iter(keys.values())).path
        if via and via.value == "_dhcp4":
            via = next((route.via for route in found.routes if (route.link, route.to) == (link.name, ANYWHERE[4])), None)
        else:
            via = ip_address(via.value) if via else None
        to = ip_network(keys["Destination"].value) if "Destination" in keys else ANYWHERE[via.version if via else 4]
        metric = int(keys["Metric"].value) if "Metric" in keys else USUAL_METRIC * (to.version == 6)
        found.routes.append(RouteEntry(to, link.name, path, via, metric, table))


def _lookups(link: Interface) -> Iterator[Lookup]:
    for keys in link.sections("RoutingPolicyRule"):
        table = keys["Table"].value
        narrow = "SuppressPrefixLength" in keys
        yield Lookup(int(keys["FirewallMark"].value), MAIN.get(table, table), int(keys["Priority"].value), narrow)


def _leases(links: list[Interface]) -> Iterator[tuple[str, int]]:
    for link in links:
        if _asks(link):
            yield link.name, 4
        if uplink := link.value("DHCPPrefixDelegation", "UplinkInterface"):
            yield uplink, 6


def _asks(link: Interface) -> bool:
    """Whether the link gets its IPv4 address by DHCP."""
    return link.value("Network", "DHCP") in ("ipv4", "yes")


def _add_lease(link: Interface, given: IPv4Interface | None, found: _Found) -> None:
    """Adds the DHCPv4 address of a WAN, its subnet and the default route."""
    asks = link.one("Network", "DHCP")
    if not _asks(link):
        return
    address = given or _placeholder([own.interface.network for own in found.own])
    router = next((ip for ip in address.network.hosts() if ip != address.ip), address.ip)
    metric = int(link.value("DHCPv4", "RouteMetric") or USUAL_METRIC)
    found.address(LocalAddress(address, link.name, asks.path, leased=True, assumed=given is None), metric)
    found.routes.append(RouteEntry(ANYWHERE[4], link.name, asks.path, router, metric))


def _placeholder(taken: Iterable[Net]) -> IPv4Interface:
    """An address for an unknown lease, in a subnet that overlaps none of those taken."""
    taken = [net for net in taken if net.version == 4]
    for wide in PLACEHOLDERS:
        for net in wide.subnets(new_prefix=27):
            if not any(net.overlaps(other) for other in taken):
                return IPv4Interface((net.network_address + 2, net.prefixlen))
    return IPv4Interface("192.88.99.2/27")  # reserved as well (RFC 7526)


def _add_advertised(link: Interface, found: _Found) -> None:
    """Adds the default route and SLAAC address of a WAN that accepts router advertisements."""
    accepts = link.one("Network", "IPv6AcceptRA")
    if not accepts or accepts.value != "yes":
        return
    metric = int(link.value("IPv6AcceptRA", "RouteMetric") or USUAL_METRIC)
    number = len([own for own in found.own if own.interface.ip in ON_LINK6])
    address = IPv6Interface((ON_LINK6.network_address + (number << 64) + (int(LINK_LOCAL.ip) & (1 << 64) - 1), 64))
    found.address(LocalAddress(address, link.name, accepts.path, leased=True, assumed=True), metric)
    found.routes.append(RouteEntry(ANYWHERE[6], link.name, accepts.path, ROUTER6, metric))


def _add_delegated(links: list[Interface], given: Given, found: _Found) -> None:
    """Adds each LAN's /64 of the delegated prefix, and an unreachable route for the rest of the prefix."""
    for link in links:
        uplink = link.value("DHCPPrefixDelegation", "UplinkInterface")
        if link.value("Network", "DHCPPrefixDelegation") != "yes":
            continue
        prefix, setting = given.get((uplink, 6), DELEGATED), link.one("Network", "DHCPPrefixDelegation")
        number = int(link.value("DHCPPrefixDelegation", "SubnetId") or "0", 16)
        address = IPv6Interface((prefix.network_address + (number << 64) + 1, 64))
        found.address(LocalAddress(address, link.name, setting.path, leased=True, assumed=(uplink, 6) not in given))
        found.routes.append(RouteEntry(prefix, "", setting.path, None, USUAL_METRIC))


def _masqueraded(links: list[Interface], own: list[LocalAddress]) -> Iterator[tuple[Net, str]]:
    """IPv4 subnets that networkd masquerades (links with IPMasquerade=), with profile paths."""
    for link in links:
        asks = link.one("Network", "IPMasquerade")
        if asks and asks.value in ("ipv4", "both"):
            nets = [each.interface.network for each in own if each.link == link.name]
            yield from ((net, asks.path) for net in nets if net.version == 4)


def _forwarding(plan: Plan) -> tuple[int, ...]:
    """IP versions with forwarding enabled in networkd.conf."""
    said = {(each.section, each.key): each.value for each in plan.network if each.file == "networkd.conf"}
    return tuple(version for version in (4, 6) if said.get(("Network", f"IPv{version}Forwarding")) == "yes")


def _peers(plan: Plan) -> dict[str, tuple[Net, ...]]:
    """AllowedIPs= of each WireGuard link, by its name."""
    names = {each.file: each.value for each in plan.network if (each.section, each.key) == ("NetDev", "Name")}
    kinds = {each.file for each in plan.network if (each.section, each.key, each.value) == ("NetDev", "Kind", "wireguard")}
    return {
        names[file]: tuple(ip_network(each.value) for each in plan.network if each.file == file and each.key == "AllowedIPs")
        for file in sorted(kinds)
    }
