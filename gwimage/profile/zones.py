"""Zones: a profile's networks by name, and the IPv4 subnets behind each. Must not know any rule."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network

from gwimage.problem import Path, Problem
from gwimage.profile import Profile, subnets

GATEWAY = "gateway"
ENOUGH = 300  # errors reported per section: the search for similar names is slow


@dataclass(frozen=True)
class Zones:
    """Zones of a profile.

    wans: in order of preference. subnets: by LAN or VPN, its own first, then those behind routers and peers.
    own: static addresses of the gateway, with zone and subnet. network_and_broadcast: network and broadcast
    addresses of its inside subnets, which no host has and to which nothing is forwarded. homes: the zone of each subnet.
    """

    wans: tuple[str, ...]
    subnets: dict[str, tuple[IPv4Network, ...]]
    own: dict[IPv4Address, tuple[str, IPv4Network]]
    network_and_broadcast: dict[IPv4Address, IPv4Network]
    transit_zones: frozenset[str]  # zones whose own hosts reach each other through the gateway
    homes: dict[IPv4Network, str]

    @property
    def inside(self) -> tuple[str, ...]:
        return tuple(self.subnets)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.wans, *self.subnets)

    def zone_of(self, address: IPv4Address) -> str | None:
        """The LAN or VPN through which the address is reached, by longest prefix; None if outside."""
        around = (IPv4Network((address, length), strict=False) for length in range(32, -1, -1))
        return next((self.homes[net] for net in around if net in self.homes), None)


def of(profile: Profile) -> Zones:
    wans, own = tuple(wan.name for wan in profile.wans), {}
    for net in (*profile.wans, *profile.lans):
        own |= {address.ip: (net.name, address.network) for address in subnets.addresses(net)}
    own |= {vpn.address.ip: (vpn.name, vpn.address.network) for vpn in profile.vpn}
    routed = subnets.routed(profile)
    behind = {lan.name: (*subnets.connected(lan), *routed.get(lan.name, ())) for lan in profile.lans}
    behind |= {vpn.name: tuple(dict.fromkeys(vpn.networks)) for vpn in profile.vpn}
    near = [net for name, net in own.values() if name in behind and net.prefixlen < 31]
    edges = {edge: net for net in near for edge in (net.network_address, net.broadcast_address)}
    transit_zones = {name for name, nets in behind.items() if len(nets) > 1} | {vpn.name for vpn in profile.vpn}
    homes: dict[IPv4Network, str] = {}
    for name, nets in behind.items():
        for net in nets:
            homes.setdefault(net, name)
    return Zones(wans, behind, own, edges, frozenset(transit_zones), homes)


def unknown(path: Path, name: str, known: Iterable[str], kind: str = "network", on_key: bool = False) -> Problem:
    """A problem for an unknown name, with a similar known name as hint."""
    known = list(known)
    near = like(name, known)
    hint = f"{kind}s here: {', '.join(known[:12]) or 'none'}{' ...' if known[12:] else ''}"
    return Problem(path, f"no {kind} is called {name[:40]!r}", f"did you mean {near!r}?" if near else hint, on_key=on_key)


def like(name: str, known: list[str]) -> str:
    """A similar known name, or empty.

    It must have the same first letter: `lan` and `any` must not suggest `wan`.
    """
    return next(iter(get_close_matches(name.lower(), [one for one in known if one[:1] == name[:1].lower()], n=1)), "")
