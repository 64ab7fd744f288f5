"""Claims of `firewall.allow`: the traffic that each entry allows passes, from its first packet."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import product

from gwimage.claims import openings, prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import Reaches
from gwimage.profile import Profile, simulated_peers, zone_addresses
from gwimage.profile.allow import Allow
from gwimage.profile.shadowing import WITH_PORTS
from gwimage.profile.zones import Zones
from gwimage.values import address_lists, lab_host
from gwimage.values.address_lists import Items
from gwimage.values.lab_host import LabHost
from gwimage.values.ports import LISTENER

MOST_CLAIMS = 64  # over all entries; limits the run time of the lab


def _families(entry: Allow, profile: Profile) -> list[int]:
    """Address families that both sources and destinations have."""
    there = address_lists.families(entry.destinations, profile.sets)
    return [family for family in address_lists.families(entry.sources, profile.sets) if family in there]


def _claims(entry: Allow, path: str, known: Zones, profile: Profile) -> Iterator[Claim]:
    """One claim per zone pair and testable protocol, with the first port and addresses; IPv4 only."""
    protocols = [name for name in entry.protocols or openings.ASKED if name in openings.ASKED]
    if 4 not in _families(entry, profile):
        return
    port = entry.ports[0][0] if entry.ports else LISTENER
    for start, end, protocol in product(entry.from_zones, entry.to_zones, protocols):
        if protocol not in WITH_PORTS and {start, end} & {vpn.name for vpn in profile.vpn}:
            continue  # the ping listener needs an Ethernet interface; a tunnel is not one
        if probe := _probe(entry, start, end, protocol, port if protocol in WITH_PORTS else 0, known, profile):
            way = f"{protocol.upper()} {port}" if probe.port else "ping"
            text = f"{probe.source or 'a host'} on {start} reaches {probe.destination or 'one'} on {end} by {way}"
            name = f"{path}.{start}.{end}" if protocol == protocols[0] else f"{path}.{start}.{end}.{protocol}"
            needs = (*prerequisites.of(profile, start, end), *_handshakes(entry, start, end, profile))
            yield Claim(name, path, text, probe, needs)


def _probe(entry: Allow, start: str, end: str, protocol: str, port: int, known: Zones, profile: Profile) -> Reaches | None:
    """Probe of one claim; None if the lab cannot send it (only the first WAN leads to the outside server)."""
    inside = known.inside
    ways = (start in inside and end in (*inside, known.wans[0])) or (start in known.wans and end in inside)
    src, source = end_of(entry.sources, start, known, profile)
    there, destination = end_of(entry.destinations, end, known, profile)
    if start == end or not ways or not src or not there:
        return None
    return Reaches(src, end, protocol, port, destination, source)


def end_of(items: Items, zone: str, known: Zones, profile: Profile) -> tuple[LabHost | None, IPv4Address | None]:
    """Lab host on a zone and the address it must use (None: any); no host if none can have a matching address."""
    if zone in [vpn.name for vpn in profile.vpn]:
        found = simulated_peers.host(items, zone, profile)
        return (found[0].host, found[1]) if found else (None, None)
    address = zone_addresses.host(items, zone, known, profile)
    if items and not address:
        return None, None
    return lab_host.attacker(zone) if zone in known.wans else lab_host.client(zone), address


def _handshakes(entry: Allow, start: str, end: str, profile: Profile) -> Iterator[str]:
    for items, zone in ((entry.sources, start), (entry.destinations, end)):
        if found := simulated_peers.host(items, zone, profile):
            yield found[0].handshake
