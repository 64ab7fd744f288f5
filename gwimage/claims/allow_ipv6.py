"""Claims of `firewall.allow` over IPv6, with negative probes at the boundary of each entry.

IPv4 is in allow.py, allow_boundary.py and allow_to_gateway.py. Delegated prefixes change, so profiles name fixed subnets only.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address
from itertools import product

from gwimage.claims import allow_boundary, openings
from gwimage.claims.claim import Claim
from gwimage.claims.claim_ipv6 import Allowed6, BlockedFlows6
from gwimage.claims.flow import Flow
from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY
from gwimage.values import address_lists, lab_host
from gwimage.values import ipv6 as inet6
from gwimage.values.address_lists import Items
from gwimage.values.lab_host import ISP
from gwimage.values.ports import LISTENER

MOST = 32  # claims, including boundary claims
PROTOCOLS = ("tcp", "udp", "icmpv6")  # that lab hosts answer
_STEPS = (1, -1, 2, -2, 4, 8, 16, 32, 64)


def claims(profile: Profile) -> Iterator[Claim]:
    """Claims per entry, pair of IPv6 networks and protocol: first port and addresses, and their boundary."""
    for index, entry in enumerate(profile.allow):
        for start, end in product(entry.from_zones, entry.to_zones):
            if start in _callers(profile) and end in _called(start, entry, profile):
                yield from _pair(entry, f"firewall.allow.{index}", start, end, profile)


def shut(profile: Profile, start: str, end: str) -> tuple[str, ...]:
    """Lab probes (TCP to its listener, ping) that no entry allows; like openings.closed, ignores addresses."""
    between = _between(start, end, profile)
    return tuple(name for name in ("tcp", "icmpv6") if not any(_opens(one, name, LISTENER) for one in between))


def only(protocols: tuple[str, ...]) -> str:
    """The end of a claim's text: by which of both the lab asks, where it does not by both."""
    return "" if len(protocols) == 2 else " by TCP" if protocols == ("tcp",) else " by ping"


def echo(profile: Profile, start: str) -> bool | None:
    """Whether the gateway answers pings from this zone; None if only from some hosts."""
    opened = [one for one in _between(start, GATEWAY, profile) if _opens(one, "icmpv6", None)]
    return any(not one.sources and not one.destinations for one in opened) or (None if opened else False)


def _between(start: str, end: str, profile: Profile) -> list[Allow]:
    """Entries from start to end that produce IPv6 rules."""
    return [
        one
        for one in profile.allow
        if start in one.from_zones
        and end in one.to_zones
        and all(6 in address_lists.families(items, profile.sets) for items in (one.sources, one.destinations))
    ]


def _callers(profile: Profile) -> list[str]:
    """Zones that can send probes: the LANs with IPv6, and the first WAN with IPv6, by which answers leave."""
    return [*list(profile.ipv6.wans)[:1], *profile.ipv6.lans]


def _called(start: str, entry: Allow, profile: Profile) -> list[str]:
    """Zones that can be probed; from a WAN only LANs that have a return route."""
    ipv6 = profile.ipv6
    inside = start in ipv6.lans
    found = list(ipv6.wans)[:1] if inside and ipv6.leaves(ipv6.lans[start]) else []
    found += [name for name, lan in ipv6.lans.items() if name != start and (inside or ipv6.leaves(lan))]
    return found if entry.destinations else [*found, GATEWAY]


def _pair(entry: Allow, path: str, start: str, end: str, profile: Profile) -> Iterator[Claim]:
    source, destination = host_of(entry.sources, start, profile), host_of(entry.destinations, end, profile)
    if (entry.sources and not source) or (entry.destinations and not destination) or _stays(source, end, profile):
        return
    src = lab_host.attacker(start) if start in profile.ipv6.wans else lab_host.client(start)
    there = ISP if end in profile.ipv6.wans else lab_host.client(end) if end != GATEWAY else None
    needs = tuple(_there(name, profile) for name in (start, end) if name != GATEWAY)
    who = f"{source or 'a host'} on {start}"
    whom = f"{destination or 'one'} on {end}" if end != GATEWAY else "the gateway"
    for protocol in (name for name in entry.protocols or PROTOCOLS if name in PROTOCOLS):
        way = Flow(_port(entry, protocol), destination, source)
        if end == GATEWAY and (protocol == "icmpv6" or (protocol == "udp" and way.port in openings.silent_udp_ports(profile))):
            continue  # a scan has its own ping
        name, how = f"{path}.{start}.{end}.ipv6.{protocol}", f"{protocol.upper()} {way.port}" if way.port else "ping"
        text = f"{who} reaches {whom} over IPv6 by {how}"
        yield Claim(name, path, text, Allowed6(src, there, protocol, way), needs)
        if beside := tuple(_beside(way, start, end, protocol, profile)):
            text = f"but nothing beside it by {protocol.upper()}: {', '.join(map(str, beside))}"
            yield Claim(f"{name}.only", path, text, BlockedFlows6(src, there, protocol, beside), needs, closed=True)


def _port(entry: Allow, protocol: str) -> int:
    if protocol == "icmpv6":
        return 0
    return entry.ports[0][0] if entry.ports else LISTENER


def _stays(source: IPv6Address | None, end: str, profile: Profile) -> bool:
    """Whether the source is a ULA that may not leave by this WAN: its own address is not local (firewall_ipv6)."""
    outside = profile.ipv6.wans.get(end)
    return bool(outside and source and source in inet6.UNIQUE_LOCAL and not inet6.local(outside.address))


def _beside(way: Flow, start: str, end: str, protocol: str, profile: Profile) -> Iterator[Flow]:
    """Adjacent ports and addresses that nothing opens."""
    if not way.port or (end in profile.ipv6.wans and _internet(start, profile)):
        return
    entries = [one for one in _between(start, end, profile) if _opens(one, protocol, None)]
    for port in allow_boundary.next_ports(way.port, entries):
        if end != GATEWAY or not openings.is_open(port, protocol, start, profile, allow=False):
            yield Flow(port, way.destination, way.source)
    if end == GATEWAY and openings.is_open(way.port, protocol, start, profile, allow=False):
        return
    here = [one for one in entries if _opens(one, protocol, way.port)]
    if way.source and (other := _neighbour(way.source, [one.sources for one in here], start, profile)):
        yield Flow(way.port, way.destination, other)
    if way.destination and (other := _neighbour(way.destination, [one.destinations for one in here], end, profile)):
        yield Flow(way.port, other, way.source)


def _internet(name: str, profile: Profile) -> bool:
    return any(lan.name == name and lan.internet for lan in profile.lans)


def _opens(entry: Allow, protocol: str, port: int | None) -> bool:
    """Whether the entry may allow that protocol, to that port (None: to any)."""
    ports = port is None or protocol == "icmpv6" or not entry.ports or any(first <= port <= last for first, last in entry.ports)
    return ports and (not entry.protocols or protocol in entry.protocols)


def _there(name: str, profile: Profile) -> str:
    return f"wans.{name}.ipv6.address" if name in profile.ipv6.wans else f"lans.{name}.ipv6.ping"


def host_of(items: Items, zone: str, profile: Profile) -> IPv6Address | None:
    """First address of the items that a lab host on that zone can have."""
    ranges = [one for one in address_lists.resolved(items, profile.sets) if one.family == 6]
    return next(
        (address for one in ranges for address in _near(one.first, one.last, profile) if _free(address, zone, profile)), None
    )


def _near(first: int, last: int, profile: Profile) -> Iterator[IPv6Address]:
    """First addresses of a range, and those next to used subnets; the very first is subnet-router anycast (RFC 4291 2.6.1)."""
    taken = [one.address.network for one in (*profile.ipv6.lans.values(), *profile.ipv6.wans.values()) if one.address]
    starts = [inet6.GLOBAL[0], *(edge for net in taken for edge in (net[0], net[-1]))]
    numbers = [number + step for number in (first, *map(int, starts)) for step in (1, 2, 3)]
    yield from (IPv6Address(number) for number in (*numbers, first) if first <= number <= last)


def _neighbour(address: IPv6Address, lists: Sequence[Items], zone: str, profile: Profile) -> IPv6Address | None:
    """Free address close to this one that no list includes; an empty list includes every address."""
    meant = [one for items in lists for one in address_lists.resolved(items, profile.sets) if one.family == 6]
    for number in (int(address) + step for step in _STEPS) if all(lists) else ():
        if not any(one.first <= number <= one.last for one in meant) and _free(IPv6Address(number), zone, profile):
            return IPv6Address(number)
    return None


def _free(address: IPv6Address, zone: str, profile: Profile) -> bool:
    """Whether a lab host can have it: on a LAN in its fixed subnet, on a WAN outside all subnets of the profile."""
    own = [one.address for one in (*profile.ipv6.lans.values(), *profile.ipv6.wans.values()) if one.address]
    if inside := profile.ipv6.lans.get(zone):
        home = inside.address.network if inside.address else None
        return bool(home) and address in home and address != home.network_address and address not in [one.ip for one in own]
    return not inet6.unusable(address)[0] and not any(address in one.network for one in own)
