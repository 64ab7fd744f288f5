"""Addresses of hosts in each zone as bit sets, and checks of address lists against them.

For sources and destinations of firewall.allow and firewall.forwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network

from gwimage.problem import Path, Problem
from gwimage.profile import Profile, subnets, zones
from gwimage.profile.ipv6 import Ipv6
from gwimage.profile.wans import StaticAddress
from gwimage.profile.zones import GATEWAY, Zones
from gwimage.values import address_lists, ranges
from gwimage.values import ipv6 as inet6
from gwimage.values.address_lists import Items
from gwimage.values.ranges import IntervalIndex, Range

Address, Network = IPv4Address | IPv6Address, IPv4Network | IPv6Network

LAST_HOST = int(IPv4Address("223.255.255.255"))  # IPv4 unicast

# multicast, reserved and broadcast: the gateway receives them, but forwards none
NOT_UNICAST = (Range(4, int(IPv4Address("224.0.0.0")), 2**32 - 1, ""),)
NOBODY = (ranges.parse("0.0.0.0/8"), ranges.parse("127.0.0.0/8"))
HOSTS6 = (ranges.parse(str(inet6.GLOBAL)), ranges.parse(str(inet6.UNIQUE_LOCAL)))
NAT64 = (ranges.parse("64:ff9b::/96"), ranges.parse("64:ff9b:1::/48"))  # IPv4 hosts outside (RFC 6052, RFC 8215)
LINK_LOCAL, MULTICAST6 = (ranges.parse(str(inet6.LINK_LOCAL)),), (ranges.parse("ff00::/8"),)
SUFFIX = (
    "the provider's prefix may change, so no entry names one host there: leave it out to mean every host, or match the end"
    " of the address in firewall.raw, as docs/ipv6.md shows"
)


@dataclass(frozen=True)
class ZoneAddresses:
    """Bit sets of addresses on one axis.

    hosts: by zone, possible host addresses, without link-local ones, which nobody forwards; where the prefix comes from a
    provider any that it might delegate. sets: by set name.
    """

    zones: Zones
    axis: IntervalIndex
    hosts: dict[str, int]
    sets: dict[str, int]
    ipv6: Ipv6

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

    def neighbours(self, names: Iterable[str]) -> int:
        """Bit set of the link-local addresses by which hosts in these zones talk to the gateway itself."""
        return self.axis.bits(LINK_LOCAL) if self.on(names) & self.axis.family[6] else 0

    def world(self, names: Iterable[str]) -> list[str]:
        """WANs among these zones whose own address is no unique local one: no packet from such an address leaves by them."""
        wans = self.ipv6.wans
        return [name for name in names if name in self.zones.wans and not (name in wans and inet6.local(wans[name].address))]

    def kept_inside(self, names: Iterable[str], others: Sequence[str]) -> int:
        """Bit set of the unique local addresses of these LANs, if the zones `others` are all such WANs; otherwise empty."""
        if not others or len(self.world(others)) < len(others):
            return 0
        fixed = _fixed(self.ipv6)
        local = [fixed[name] for name in names if name in fixed and inet6.local(self.ipv6.lans[name].address)]
        return self.axis.bits(_ranges(local)) & ~self.axis.bits(_own(self.ipv6))


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
    fixed, own6 = _fixed(profile.ipv6), _own(profile.ipv6)
    everywhere = (*NOT_UNICAST, *NOBODY, *HOSTS6, *NAT64, *LINK_LOCAL, *MULTICAST6)
    axis = IntervalIndex([*plain, *named, *own, *edges, *inside, *everywhere, *own6, *_ranges(fixed.values())])
    hosts = {name: axis.bits(some) & ~axis.bits([*own, *edges]) for name, some in homes.items()}
    outside = axis.family[4] & ~axis.bits([*NOT_UNICAST, *NOBODY, *inside])
    hosts |= {name: outside & ~axis.bits(own) for name in known.wans}
    unknown = not all(isinstance(wan.ipv4, StaticAddress) for wan in profile.wans)
    hosts[GATEWAY] = axis.bits([*own, *NOT_UNICAST]) | (outside if unknown else 0)
    for name, bits in _hosts6(profile.ipv6, axis).items():
        hosts[name] |= bits
    sets = {name: axis.bits(members.ranges) for name, members in profile.sets.items()}
    return ZoneAddresses(known, axis, hosts, sets, profile.ipv6)


def _fixed(ipv6: Ipv6) -> dict[str, IPv6Network]:
    return {name: lan.address.network for name, lan in ipv6.lans.items() if lan.address}


def _own(ipv6: Ipv6) -> list[Range]:
    """The gateway's fixed IPv6 addresses, and on LANs those of any router (RFC 4291 2.6.1)."""
    networks = (*ipv6.lans.values(), *ipv6.wans.values())
    return _ranges([*(net.address.ip for net in networks if net.address), *(net[0] for net in _fixed(ipv6).values())])


def _hosts6(ipv6: Ipv6, axis: IntervalIndex) -> dict[str, int]:
    """IPv6 addresses of the zones that have some."""
    fixed = _fixed(ipv6)
    inside, mine = axis.bits(_ranges(fixed.values())), axis.bits(_own(ipv6))
    elsewhere = axis.bits(HOSTS6) & ~inside & ~mine
    found = {name: (axis.bits(_ranges([net])) if (net := fixed.get(name)) else 0) & ~mine for name in ipv6.lans}
    found |= {name: bits | elsewhere for name, bits in found.items() if ipv6.lans[name].delegated}
    found |= {name: elsewhere | axis.bits(NAT64) for name in ipv6.wans}
    if found:
        unknown = any(lan.delegated for lan in ipv6.lans.values()) or any(not wan.address for wan in ipv6.wans.values())
        found[GATEWAY] = mine | axis.bits([*LINK_LOCAL, *MULTICAST6]) | (elsewhere if unknown else 0)
    return found


def nobody(item: Range) -> bool:
    """Whether no host on any network can have one of these addresses, and no group."""
    if item.family == 4:
        return any(one.first <= item.first and item.last <= one.last for one in NOBODY)
    every = (*HOSTS6, *NAT64, *LINK_LOCAL, *MULTICAST6)
    return not any(one.first <= item.last and item.first <= one.last for one in every)


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


def check(
    path: Path, items: Items, names: Sequence[str], addresses: ZoneAddresses, more: int = 0, others: Sequence[str] = ()
) -> list[Problem]:
    """Problems of duplicates, and of addresses in none of the zones `names` nor among `more`; set names must exist.

    others: the zones at the other end.
    """
    problems, met = ranges.check(path, items), addresses.on(names) | more
    for index, item in enumerate(items):
        if not addresses.mask([item]) & met:
            message, hint = _mismatch(item, names, addresses, others)
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


def _mismatch(item: Range | str, names: Sequence[str], addresses: ZoneAddresses, others: Sequence[str]) -> tuple[str, str]:
    where, known = ", ".join(names), addresses.zones
    near = [name for name in names if name in known.subnets]
    hint = "; ".join(f"{name} is {', '.join(map(str, known.subnets[name][:3]))}" for name in near[:3])
    if isinstance(item, str):
        return f"no address of the set {item!r} is on {where}", hint
    if item.family == 6:
        return _mismatch6(item, names, addresses, others)
    if nobody(item):
        return f"{item.text} is not an address that a host can have", hint
    address = IPv4Address(item.first)
    if item.first == item.last and address in known.own:
        return f"{address} is the gateway itself on {known.own[address][0]}", "the gateway itself is a zone: gateway"
    if item.first == item.last and address in known.network_and_broadcast:
        return f"{address} is the network or broadcast address of {known.network_and_broadcast[address]}", hint
    home = known.zone_of(address)
    return f"{item.text} is {f'on {home}, ' if home else ''}not on {where}", hint


def _mismatch6(item: Range, names: Sequence[str], addresses: ZoneAddresses, others: Sequence[str]) -> tuple[str, str]:
    where, ipv6 = ", ".join(names), addresses.ipv6
    near = [(name, net) for name, net in _fixed(ipv6).items() if name in names]
    if not addresses.on(names) & addresses.axis.family[6]:
        return f"{item.text} is not on {where}", "no IPv6 there: a network has it where it says ipv6"
    hint = "; ".join(f"{name} is {net}" for name, net in near[:3])
    if nobody(item):
        message = f"{item.text} is not an address that a host can have"
        ending = item.first == item.last < 1 << 64  # the host's part of an address, meant for any prefix
        world = addresses.world(others)
        if whole := [net[item.first] for name, net in near if ending and not addresses.kept_inside([name], world)]:
            return message, f"did you mean {whole[0]}?"
        return message, SUFFIX if ending and any(lan.delegated for name, lan in ipv6.lans.items() if name in names) else hint
    if addresses.mask([item]) & addresses.axis.bits(LINK_LOCAL):
        return f"{item.text} is link-local: nothing is forwarded from or to it", hint
    if item in _own(ipv6):
        return f"{item.text} is the gateway itself", "the gateway itself is a zone: gateway"
    return f"{item.text} is not on {where}", hint


def _ranges(some: Iterable[Address | Network]) -> list[Range]:
    return [ranges.of(one) for one in some]
