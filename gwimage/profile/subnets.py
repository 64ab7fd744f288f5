"""Addresses and subnets of a profile's networks, shared by several features. Must not know any feature.

Where a profile may have hundreds of subnets they are compared as pairs of integers: ipaddress takes ten times as long.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile
from gwimage.profile.lans import Lan
from gwimage.profile.wans import DhcpAddress, StaticAddress, Wan
from gwimage.values import host_address


class OwnAddress(NamedTuple):
    """An address of the gateway: its profile path, its network's path, and its subnet as integers first..last."""

    place: Path
    zone: Path
    address: IPv4Interface
    first: int
    last: int


def addresses(net: Wan | Lan) -> tuple[IPv4Interface, ...]:
    """The gateway's addresses on this network that are known beforehand, the main one first; none if DHCP assigns it."""
    known = net.ipv4 if isinstance(net, Wan) else net
    return (known.address, *known.extra_addresses) if isinstance(known, (StaticAddress, Lan)) else ()


def provider_routers(profile: Profile) -> tuple[IPv4Address, ...]:
    """The routers of WANs with a static address."""
    return tuple(wan.ipv4.gateway for wan in profile.wans if isinstance(wan.ipv4, StaticAddress))


def connected(net: Wan | Lan) -> tuple[IPv4Network, ...]:
    """Subnets of the gateway's addresses on this network, each once."""
    return tuple(dict.fromkeys(address.network for address in addresses(net)))


def has_free_host(wan: Wan) -> bool:
    """Whether the WAN's subnet has a free address besides the gateway's and the provider router's.

    The lab then places a host there.
    """
    if not isinstance(wan.ipv4, StaticAddress):
        return True
    net = wan.ipv4.address.network
    taken = {wan.ipv4.gateway, *(address.ip for address in addresses(wan))}
    return net.num_addresses - 2 * (net.prefixlen < 31) > len([ip for ip in taken if ip in net])


def is_private(wan: Wan) -> bool:
    """Whether the hosts next to the gateway on this WAN have private addresses. Of a lease nothing is known."""
    return isinstance(wan.ipv4, StaticAddress) and not host_address.is_public(wan.ipv4.address.ip)


def inside(profile: Profile) -> tuple[str, ...]:
    """Names of the inside zones: LANs and VPNs."""
    return tuple(net.name for net in (*profile.lans, *profile.vpn))


def routed(profile: Profile) -> dict[str, dict[IPv4Network, int]]:
    """Routed networks with the route's index, by the LAN or WAN where their router is; each network once."""
    spans, found = own(profile), {}
    for index, route in enumerate(profile.routes):
        if zone := zone_of(spans, route.via):
            found.setdefault(zone[1], {}).setdefault(route.to.network, index)
    return found


def masqueraded(profile: Profile) -> tuple[IPv4Network, ...]:
    """Subnets whose source addresses are masqueraded on every WAN."""
    return _subnets(profile, [lan for lan in profile.lans if lan.masquerade])


def all_inside(profile: Profile) -> tuple[IPv4Network, ...]:
    """Every subnet inside: of the LANs and VPNs, behind routers on LANs, and behind peers. As the nft set `inside`."""
    return _subnets(profile, profile.lans)


def _subnets(profile: Profile, lans: Iterable[Lan]) -> tuple[IPv4Network, ...]:
    """Subnets of these LANs with what is behind their routers, then of all VPNs with what is behind their peers."""
    behind = routed(profile)
    nets = (net for lan in lans for net in (*connected(lan), *behind.get(lan.name, ())))
    return collapse((*nets, *(net for vpn in profile.vpn for net in vpn.networks)))


def collapse(nets: Iterable[IPv4Network]) -> tuple[IPv4Network, ...]:
    """Networks without duplicates and without those contained in others: an nft set must not overlap."""
    nets = tuple(dict.fromkeys(nets))
    kept, end = set(), -1
    for net in sorted(nets):  # of two with the same first address the wider comes first
        first, last = span(net)
        if first > end:
            kept.add(net)
            end = last
    return tuple(net for net in nets if net in kept)


def overlapping(nets: list[tuple[Path, IPv4Network]]) -> list[tuple[Path, IPv4Network, Path, IPv4Network]]:
    """Pairs of overlapping networks: the earlier one in the list, then the later; each contained network once.

    O(n log n): sorted by first address, a network that begins before the widest so far ends overlaps it.
    """
    spans, found, widest = [span(net) for _, net in nets], [], None
    for index in sorted(range(len(nets)), key=lambda index: (spans[index][0], -spans[index][1], index)):
        if widest is None or spans[index][0] > spans[widest][1]:
            widest = index
        else:
            found.append((*nets[min(widest, index)], *nets[max(widest, index)]))
    return found


def own(profile: Profile) -> list[OwnAddress]:
    """Every static address of the gateway on a WAN or LAN; not on VPNs, where no next hop can be."""
    zones = [(("wans", wan.name), ("ipv4",), wan) for wan in profile.wans]
    zones += [(("lans", lan.name), (), lan) for lan in profile.lans]
    found = []
    for zone, inner, net in zones:
        for index, address in enumerate(addresses(net)):
            key = ("extra_addresses", index - 1) if index else ("address",)
            found.append(OwnAddress((*zone, *inner, *key), zone, address, *span(address.network)))
    return found


def span(net: IPv4Network) -> tuple[int, int]:
    """First and last address of a subnet, as integers."""
    return int(net.network_address), int(net.broadcast_address)


def zone_of(spans: list[OwnAddress], address: IPv4Address) -> Path | None:
    """Profile path of the network in whose subnet the address is; None if in none."""
    number = int(address)
    return next((own.zone for own in spans if own.first <= number <= own.last), None)


def leased(profile: Profile, address: IPv4Address) -> str:
    """The LAN whose DHCP pool may lease this address to any client; empty if there is none or it is reserved."""
    pools = (lan for lan, dhcp in profile.dhcp.items() if dhcp.first <= address <= dhcp.last)
    lan = next(pools, "")
    return "" if any(one.address == address for one in profile.reservations.get(lan, ())) else lan


def check_overlaps(profile: Profile) -> list[Problem]:
    """Problems of addresses and subnets that overlap: each network needs its own."""
    # an address that is wrong by itself is reported elsewhere, once
    sane = [entry for entry in own(profile) if not host_address.check_host((), entry.address, narrowest=32)]
    problems = []
    for index, entry in enumerate(sane):
        for other in sane[:index]:
            if entry.first <= other.last and other.first <= entry.last and (problem := _overlap(entry, other)):
                problems.append(problem)
                break
    return problems


def check_home_router(path: Path, net: IPv4Network, profile: Profile) -> list[Problem]:
    """Warning about a subnet inside that the router outside is likely to have, too: then a WAN takes no lease from it."""
    leased = [wan.name for wan in profile.wans if isinstance(wan.ipv4, DhcpAddress)]
    if not leased or not (usual := host_address.of_home_routers(net)):
        return []
    message = f"{usual} is usual for home routers: behind one that has it {', '.join(leased)} takes no address"
    return [Problem(path, message, "take a subnet that is rare, such as 192.168.77.0/24 or 10.77.0.0/24", "warning")]


def _overlap(entry: OwnAddress, other: OwnAddress) -> Problem | None:
    net, ip = entry.address.network, entry.address.ip
    if entry.zone != other.zone:
        message = f"the subnet {net} overlaps {other.address.network} of {dotted(other.zone)}"
        return Problem(entry.place, message, "each network needs a subnet of its own")
    if ip == other.address.ip:
        return Problem(entry.place, f"{ip} is already an address of this network", "give each once")
    # networkd masquerades by subnet and fails on two that overlap; a WAN's additional /32 addresses are no subnets
    if net == other.address.network or entry.zone[0] == "wans" and 32 in (net.prefixlen, other.address.network.prefixlen):
        return None
    hint = f"write {ip}/{other.address.network.prefixlen} if it is the same subnet"
    return Problem(entry.place, f"the subnet {net} overlaps {other.address.network} of this same network", hint)
