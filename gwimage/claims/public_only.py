"""Claims of `internet: public`: what is private outside is out of a LAN's reach; that the public is not, its source claims say."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from gwimage.claims import allow_ipv6, openings, prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import Unreachable
from gwimage.claims.claim_ipv6 import Unreachable6
from gwimage.profile import Profile, subnets, zone_addresses, zones
from gwimage.profile.ipv6 import Outside
from gwimage.profile.lans import Lan
from gwimage.profile.wans import Wan
from gwimage.values import address_lists, lab_host

# what home routers, providers and clouds number hosts with (RFC 1918, 6598, 3927)
USUAL = tuple(map(IPv4Network, ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10", "169.254.0.0/16")))
PARTS, HOST = 4, 66  # an address in each 16th of a network is tried
LOCAL6 = IPv6Address("fd67:7761:7973::66")


def shuts_off(lan: Lan, wan: Wan) -> bool:
    """Whether the WAN's own hosts are out of this LAN's reach, since they have private addresses."""
    return lan.public_only and subnets.is_private(wan)


def claims(lan: Lan, profile: Profile) -> Iterator[Claim]:
    """Over IPv4: private addresses beyond the first WAN, and hosts on each WAN whose subnet is private."""
    path, first = f"lans.{lan.name}.internet", profile.wans[0].name
    anywhere = [entry for entry in profile.allow if not entry.destinations]
    if (found := tuple(_beyond(lan, profile))) and (protocols := openings.closed(anywhere, lan.name, first)):
        probe = Unreachable(lab_host.client(lan.name), first, protocols, found)
        text = f"a client on {lan.name} does not reach private addresses beyond {first}{_by(protocols)}"
        # silence says nothing where nothing outside is reached
        needs = (*prerequisites.of(profile, lan.name, first), f"lans.{lan.name}.source")
        yield Claim(path, path, text, probe, needs, closed=True)
    for wan in profile.wans:
        protocols = openings.closed(profile.allow, lan.name, wan.name)
        if shuts_off(lan, wan) and subnets.has_free_host(wan) and protocols:
            probe = Unreachable(lab_host.client(lan.name), wan.name, protocols, near=True)
            text = f"a client on {lan.name} does not reach a host on {wan.name}{_by(protocols)}"
            yield Claim(f"{path}.{wan.name}", path, text, probe, prerequisites.of(profile, lan.name, wan.name), closed=True)


def _beyond(lan: Lan, profile: Profile) -> Iterator[IPv4Address]:
    """An address in each of the usual private networks that leads to the first WAN, and that no entry opens to the LAN."""
    known, routed = zones.of(profile), [route.to.network for route in profile.routes]
    routed += [net for wan in profile.wans for net in subnets.connected(wan)]
    opened = [
        one
        for entry in profile.allow
        if lan.name in entry.from_zones
        for one in address_lists.resolved(entry.destinations, profile.sets)
    ]
    for usual in USUAL:
        for net in usual.subnets(prefixlen_diff=PARTS):
            ip = net[HOST]
            near = any(ip in other for other in routed) or any(one.first <= int(ip) <= one.last for one in opened)
            if not near and zone_addresses.is_free(ip, None, known, profile):
                yield ip
                break


def claims6(lan: Lan, profile: Profile) -> Iterator[Claim]:
    """Over IPv6: a unique local address beyond the first WAN, and the hosts on each WAN, whose addresses are public."""
    path, place = f"lans.{lan.name}.ipv6", f"lans.{lan.name}.internet"
    for index, (name, outside) in enumerate(profile.ipv6.wans.items()):
        needs = (f"{path}.ping", f"wans.{name}.ipv6.address")
        if not (protocols := allow_ipv6.shut(profile, lan.name, name)):
            continue
        src = lab_host.client(lan.name)
        if not index:
            text = (
                f"a client on {lan.name} does not reach a private address beyond {name} over IPv6{allow_ipv6.only(protocols)}"
            )
            probe = Unreachable6(src, name, protocols, (LOCAL6,))
            yield Claim(f"{path}.internet", place, text, probe, (*needs, f"{path}.source"), closed=True)
        if _has_neighbours(outside):
            text = f"a client on {lan.name} does not reach a host on {name} over IPv6{allow_ipv6.only(protocols)}"
            probe = Unreachable6(src, name, protocols, near=True)
            yield Claim(f"{path}.internet.{name}", place, text, probe, needs, closed=True)


def _has_neighbours(outside: Outside) -> bool:
    """Whether the lab has room for a host on the WAN's own network."""
    return not outside.address or outside.address.network.prefixlen <= 64


def _by(protocols: tuple[str, ...]) -> str:
    return "" if protocols == openings.ASKED else f" by {' or '.join(map(str.upper, protocols))}"
