"""Negative probes at the boundary of each allow entry: adjacent port, adjacent host.

They detect an entry that opens more than it says. Imported by features, never the reverse.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import BlockedFlows, Reaches
from gwimage.claims.flow import Flow
from gwimage.profile import Profile, zone_addresses
from gwimage.profile.allow import Allow
from gwimage.profile.zones import Zones
from gwimage.values import address_lists
from gwimage.values.address_lists import Items
from gwimage.values.lab_host import Role
from gwimage.values.ranges import LAST_PORT

MOST = 16  # claims; each waits for timeouts


def boundary_flows(claims: Iterable[Claim], known: Zones, profile: Profile) -> Iterator[Claim]:
    """One negative claim for each port-based claim that a host on a LAN is reached."""
    lans = [lan.name for lan in profile.lans]
    for claim in claims:
        probe = claim.probe
        start = probe.src.network
        if probe.src.role not in (Role.CLIENT, Role.ATTACKER) or probe.zone not in lans or not probe.port:
            continue
        entries = [
            one
            for one in profile.allow
            if start in one.from_zones and probe.zone in one.to_zones and probe.protocol in (one.protocols or (probe.protocol,))
        ]
        if ways := tuple(_ways(probe, start, entries, known, profile)):
            text = f"but nothing beside it: {', '.join(map(str, ways))}"
            asked = BlockedFlows(probe.src, probe.zone, probe.protocol, ways)
            yield Claim(f"{claim.id}.only", claim.path, text, asked, claim.needs, closed=True)


def _ways(probe: Reaches, start: str, entries: Sequence[Allow], known: Zones, profile: Profile) -> Iterator[Flow]:
    for port in next_ports(probe.port, entries):
        yield Flow(port, probe.destination, probe.source)
    on_port = [one for one in entries if not one.ports or any(first <= probe.port <= last for first, last in one.ports)]
    sources, destinations = [one.sources for one in on_port], [one.destinations for one in on_port]
    if probe.source and (source := neighbour(probe.source, start, sources, known, profile)):
        yield Flow(probe.port, probe.destination, source)
    if probe.destination and (destination := neighbour(probe.destination, probe.zone, destinations, known, profile)):
        yield Flow(probe.port, destination, probe.source)


def next_ports(port: int, entries: Sequence[Allow]) -> Iterator[int]:
    """Nearest ports below and above that no entry opens."""
    if not all(one.ports for one in entries):
        return
    opened = [both for one in entries for both in one.ports]
    below = above = port
    while below and (around := [first for first, last in opened if first <= below <= last]):
        below = min(around) - 1
    while around := [last for first, last in opened if first <= above <= last]:
        above = max(around) + 1
    yield from (one for one in (below, above) if 0 < one <= LAST_PORT)


def neighbour(address: IPv4Address, zone: str, lists: Sequence[Items], known: Zones, profile: Profile) -> IPv4Address | None:
    """Free address close to this one that no list includes; an empty list includes every address."""
    if not all(lists):
        return None
    home = next((lan.address for lan in profile.lans if lan.name == zone), None)
    meant = [one for items in lists for one in address_lists.resolved(items, profile.sets) if one.family == 4]
    for step in (1, -1, 2, -2, 4, 8, 16, 32, 64):
        number = int(address) + step
        if 0 < number < 2**32 and not any(one.first <= number <= one.last for one in meant):
            near = IPv4Address(number)
            within = home is None or (near in home.network and near not in known.network_and_broadcast)
            if within and zone_addresses.is_free(near, home, known, profile):
                return near
    return None
