"""Claims of `firewall.allow` to the gateway itself, with negative probes at the boundary of each entry.

Allowed traffic gets a response: a service's answer, or a reset or ICMP error if nobody listens. Other traffic gets none.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address

from gwimage.claims import allow_boundary, openings, prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import AllowedToGateway
from gwimage.claims.flow import Flow
from gwimage.profile import Profile, zone_addresses
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY, Zones
from gwimage.values import lab_host
from gwimage.values.ports import LISTENER

MOST = 32  # claims


def claims(entry: Allow, path: str, known: Zones, profile: Profile) -> Iterator[Claim]:
    """One claim per network and testable protocol; IPv4 only, not through tunnels."""
    if GATEWAY not in entry.to_zones or entry.destinations:
        return
    for start in entry.from_zones:
        source = zone_addresses.host(entry.sources, start, known, profile)
        if (entry.sources and not source) or start not in (*known.wans, *(lan.name for lan in profile.lans)):
            continue
        src = lab_host.attacker(start) if start in known.wans else lab_host.client(start)
        for protocol in (name for name in entry.protocols or openings.ASKED if name in openings.ASKED):
            port = 0 if protocol == "icmp" else entry.ports[0][0] if entry.ports else LISTENER
            if protocol == "udp" and port in openings.silent_udp_ports(profile):
                continue
            ways = (Flow(port, None, source),)
            beside = tuple(_beside(ways[0], start, protocol, known, profile))
            text = f"{source or 'a host'} on {start} is let in to the gateway by {f'{protocol.upper()} {port}' if port else 'ping'}"
            text += f", but not: {', '.join(map(str, beside))}" if beside else ""
            probe = AllowedToGateway(src, protocol, ways, beside)
            yield Claim(f"{path}.{start}.{GATEWAY}.{protocol}", path, text, probe, prerequisites.of(profile, start))


def _beside(way: Flow, start: str, protocol: str, known: Zones, profile: Profile) -> Iterator[Flow]:
    """Adjacent ports and adjacent address from which nothing is allowed in."""
    if not way.port:
        return
    entries = [
        one
        for one in profile.allow
        if start in one.from_zones and GATEWAY in one.to_zones and protocol in (one.protocols or (protocol,))
    ]
    for port in allow_boundary.next_ports(way.port, entries):
        if not openings.is_open(port, protocol, start, profile):
            yield Flow(port, None, way.source)
    sources = [one.sources for one in entries if not one.ports or any(first <= way.port <= last for first, last in one.ports)]
    other: IPv4Address | None = allow_boundary.neighbour(way.source, start, sources, known, profile) if way.source else None
    if other and not openings.is_open(way.port, protocol, start, profile, allow=False):
        yield Flow(way.port, None, other)
