"""Addresses of hosts in each zone as bit sets, and checks of address lists against them.

For sources and destinations of firewall.allow and firewall.forwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from gwimage.problem import Path, Problem
from gwimage.profile import Profile, subnets, zones
from gwimage.profile.wans import StaticAddress
from gwimage.profile.zones import GATEWAY, Zones
from gwimage.values import address_lists, ranges
from gwimage.values.address_lists import Items
from gwimage.values.ranges import IntervalIndex, Range

LAST_HOST = int(IPv4Address("223.255.255.255"))  # IPv4 unicast

# multicast, reserved and broadcast: the gateway receives them, but forwards none
NOT_UNICAST = (Range(4, int(IPv4Address("224.0.0.0")), 2**32 - 1, ""),)
LINK_LOCAL = (ranges.parse("fe80::/10"),)


@dataclass(frozen=True)
class ZoneAddresses:
    """Bit sets of addresses on one axis.

    hosts: by zone, possible host addresses; every IPv6 address where the prefix comes from a provider. sets: by set name.
    """

    zones: Zones
    axis: IntervalIndex
    hosts: dict[str, int]
    sets: dict[str, int]

    def mask(self, items: Items) -> int:
        """Bit set of the items, with sets expanded; no items mean every address."""
        if not items:
            return ranges.EVERY
        plain = self.axis.bits(item for item in items if isinstance(item, Range))
        for name in (item for item in items if isinstance(item, str)):
            plain |= self.sets[name]
        return plain

    def on(self, names: Iterable[str]) -> int:
        """Bit set of the hosts in any of these zones."""
        bits = 0
        for name in names:
            bits |= self.hosts[name]
        return bits


def of(profile: Profile, lists: Iterable[Items]) -> ZoneAddresses:
    """Zone addresses of a profile; lists: every address list that will be passed to `mask`."""
    known = zones.of(profile)
    homes = {name: _ranges(nets) for name, nets in known.subnets.items()}
    own, edges, inside = (
        _ranges(known.own),
        _ranges(known.network_and_broadcast),
        [one for some in homes.values() for one in some],
    )
    plain = [item for items in lists for item in items if isinstance(item, Range)]
    named = [one for members in profile.sets.values() for one in members.ranges]
    fixed = {name: _ranges([lan.address.network]) for name, lan in profile.ipv6.lans.items() if lan.address}
    inside6 = [one for some in fixed.values() for one in some]
    axis = IntervalIndex([*plain, *named, *own, *edges, *NOT_UNICAST, *inside, *inside6, *LINK_LOCAL])
    hosts = {name: axis.bits(some) & ~axis.bits([*own, *edges]) for name, some in homes.items()}
    outside = axis.family[4] & ~axis.bits([*NOT_UNICAST, *inside])
    hosts |= {name: outside & ~axis.bits(own) for name in known.wans}
    unknown = not all(isinstance(wan.ipv4, StaticAddress) for wan in profile.wans)
    hosts[GATEWAY] = axis.bits([*own, *NOT_UNICAST]) | (outside if unknown else 0)
    for name, lan in profile.ipv6.lans.items():
        hosts[name] |= axis.family[6] if lan.delegated else axis.bits([*fixed.get(name, ()), *LINK_LOCAL])
    for name in profile.ipv6.wans:
        hosts[name] |= axis.family[6] & ~axis.bits(inside6)
    if profile.ipv6.lans or profile.ipv6.wans:
        hosts[GATEWAY] |= axis.family[6]
    sets = {name: axis.bits(members.ranges) for name, members in profile.sets.items()}
    return ZoneAddresses(known, axis, hosts, sets)


def host(items: Items, zone: str, known: Zones, profile: Profile) -> IPv4Address | None:
    """The first IPv4 address of a list that a host in the zone can have; None if there is none.

    On a WAN it is taken near the end of the range, where routers rarely are.
    """
    home = next((lan.address for lan in profile.lans if lan.name == zone), None)
    for one in address_lists.resolved(items, profile.sets):
        last = min(one.last, LAST_HOST)
        low, high = max(one.first, last - 2), last
        if home:
            low = max(one.first, int(home.network.network_address) + 1)
            high = min(one.last, int(home.network.broadcast_address) - 1)
        there = map(IPv4Address, range(low, high + 1) if one.family == 4 else ())
        if found := next((ip for ip in there if is_free(ip, home, known, profile)), None):
            return found
    return None


def is_free(ip: IPv4Address, home: IPv4Interface | None, known: Zones, profile: Profile) -> bool:
    """Whether a host may take the address: not the gateway's, a provider router's, or a network or broadcast address.

    home: the LAN's address; None for a WAN, where inside addresses are not free either.
    """
    taken = ip in known.own or ip in known.network_and_broadcast or ip in subnets.provider_routers(profile)
    return not taken and (home is not None or known.zone_of(ip) is None)


def check(path: Path, items: Items, names: Sequence[str], addresses: ZoneAddresses) -> list[Problem]:
    """Problems of duplicates, and of addresses in none of the zones `names`; set names must exist."""
    problems, met = ranges.check(path, items), addresses.on(names)
    for index, item in enumerate(items):
        if not addresses.mask([item]) & met:
            message, hint = _mismatch(item, names, addresses)
            problems.append(Problem((*path, index), f"this never matches: {message}", hint))
    return problems


def check_names(path: Path, items: Items, profile: Profile) -> list[Problem]:
    """Problems for unknown set names and for sets named twice."""
    problems, seen = [], set()
    for index, name in enumerate(items):
        if isinstance(name, str) and name not in profile.sets:
            problems.append(zones.unknown((*path, index), name, profile.sets, "set"))
        elif isinstance(name, str) and name in seen:
            problems.append(Problem((*path, index), f"the set {name!r} is here twice", "remove one"))
        seen.add(name)
    return problems


def _mismatch(item: Range | str, names: Sequence[str], addresses: ZoneAddresses) -> tuple[str, str]:
    where, known = ", ".join(names), addresses.zones
    near = [name for name in names if name in known.subnets]
    hint = "; ".join(f"{name} is {', '.join(map(str, known.subnets[name][:3]))}" for name in near[:3])
    if isinstance(item, str):
        return f"no address of the set {item!r} is on {where}", hint
    if item.family == 6:
        six = addresses.on(names) & addresses.axis.family[6]
        return f"{item.text} is not on {where}", "" if six else "no IPv6 there: a network has it where it says ipv6"
    address = IPv4Address(item.first)
    if item.first == item.last and address in known.own:
        return f"{address} is the gateway itself on {known.own[address][0]}", "the gateway itself is a zone: gateway"
    if item.first == item.last and address in known.network_and_broadcast:
        return f"{address} is the network or broadcast address of {known.network_and_broadcast[address]}", hint
    home = known.zone_of(address)
    return f"{item.text} is {f'on {home}, ' if home else ''}not on {where}", hint


def _ranges(some: Iterable[IPv4Address | IPv4Network]) -> list[Range]:
    return [ranges.parse(str(one)) for one in some]
