"""Addresses and subnets of a profile's networks: what several features must agree on. Takes profiles, knows no feature."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from gwimage import nic
from gwimage.problem import Path, Problem, dotted

if TYPE_CHECKING:
    from gwimage.features.lans import Lan
    from gwimage.features.wans import Wan
    from gwimage.profile import Profile


def addresses(net: Wan | Lan) -> tuple[IPv4Interface, ...]:
    """The gateway's own on this network, the main one first; none where DHCP gives it."""
    return (net.address, *net.extra_addresses) if net.address else ()


def connected(net: Wan | Lan) -> tuple[IPv4Network, ...]:
    """The subnets of these addresses, each once."""
    return tuple(dict.fromkeys(address.network for address in addresses(net)))


def inside(profile: Profile) -> tuple[str, ...]:
    """The zones that are networks inside."""
    return tuple(lan.name for lan in profile.lans)


def hidden(profile: Profile) -> tuple[IPv4Network, ...]:
    """The subnets whose addresses no WAN may show."""
    return tuple(net for lan in profile.lans if lan.masquerade for net in connected(lan))


def places(profile: Profile) -> list[tuple[Path, Path, IPv4Interface]]:
    """Each address of the gateway: (its place in the profile, that of its network, the address)."""
    zones = [(("wans", wan.name), ("ipv4",), wan) for wan in profile.wans]
    zones += [(("lans", lan.name), (), lan) for lan in profile.lans]
    found = []
    for zone, inner, net in zones:
        for index, address in enumerate(addresses(net)):
            key = ("extra_addresses", index - 1) if index else ("address",)
            found.append(((*zone, *inner, *key), zone, address))
    return found


def check_overlaps(profile: Profile) -> list[Problem]:
    """An address belongs to one network, and each network has subnets of its own."""
    problems = []
    # later checks say nothing about what is wrong by itself
    sane = [entry for entry in places(profile) if not nic.check_host((), entry[2], narrowest=32)]
    found = [(place, zone, address, *_span(address.network)) for place, zone, address in sane]
    for index, (place, zone, address, first, last) in enumerate(found):
        for _, other_zone, other, start, end in found[:index]:
            if first <= end and start <= last and (problem := _overlap(place, zone, address, other_zone, other)):
                problems.append(problem)
                break
    return problems


def _span(net: IPv4Network) -> tuple[int, int]:
    return int(net.network_address), int(net.broadcast_address)


def _overlap(place: Path, zone: Path, address: IPv4Interface, other_zone: Path, other: IPv4Interface) -> Problem | None:
    net = address.network
    if zone != other_zone:
        message = f"the subnet {net} overlaps {other.network} of {dotted(other_zone)}"
        return Problem(place, message, "each network needs a subnet of its own")
    if address.ip == other.ip:
        return Problem(place, f"{address.ip} is already an address of this network", "give each once")
    # networkd masquerades by subnets, and fails on two that overlap; a WAN's additional /32 are no subnets
    if net == other.network or zone[0] == "wans" and 32 in (net.prefixlen, other.network.prefixlen):
        return None
    hint = f"write {address.ip}/{other.network.prefixlen} if it is the same subnet"
    return Problem(place, f"the subnet {net} overlaps {other.network} of this same network", hint)
