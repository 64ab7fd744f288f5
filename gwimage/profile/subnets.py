"""Addresses and subnets of a profile's networks: what several features must agree on. Takes profiles, knows no feature.

Subnets are compared as pairs of whole numbers where a profile may have hundreds: ipaddress takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile
from gwimage.profile.lans import Lan
from gwimage.profile.wans import StaticAddress, Wan
from gwimage.values import host_address


class OwnAddress(NamedTuple):
    """An address of the gateway: its place in the profile, that of its network, its subnet from first to last."""

    place: Path
    zone: Path
    address: IPv4Interface
    first: int
    last: int


def addresses(net: Wan | Lan) -> tuple[IPv4Interface, ...]:
    """The gateway's own on this network that are known beforehand, the main one first."""
    known = net.ipv4 if isinstance(net, Wan) else net
    return (known.address, *known.extra_addresses) if isinstance(known, (StaticAddress, Lan)) else ()


def provider_routers(profile: Profile) -> tuple[IPv4Address, ...]:
    """Those that are known beforehand."""
    return tuple(wan.ipv4.gateway for wan in profile.wans if isinstance(wan.ipv4, StaticAddress))


def connected(net: Wan | Lan) -> tuple[IPv4Network, ...]:
    """The subnets of these addresses, each once."""
    return tuple(dict.fromkeys(address.network for address in addresses(net)))


def has_free_host(wan: Wan) -> bool:
    """Whether its subnet has room for a host besides the gateway and the provider's router: then the lab has one there."""
    if not isinstance(wan.ipv4, StaticAddress):
        return True
    net = wan.ipv4.address.network
    taken = {wan.ipv4.gateway, *(address.ip for address in addresses(wan))}
    return net.num_addresses - 2 * (net.prefixlen < 31) > len([ip for ip in taken if ip in net])


def inside(profile: Profile) -> tuple[str, ...]:
    """The zones that are networks inside."""
    return tuple(net.name for net in (*profile.lans, *profile.vpn))


def routed(profile: Profile) -> dict[str, dict[IPv4Network, int]]:
    """What routes lead to, by the network that their routers are on: each network once, with the route's number."""
    spans, found = own(profile), {}
    for index, route in enumerate(profile.routes):
        if zone := zone_of(spans, route.via):
            found.setdefault(zone[1], {}).setdefault(route.to.network, index)
    return found


def masqueraded(profile: Profile) -> tuple[IPv4Network, ...]:
    """The subnets whose addresses no WAN may show."""
    behind = routed(profile)
    lans = (net for lan in profile.lans if lan.masquerade for net in (*connected(lan), *behind.get(lan.name, ())))
    return collapse((*lans, *(net for vpn in profile.vpn for net in vpn.networks)))


def collapse(nets: Iterable[IPv4Network]) -> tuple[IPv4Network, ...]:
    """Each once, without those that lie in others: nft takes no overlaps in a set."""
    nets = tuple(dict.fromkeys(nets))
    kept, end = set(), -1
    for net in sorted(nets):  # the wider first, where two begin alike
        first, last = span(net)
        if first > end:
            kept.add(net)
            end = last
    return tuple(net for net in nets if net in kept)


def overlapping(nets: list[tuple[Path, IPv4Network]]) -> list[tuple[Path, IPv4Network, Path, IPv4Network]]:
    """Of every two that overlap the earlier one in the list, then the later one; each that lies in another once.

    In n log n steps: sorted by where they begin, what begins before the widest one has ended overlaps it.
    """
    spans, found, widest = [span(net) for _, net in nets], [], None
    for index in sorted(range(len(nets)), key=lambda index: (spans[index][0], -spans[index][1], index)):
        if widest is None or spans[index][0] > spans[widest][1]:
            widest = index
        else:
            found.append((*nets[min(widest, index)], *nets[max(widest, index)]))
    return found


def own(profile: Profile) -> list[OwnAddress]:
    """Every fixed address of the gateway on a WAN or LAN; a VPN's is no neighbour to a router."""
    zones = [(("wans", wan.name), ("ipv4",), wan) for wan in profile.wans]
    zones += [(("lans", lan.name), (), lan) for lan in profile.lans]
    found = []
    for zone, inner, net in zones:
        for index, address in enumerate(addresses(net)):
            key = ("extra_addresses", index - 1) if index else ("address",)
            found.append(OwnAddress((*zone, *inner, *key), zone, address, *span(address.network)))
    return found


def span(net: IPv4Network) -> tuple[int, int]:
    return int(net.network_address), int(net.broadcast_address)


def zone_of(spans: list[OwnAddress], address: IPv4Address) -> Path | None:
    """The network in whose subnet it lies."""
    number = int(address)
    return next((own.zone for own in spans if own.first <= number <= own.last), None)


def leased(profile: Profile, address: IPv4Address) -> str:
    """The LAN whose DHCP server may give this address to any machine; none if it is reserved for one."""
    pools = (lan for lan, dhcp in profile.dhcp.items() if dhcp.first <= address <= dhcp.last)
    lan = next(pools, "")
    return "" if any(one.address == address for one in profile.reservations.get(lan, ())) else lan


def check_overlaps(profile: Profile) -> list[Problem]:
    """An address belongs to one network, and each network has subnets of its own."""
    # later checks say nothing about what is wrong by itself
    sane = [entry for entry in own(profile) if not host_address.check_host((), entry.address, narrowest=32)]
    problems = []
    for index, entry in enumerate(sane):
        for other in sane[:index]:
            if entry.first <= other.last and other.first <= entry.last and (problem := _overlap(entry, other)):
                problems.append(problem)
                break
    return problems


def _overlap(entry: OwnAddress, other: OwnAddress) -> Problem | None:
    net, ip = entry.address.network, entry.address.ip
    if entry.zone != other.zone:
        message = f"the subnet {net} overlaps {other.address.network} of {dotted(other.zone)}"
        return Problem(entry.place, message, "each network needs a subnet of its own")
    if ip == other.address.ip:
        return Problem(entry.place, f"{ip} is already an address of this network", "give each once")
    # networkd masquerades by subnets, and fails on two that overlap; a WAN's additional /32 are no subnets
    if net == other.address.network or entry.zone[0] == "wans" and 32 in (net.prefixlen, other.address.network.prefixlen):
        return None
    hint = f"write {ip}/{other.address.network.prefixlen} if it is the same subnet"
    return Problem(entry.place, f"the subnet {net} overlaps {other.address.network} of this same network", hint)
