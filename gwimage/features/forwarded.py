"""What is claimed of the port forwards: the first and the last port of each range lead to the server, those beside do not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from gwimage import ground, opening, peers, ranges, zones
from gwimage.claim import Claim, Forwarded, NotForwarded
from gwimage.plan import Plan
from gwimage.problem import Problem
from gwimage.zones import Zones

if TYPE_CHECKING:
    from gwimage.features.forwards import Forward
    from gwimage.profile import Profile

MOST = 64  # claims of all forwards: a lab takes its time
MOST_RANGES = 8  # of one forward whose edges are asked


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    known = zones.of(profile) if profile.forwards else None
    claims = (one for forward in profile.forwards for one in _claims(forward, known, profile))
    return Plan(claims=tuple(islice(claims, MOST)))


def _claims(forward: Forward, known: Zones, profile: Profile) -> Iterator[Claim]:
    """The edges from outside, on the first WAN; each other way with the first port."""
    home, lans = known.home(forward.to), [lan.name for lan in profile.lans]
    peer = peers.host([ranges.parse(str(forward.to))], home, profile)
    if home not in lans and not peer:
        return
    near = [home, *[name for name in lans if name != home][:1]] if home in lans else lans[:1]
    callers = [("attacker", wan, wan) for wan in forward.wans]
    callers += [("client", name, forward.wans[0]) for name in near if forward.hairpin]
    path = f"firewall.forwards.{forward.name}"
    for index, (kind, start, wan) in enumerate(callers):
        source = ground.host(forward.sources, start, known, profile)
        way, who = f"{kind}-{start}", f"{source or 'a host'} on {start}"
        needs = (*zones.there(profile, *dict.fromkeys((wan, start))), *([peer[0].handshake] if peer else []))
        for protocol in forward.protocols if source or not forward.sources else ():
            own = f"{path}.{way}.{wan}.{protocol}"
            for port in _edges(forward) if index == 0 else _edges(forward)[:1]:
                probe = Forwarded(way, wan, protocol, port, home, forward.to, _server_port(forward, port), source)
                text = f"{who} reaches {forward.to} on {home} by {protocol.upper()} {port} of {wan}'s address"
                yield Claim(own if port == _edges(forward)[0] else f"{own}.{port}", path, text, probe, needs)
            first_of_its_kind = index == 0 or (kind, start) == ("client", near[0])
            beside = [port for port in _beside(forward) if not opening.declared(port, protocol, wan, profile)]
            if beside and first_of_its_kind:
                pairs = tuple((port, _server_port(forward, port)) for port in beside)
                text = f"{who} does not reach it by the ports beside: {', '.join(map(str, beside))}"
                probe = NotForwarded(way, wan, protocol, pairs, home, forward.to, source)
                yield Claim(f"{own}.beside", path, text, probe, (*needs, own))
            port, called = _edges(forward)[0], tuple(lan.address.ip for lan in profile.lans)
            if kind == "client" and not opening.declared(port, protocol, start, profile):
                text = f"{who} does not reach it by {protocol.upper()} {port} of the gateway's addresses inside"
                probe = NotForwarded(way, wan, protocol, ((port, _server_port(forward, port)),), home, forward.to, source, called)
                yield Claim(f"{own}.inside", path, text, probe, (*needs, own))


def _edges(forward: Forward) -> list[int]:
    return list(dict.fromkeys(port for ports in forward.ports[:MOST_RANGES] for port in ports))


def _beside(forward: Forward) -> list[int]:
    around = (port for first, last in forward.ports[:MOST_RANGES] for port in (first - 1, last + 1))
    return [port for port in dict.fromkeys(around) if 1 <= port <= ranges.LAST_PORT]


def _server_port(forward: Forward, port: int) -> int:
    """Of a port that is called; also beyond the range, as if it were longer."""
    if forward.to_port is None:
        return port
    return min(max(forward.to_port + port - forward.ports[0][0], 1), ranges.LAST_PORT)

