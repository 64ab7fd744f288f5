"""The lab for a profile, as data: cards of the gateway, and the hosts on each segment.

Pure: nothing here touches the host. Real public addresses are safe to use, since nothing leaves the lab.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    summarize_address_range,
)
from itertools import chain, count

from gwimage.lab import topology6
from gwimage.lab.topology6 import Beyond6, Inside6, Outside6
from gwimage.profile import Profile, simulated_servers, subnets
from gwimage.profile.link import USUAL_MTU
from gwimage.profile.wans import DhcpAddress, StaticAddress
from gwimage.values import host_address, lab_host
from gwimage.values.lab_host import LabHost
from gwimage.values.ranges import Range

# Networks for documentation (RFC 5737), for benchmarks (RFC 2544), of providers (RFC 6598); and public ones where a
# profile names all of these.
_SPARE = [IPv4Network(n) for n in ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24")]
_MORE = [IPv4Network("198.18.0.0/15"), IPv4Network("100.64.0.0/10"), IPv4Network("11.0.0.0/8")]
_UNTAGGED = 0
_KINDS = {
    4: (IPv4Address, IPv4Interface, IPv4Network),
    6: (IPv6Address, IPv6Interface, IPv6Network),
}


@dataclass(frozen=True)
class Segment:
    """An Ethernet outside the gateway, behind one of its cards; `vlan` is its tag on the card, 0 for none."""

    number: int
    vlan: int = _UNTAGGED

    @property
    def bridge(self) -> str:
        return f"br{self.number}"

    @property
    def tap(self) -> str:
        return f"tap{self.number}"


@dataclass(frozen=True)
class Card:
    """A network card of the gateway: PVE's netN. mtu: of the bridge that it is plugged into, and so the most it can have."""

    slot: int
    mac: str
    segments: tuple[Segment, ...]
    mtu: int = USUAL_MTU

    @property
    def tagged(self) -> bool:
        return any(segment.vlan for segment in self.segments)


@dataclass(frozen=True)
class IspLeases:
    """The ISP leases out these addresses, from first to last."""

    first: IPv4Address
    last: IPv4Address


@dataclass(frozen=True)
class IspAssigned:
    """The ISP has assigned these addresses to the gateway once and for all, the main one first."""

    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True)
class WanSide:
    """A WAN. ipv4: how the gateway gets its address there; mac: the gateway's, as the ISP sees it."""

    name: str
    segment: Segment
    mac: str
    isp: IPv4Interface
    attacker: IPv4Interface
    ipv4: IspLeases | IspAssigned
    six: Outside6 | None = None

    @property
    def assigned(self) -> tuple[IPv4Address, ...]:
        """The gateway's static addresses."""
        return self.ipv4.addresses if isinstance(self.ipv4, IspAssigned) else ()


@dataclass(frozen=True)
class LanSide:
    """A LAN. spare: the client's address without a lease.

    segments: one for each card of the network, the client is on the first; gateways: the addresses of the gateway, the
    main one first; routers: next hops to the `routed` networks.
    """

    name: str
    segments: tuple[Segment, ...]
    gateways: tuple[IPv4Interface, ...]
    spare: IPv4Interface
    dhcp: bool
    routers: tuple[IPv4Address, ...] = ()
    routed: tuple[IPv4Network, ...] = ()
    six: Inside6 | None = None

    @property
    def gateway(self) -> IPv4Interface:
        return self.gateways[0]

    @property
    def client(self) -> LabHost:
        return lab_host.client(self.name)

    @property
    def server(self) -> LabHost:
        return lab_host.server(self.name)


@dataclass(frozen=True)
class Topology:
    """The lab. `outside` (a server's) and `afar` (a caller's): addresses beyond the ISP, in no network of the profile.

    elsewhere: a network there, for the peers of tunnels; dns: the gateway's DNS servers inside, each with its LAN or VPN;
    beyond6: as outside and afar, for IPv6, if the profile has any.
    """

    cards: tuple[Card, ...]
    wans: tuple[WanSide, ...]
    lans: tuple[LanSide, ...]
    outside: IPv4Address
    afar: IPv4Address
    elsewhere: IPv4Network
    dns: tuple[tuple[IPv4Address | IPv6Address, str], ...] = ()
    beyond6: Beyond6 | None = None

    @property
    def uplink(self) -> WanSide | None:
        """The WAN whose provider delegates a prefix."""
        return next((wan for wan in self.wans if wan.six and wan.six.delegated), None)

    def card_of(self, segment: Segment) -> Card:
        return next(card for card in self.cards if segment in card.segments)


def derive(profile: Profile) -> Topology:
    """The lab for a checked profile."""
    cards, segments = _cards(profile)
    named = set(_named(profile))
    if any(lan.public_only for lan in profile.lans):
        named |= {*host_address.NOT_PUBLIC}  # the server outside is one that they reach
    spare = _apart(named)
    beyond = next(spare)
    mac = {segment: card.mac for card in cards for segment in card.segments}
    wans = []
    for wan in profile.wans:
        segment = segments[wan.name][0]
        wans.append(_wan_side(wan, segment, wan.link.cloned_mac or mac[segment], spare, named))
    lans = [_lan_side(lan, segments[lan.name], profile, named) for lan in profile.lans]
    dns = tuple(simulated_servers.dns(profile).items())
    found = Topology(tuple(cards), tuple(wans), tuple(lans), beyond[-2], beyond[-3], next(spare), dns)
    return _with_ipv6(found, profile) if profile.ipv6.wans or profile.ipv6.lans else found


def _with_ipv6(found: Topology, profile: Profile) -> Topology:
    macs = {wan.name: wan.mac for wan in found.wans}
    outside, inside, beyond = topology6.derive(profile, macs, set(_named(profile, 6)))
    wans = tuple(replace(wan, six=outside.get(wan.name)) for wan in found.wans)
    return replace(found, wans=wans, lans=tuple(replace(lan, six=inside.get(lan.name)) for lan in found.lans), beyond6=beyond)


def _cards(profile: Profile) -> tuple[list[Card], dict[str, tuple[Segment, ...]]]:
    """The cards by slot, and each network's segments. A card named by its MAC alone gets the lowest free slot."""
    nics = dict.fromkeys(nic for net in (*profile.wans, *profile.lans) for nic in net.link.cards)
    taken = {nic.slot for nic in nics}
    free = (slot for slot in count() if slot not in taken)
    slots = {nic: next(free) if nic.slot is None else nic.slot for nic in nics}
    segments, behind, mtus = {}, {nic: [] for nic in nics}, dict.fromkeys(nics, USUAL_MTU)
    numbers = count()
    for net in (*profile.wans, *profile.lans):
        segments[net.name] = tuple(Segment(next(numbers), net.link.vlan or _UNTAGGED) for _ in net.link.cards)
        for nic, segment in zip(net.link.cards, segments[net.name]):
            behind[nic].append(segment)
            mtus[nic] = max(mtus[nic], net.link.mtu or 0)
    cards = [Card(slot, nic.mac or f"52:54:00:67:77:{slot:02x}", tuple(behind[nic]), mtus[nic]) for nic, slot in slots.items()]
    return sorted(cards, key=lambda card: card.slot), segments


def _named(thing: object, family: int = 4) -> Iterator[IPv4Network | IPv6Network]:
    """Every address and network that the profile names; the lab's own must be others."""
    host, interface, network = _KINDS[family]
    if isinstance(thing, host):  # or an interface, a subclass
        yield network(int(thing))
        if isinstance(thing, interface):
            yield thing.network
    elif isinstance(thing, network):
        yield thing
    elif isinstance(thing, Range):
        if thing.family == family:
            yield from summarize_address_range(host(thing.first), host(thing.last))
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from _named(getattr(thing, field.name), family)
    elif isinstance(thing, (tuple, list, frozenset, dict)):
        for part in (*thing, *thing.values()) if isinstance(thing, dict) else thing:
            yield from _named(part, family)


def _apart(named: set[IPv4Network]) -> Iterator[IPv4Network]:
    """Networks that overlap none that the profile names; 0.0.0.0/0 does not count."""
    for network in chain(_SPARE, *(block.subnets(new_prefix=24) for block in _MORE)):
        if not any(network.overlaps(other) for other in named if other.prefixlen):
            yield network


def _wan_side(wan, segment: Segment, mac: str, spare: Iterator[IPv4Network], named: set[IPv4Network]) -> WanSide:
    """The WAN's side; in a subnet too small for a third host, the attacker's address is from elsewhere."""
    match wan.ipv4:
        case DhcpAddress():
            network = next(spare)
            leases = IspLeases(network[100], network[199])
            return WanSide(wan.name, segment, mac, isp=_at(network, 1), attacker=_at(network, 66), ipv4=leases)
        case StaticAddress(address, router):
            network, own = address.network, tuple(one.ip for one in subnets.addresses(wan))
            taken = {IPv4Network(host) for host in (*own, router)}
            free = _free(network, [taken | _within(network, named), taken])
            attacker = IPv4Interface((free, network.prefixlen)) if free else _at(next(spare), 66)
            isp = IPv4Interface((router, network.prefixlen))
            return WanSide(wan.name, segment, mac, isp=isp, attacker=attacker, ipv4=IspAssigned(own))


def _lan_side(lan, segments: tuple[Segment, ...], profile: Profile, named: set[IPv4Network]) -> LanSide:
    """The LAN's side; the client's spare address avoids those that the profile names, and the pool, where there is room."""
    network, dhcp = lan.address.network, profile.dhcp.get(lan.name)
    gateways = subnets.addresses(lan)
    own = {IPv4Network(address.ip) for address in gateways}
    others = own | _within(network, named)
    pool = {*summarize_address_range(dhcp.first, dhcp.last)} if dhcp else set()
    spare = _free(network, [others | pool, others, pool | own, own])
    routes = [route for route in profile.routes if any(route.via in own.network for own in gateways)]
    return LanSide(
        lan.name,
        segments,
        gateways,
        IPv4Interface((spare, network.prefixlen)),
        dhcp is not None,
        tuple({route.via: None for route in routes}),
        tuple(route.to.network for route in routes),
    )


def _within(network: IPv4Network, named: set[IPv4Network]) -> set[IPv4Network]:
    return {other for other in named if other.prefixlen > network.prefixlen and other.subnet_of(network)}


def _free(network: IPv4Network, choices: Iterable[set[IPv4Network]]) -> IPv4Address | None:
    """A host address outside the first set, else outside the second, and so on."""
    return next((host for taken in choices if (host := _highest(network, taken))), None)


def _highest(network: IPv4Network, taken: set[IPv4Network]) -> IPv4Address | None:
    """The highest free host address: people number from the bottom."""
    edge = 1 if network.prefixlen < 31 else 0
    number = network.num_addresses - 1 - edge
    while number >= edge:
        covering = next((other for other in taken if network[number] in other), None)
        if covering is None:
            return network[number]
        number = int(covering.network_address) - int(network.network_address) - 1
    return None


def _at(network: IPv4Network, number: int) -> IPv4Interface:
    return IPv4Interface((network[number], network.prefixlen))
