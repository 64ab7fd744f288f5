"""What `firewall.allow` opens over IPv6, and what lies just beside that, as claims. Below the features.

IPv4's are in features/allow.py, withheld.py and admitted.py. Delegated prefixes change, so profiles name fixed subnets alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from itertools import product
from typing import TYPE_CHECKING

from gwimage import inet6, match, opening, withheld
from gwimage.claim import Claim
from gwimage.claim6 import Allowed6
from gwimage.way import Way
from gwimage.zones import GATEWAY

if TYPE_CHECKING:
    from gwimage.features.allow import Allow
    from gwimage.match import Items
    from gwimage.profile import Profile

MOST = 16  # claims
PROTOCOLS = ("tcp", "udp", "icmpv6")  # that hosts answer
_STEPS = (1, -1, 2, -2, 4, 8, 16, 32, 64)


def claims(profile: Profile) -> Iterator[Claim]:
    """One for each entry, pair of networks with IPv6, and protocol, with the first port and addresses."""
    for index, entry in enumerate(profile.allow):
        for start, end in product(entry.from_zones, entry.to_zones):
            if start in _callers(profile) and end in _called(start, entry, profile):
                yield from _pair(entry, f"firewall.allow.{index}", start, end, profile)


def shut(profile: Profile, start: str, end: str) -> tuple[str, ...]:
    """Which of the lab's questions, TCP to its listener and a ping, no entry lets pass. As opening.closed: addresses count not."""
    between = [one for one in profile.allow if start in one.from_zones and end in one.to_zones and _has_six(one, profile)]
    return tuple(name for name in ("tcp", "icmpv6") if not any(_opens(one, name, opening.LISTENER) for one in between))


def _callers(profile: Profile) -> list[str]:
    """Answers leave by the first WAN with IPv6."""
    return [*list(profile.ipv6.wans)[:1], *profile.ipv6.lans]


def _called(start: str, entry: Allow, profile: Profile) -> list[str]:
    ipv6 = profile.ipv6
    outside = list(ipv6.wans)[:1] if start in ipv6.lans and ipv6.leaves(ipv6.lans[start]) else []
    return [name for name in (*outside, *ipv6.lans) if name != start] + ([] if entry.destinations else [GATEWAY])


def _pair(entry: Allow, path: str, start: str, end: str, profile: Profile) -> Iterator[Claim]:
    source, destination = _host(entry.sources, start, profile), _host(entry.destinations, end, profile)
    if (entry.sources and not source) or (entry.destinations and not destination):
        return
    needs = tuple(_there(name, profile) for name in (start, end) if name != GATEWAY)
    for protocol in (name for name in entry.protocols or PROTOCOLS if name in PROTOCOLS):
        if (end, protocol) == (GATEWAY, "icmpv6"):
            continue  # a scan's own ping
        port = 0 if protocol == "icmpv6" else entry.ports[0][0] if entry.ports else opening.LISTENER
        way = Way(port, destination, source)
        beside = tuple(_beside(way, start, end, protocol, profile))
        text = f"{source or 'a host'} on {start} reaches {destination or 'one' if end != GATEWAY else 'the gateway'}"
        text += f"{f' on {end}' if end != GATEWAY else ''} over IPv6 by {f'{protocol.upper()} {port}' if port else 'ping'}"
        text += f", but not: {', '.join(map(str, beside))}" if beside else ""
        src = f"{'attacker' if start in profile.ipv6.wans else 'client'}-{start}"
        yield Claim(f"{path}.{start}.{end}.ipv6.{protocol}", path, text, Allowed6(src, end, protocol, (way,), beside), needs)


def _beside(way: Way, start: str, end: str, protocol: str, profile: Profile) -> Iterator[Way]:
    """The next ports and the next addresses that nothing opens."""
    if not way.port or end in profile.ipv6.wans and _internet(start, profile):
        return
    entries = [one for one in profile.allow if start in one.from_zones and end in one.to_zones and _opens(one, protocol, None)]
    for port in withheld.next_ports(way.port, entries):
        if end != GATEWAY or not opening.declared(port, protocol, start, profile, allow=False):
            yield Way(port, way.destination, way.source)
    if end == GATEWAY and opening.declared(way.port, protocol, start, profile, allow=False):
        return
    here = [one for one in entries if _opens(one, protocol, way.port)]
    if way.source and (other := _neighbour(way.source, [one.sources for one in here], start, profile)):
        yield Way(way.port, way.destination, other)
    if way.destination and (other := _neighbour(way.destination, [one.destinations for one in here], end, profile)):
        yield Way(way.port, other, way.source)


def _internet(name: str, profile: Profile) -> bool:
    return any(lan.name == name and lan.internet for lan in profile.lans)


def _opens(entry: Allow, protocol: str, port: int | None) -> bool:
    """Whether it may let that protocol pass, to that port or to any."""
    ports = port is None or protocol == "icmpv6" or not entry.ports or any(first <= port <= last for first, last in entry.ports)
    return ports and (not entry.protocols or protocol in entry.protocols)


def _has_six(entry: Allow, profile: Profile) -> bool:
    return all(6 in match.families(items, profile.sets) for items in (entry.sources, entry.destinations))


def _there(name: str, profile: Profile) -> str:
    return f"wans.{name}.ipv6.address" if name in profile.ipv6.wans else f"lans.{name}.ipv6.ping"


def _host(items: Items, zone: str, profile: Profile) -> IPv6Address | None:
    """The first address of the items that a host of the lab on that zone can have."""
    home = _home(zone, profile)
    for one in match.resolved(items, profile.sets):
        if one.family == 6:
            first = max(one.first, int(home.network_address)) if home else one.first
            near = map(IPv6Address, (*range(first + 1, min(one.last, first + 3) + 1), first))  # routers share the first (RFC 4291 2.6.1)
            if found := next((address for address in near if _free(address, zone, profile)), None):
                return found
    return None


def _neighbour(address: IPv6Address, lists: Sequence[Items], zone: str, profile: Profile) -> IPv6Address | None:
    """A host close to that address for which none of the lists is meant; one that is empty is meant for all."""
    meant = [one for items in lists for one in match.resolved(items, profile.sets) if one.family == 6]
    for number in (int(address) + step for step in _STEPS) if all(lists) else ():
        if not any(one.first <= number <= one.last for one in meant) and _free(IPv6Address(number), zone, profile):
            return IPv6Address(number)
    return None


def _home(zone: str, profile: Profile) -> IPv6Network | None:
    inside = profile.ipv6.lans.get(zone)
    return inside.address.network if inside and inside.address else None


def _free(address: IPv6Address, zone: str, profile: Profile) -> bool:
    """Whether a host there can have it: in the LAN's fixed subnet, or outside of all that the profile's networks have."""
    own = [one.address for one in (*profile.ipv6.lans.values(), *profile.ipv6.wans.values()) if one.address]
    if zone in profile.ipv6.lans:
        home = _home(zone, profile)
        return bool(home) and address in home and address != home.network_address and address not in [one.ip for one in own]
    return not inet6.unusable(address)[0] and not any(address in one.network for one in own)
