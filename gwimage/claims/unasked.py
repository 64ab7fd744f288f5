"""What entries of firewall.allow open and no other claim asks about, as claims that say why: one for each entry and reason.

What an entry's addresses cannot be between two networks is no opening, and passed over.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from gwimage.claims import allow, allow_ipv6, openings
from gwimage.claims.claim import Claim, NotTestable
from gwimage.profile import Profile, zone_addresses
from gwimage.profile.allow import FAMILY_OF, Allow
from gwimage.profile.zone_addresses import ZoneAddresses
from gwimage.profile.zones import GATEWAY
from gwimage.values.address_lists import Items

SPOKEN = {4: openings.ASKED, 6: allow_ipv6.PROTOCOLS}
SHOWN = 3  # pairs of networks in one claim's text
TOO_MANY = "the lab asks a limited number of claims of firewall.allow"


def claims(profile: Profile, asked: Iterable[Claim]) -> Iterator[Claim]:
    """Untestable claims of firewall.allow; asked: all others of it."""
    known = zone_addresses.of(profile, [items for entry in profile.allow for items in (entry.sources, entry.destinations)])
    done = {(claim.path, *_pair(claim)) for claim in asked}
    for index, entry in enumerate(profile.allow):
        path, reasons = f"firewall.allow.{index}", {}
        for family in (4, 6):
            for start, end, why in _left(entry, family, known, profile):
                if (path, start, end, family) not in done:
                    reasons.setdefault(why, []).append(f"from {start} to {end}{' over IPv6' if family == 6 else ''}")
        for number, (why, ways) in enumerate(reasons.items()):
            more = f" and {len(ways) - SHOWN} more" if len(ways) > SHOWN else ""
            text = f"what this entry opens {', '.join(ways[:SHOWN])}{more}"
            yield Claim(f"{path}.unasked.{number}", path, text, NotTestable(why))


def _pair(claim: Claim) -> tuple[str, str, int]:
    """The networks and the family that a claim's id names."""
    start, end, *more = claim.id.removeprefix(f"{claim.path}.").split(".")
    return start, end, 6 if more[:1] == ["ipv6"] else 4


def _left(entry: Allow, family: int, known: ZoneAddresses, profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Pairs of networks between which the entry opens something, and why the lab would not ask."""
    names = [name for name in entry.protocols or SPOKEN[family] if FAMILY_OF.get(name, family) == family]
    starts, ends = (_with(items, zones, family, known) for items, zones in _ends(entry))
    if not (names and starts and ends):
        return
    speaks = set(names) & set(SPOKEN[family])
    at_start = {zone: _at_start(entry, zone, family, profile, known) for zone in starts}
    at_end = {zone: _at_end(entry, zone, family, profile, known) for zone in ends}
    for start, end in product(starts, ends):
        if start == end and start not in known.zones.transit_zones:
            continue
        if (end, names) == (GATEWAY, ["icmpv6"]):
            continue  # asked with the gateway's closed ports
        why = "" if speaks else "the lab speaks TCP, UDP and ping only"
        why = why or _between(entry, start, end, names, family, profile, known)
        yield start, end, why or at_start[start] or at_end[end] or TOO_MANY


def _ends(entry: Allow) -> tuple[tuple[Items, tuple[str, ...]], ...]:
    return (entry.sources, entry.from_zones), (entry.destinations, entry.to_zones)


def _with(items: Items, names: Iterable[str], family: int, known: ZoneAddresses) -> list[str]:
    """The networks on which a host of this family can have one of the addresses."""
    bits = known.mask(items) & known.axis.family[family]
    return [name for name in names if bits & known.hosts[name]]


def _between(entry: Allow, start: str, end: str, names: list[str], family: int, profile: Profile, known: ZoneAddresses) -> str:
    wans, vpns = known.zones.wans, {vpn.name for vpn in profile.vpn}
    if start == end:
        return "the lab does not ask between hosts of one network"
    if start in wans and end in wans:
        return "the lab has no host that calls from one WAN to another"
    if {start, end} & vpns and (end == GATEWAY or names == ["icmp"]):
        return "the lab does not ask this through a tunnel"
    if family == 6 and _only_local(entry.sources, start, end, known):
        return f"the unique local addresses of {start} do not leave the gateway"
    if family == 6 and _only_local(entry.destinations, end, start, known):
        return f"nobody outside has a way to the unique local addresses of {end}"
    return ""


def _only_local(items: Items, zone: str, other: str, known: ZoneAddresses) -> bool:
    """Whether the zone's hosts can have no IPv6 address of the items but unique local ones, which the WAN `other` keeps inside."""
    bits = known.mask(items) & known.hosts[zone] & known.axis.family[6]
    return not bits & ~known.kept_inside([zone], [other])


def _at_start(entry: Allow, zone: str, family: int, profile: Profile, known: ZoneAddresses) -> str:
    if family == 6 and zone in profile.ipv6.wans and zone != (first := next(iter(profile.ipv6.wans))):
        return f"answers leave by {first}, the first WAN with IPv6"
    return _no_host(entry.sources, "sources", zone, family, profile, known)


def _at_end(entry: Allow, zone: str, family: int, profile: Profile, known: ZoneAddresses) -> str:
    if zone == GATEWAY and entry.destinations:
        return "the lab calls the gateway by its first address on a network only"
    if zone == GATEWAY:
        port = entry.ports[0][0] if entry.ports else 0
        silent = entry.protocols == ("udp",) and port in openings.silent_udp_ports(profile)
        return f"what listens on UDP {port} answers none but its own clients" if silent else ""
    if zone in known.zones.wans[1:]:
        return f"the lab's server outside is behind {known.zones.wans[0]}"
    return _no_host(entry.destinations, "destinations", zone, family, profile, known)


def _no_host(items: Items, what: str, zone: str, family: int, profile: Profile, known: ZoneAddresses) -> str:
    """Why no host of the lab there has one of the addresses; empty if one can."""
    lan = profile.ipv6.lans.get(zone)
    if family == 4:
        there = allow.end_of(items, zone, known.zones, profile)[0]
    else:
        there = not items or allow_ipv6.host_of(items, zone, profile)
    if there:
        return ""
    delegated = family == 6 and lan and lan.delegated
    return (
        f"the provider's prefix on {zone} is not known beforehand" if delegated else f"no host of the lab can have its {what}"
    )
