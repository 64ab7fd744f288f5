"""Zones: the networks of a profile by name, and which IPv4 subnets lie behind each. Knows no rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network

from gwimage.problem import Path, Problem
from gwimage.profile import Profile, subnets

GATEWAY = "gateway"
ENOUGH = 300  # errors of one section: a search for names that are alike takes its time


@dataclass(frozen=True)
class Zones:
    """wans: in order of preference. subnets: by LAN or VPN, with those behind routers and peers, its own ones first.

    own: the gateway's addresses that the profile knows, with zone and subnet. network_and_broadcast: such
    addresses of its subnets inside, which no host has and to which nothing is passed on.
    """

    wans: tuple[str, ...]
    subnets: dict[str, tuple[IPv4Network, ...]]
    own: dict[IPv4Address, tuple[str, IPv4Network]]
    network_and_broadcast: dict[IPv4Address, IPv4Network]
    transit_zones: frozenset[str]  # zones whose own hosts meet by way of the gateway
    homes: dict[IPv4Network, str]

    @property
    def inside(self) -> tuple[str, ...]:
        return tuple(self.subnets)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.wans, *self.subnets)

    def zone_of(self, address: IPv4Address) -> str | None:
        """The LAN or VPN through which the address is reached; the narrowest subnet decides."""
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
    """A name that nothing has."""
    known = list(known)
    near = like(name, known)
    hint = f"{kind}s here: {', '.join(known[:12]) or 'none'}{' ...' if known[12:] else ''}"
    return Problem(path, f"no {kind} is called {name[:40]!r}", f"did you mean {near!r}?" if near else hint, on_key=on_key)


def like(name: str, known: list[str]) -> str:
    """The name that was perhaps meant. It begins alike: `lan` and `any` must not lead to `wan`."""
    return next(iter(get_close_matches(name.lower(), [one for one in known if one[:1] == name[:1].lower()], n=1)), "")
