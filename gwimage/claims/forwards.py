"""Claims of port forwards: first and last port of each range reach the server, adjacent ports do not."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import islice
from typing import NamedTuple

from gwimage.claims import openings, prerequisites, public_only
from gwimage.claims.claim import Claim, NotTestable
from gwimage.claims.claim_firewall import Reaches
from gwimage.claims.claim_nat import Forwarded, NotForwarded, SpoofedForward
from gwimage.profile import Profile, simulated_peers, zone_addresses, zones
from gwimage.profile.forwards import Forward
from gwimage.profile.simulated_peers import SimulatedPeer
from gwimage.profile.zones import Zones
from gwimage.values import lab_host, ranges
from gwimage.values.lab_host import LabHost, Role

MOST = 64  # claims of all forwards; limits the run time of the lab
MOST_RANGES = 8  # of one forward whose first and last ports are tested


def claims(profile: Profile) -> tuple[Claim, ...]:
    """Claims of all forwards, at most MOST."""
    known = zones.of(profile) if profile.forwards else None
    found = (one for forward in profile.forwards for one in _claims(forward, known, profile))
    asked = tuple(islice(found, MOST))
    paths = {claim.path for claim in asked}
    return (*asked, *(_unasked(one, known, profile) for one in profile.forwards if _path(one) not in paths))


def _unasked(forward: Forward, known: Zones, profile: Profile) -> Claim:
    """Untestable claim of a forward that no other claim asks about."""
    home, why = known.zone_of(forward.to), f"the lab asks {MOST} claims of all forwards"
    if home in {vpn.name for vpn in profile.vpn} and not _peer(forward, home, profile):
        why = f"the lab has no peer of {home} with the address {forward.to}"
    elif forward.sources:
        why = "no host of the lab can have an address of the sources"
    text = f"what this forward leads to {forward.to} on {home}"
    return Claim(f"{_path(forward)}.unasked", _path(forward), text, NotTestable(why))


class Caller(NamedTuple):
    """Host that uses a forward by a WAN's address; source: its address, if the forward names sources."""

    host: LabHost
    wan: str
    source: IPv4Address | None

    @property
    def zone(self) -> str:
        return self.host.network

    @property
    def who(self) -> str:
        return f"{self.source or 'a host'} on {self.zone}"


def _claims(forward: Forward, known: Zones, profile: Profile) -> Iterator[Claim]:
    """Claims of one forward: range edges from the first WAN; the first port from each other caller."""
    home, lans = known.zone_of(forward.to), [lan.name for lan in profile.lans]
    peer = _peer(forward, home, profile)
    if home not in lans and not peer:
        return
    for index, caller in enumerate(_callers(forward, home, known, profile)):
        needs = (
            *prerequisites.of(profile, *dict.fromkeys((caller.wan, caller.zone))),
            *([peer[0].handshake] if peer else []),
        )
        for protocol in forward.protocols if caller.source or not forward.sources else ():
            own = f"firewall.forwards.{forward.name}.{caller.host}.{caller.wan}.{protocol}"
            asked = _asked(forward, caller, protocol, home, index == 0)
            yield from (Claim(own + suffix, _path(forward), text, probe, needs) for suffix, text, probe in asked)
            more = _only(forward, caller, protocol, home, profile)
            yield from (Claim(own + suffix, _path(forward), text, probe, (*needs, own)) for suffix, text, probe in more)


def _peer(forward: Forward, home: str, profile: Profile) -> tuple[SimulatedPeer, IPv4Address] | None:
    """The peer of the lab that plays the server, if it is behind a VPN."""
    return simulated_peers.host([ranges.parse(str(forward.to))], home, profile)


def _path(forward: Forward) -> str:
    return f"firewall.forwards.{forward.name}"


def _callers(forward: Forward, home: str, known: Zones, profile: Profile) -> Iterator[Caller]:
    lans = [lan.name for lan in profile.lans]
    near = [home, *[name for name in lans if name != home][:1]] if home in lans else lans[:1]
    callers = [(lab_host.attacker(wan), wan) for wan in forward.wans]
    callers += [(lab_host.client(name), forward.wans[0]) for name in near if forward.hairpin]
    for host, wan in callers:
        yield Caller(host, wan, zone_addresses.host(forward.sources, host.network, known, profile))


def _asked(forward: Forward, caller: Caller, protocol: str, home: str, edges: bool) -> Iterator[tuple[str, str, Forwarded]]:
    """Positive claims: suffix of the claim's id, its text, its probe."""
    ports = _edges(forward)
    for port in ports if edges else ports[:1]:
        server = _server_port(forward, port)
        probe = Forwarded(caller.host, caller.wan, protocol, port, home, forward.to, server, caller.source)
        text = f"{caller.who} reaches {forward.to} on {home} by {protocol.upper()} {port} of {caller.wan}'s address"
        yield "" if port == ports[0] else f".{port}", text, probe


def _only(
    forward: Forward, caller: Caller, protocol: str, home: str, profile: Profile
) -> Iterator[tuple[str, str, NamedTuple]]:
    """Nothing else is forwarded: other ports, addresses and destinations, nor spoofed sources, which nothing else lets that far."""
    port, inside = _edges(forward)[0], caller.host.role == Role.CLIENT
    beside = [one for one in _beside(forward) if not openings.is_open(one, protocol, caller.wan, profile)]
    if beside:
        pairs = tuple((one, _server_port(forward, one)) for one in beside)
        text = f"{caller.who} does not reach it by the ports beside: {', '.join(map(str, beside))}"
        yield ".beside", text, NotForwarded(caller.host, caller.wan, protocol, pairs, home, forward.to, caller.source)
    if not inside and not forward.sources and home in {lan.name for lan in profile.lans}:
        text = f"what comes to it from {caller.zone} with an address of {home} is dropped"
        yield ".spoofed", text, SpoofedForward(caller.host, caller.wan, protocol, port, home, forward.to)
    if inside and not openings.is_open(port, protocol, caller.zone, profile):
        called = tuple(lan.address.ip for lan in profile.lans)
        text = f"{caller.who} does not reach it by {protocol.upper()} {port} of the gateway's addresses inside"
        pairs = ((port, _server_port(forward, port)),)
        yield ".inside", text, NotForwarded(caller.host, caller.wan, protocol, pairs, home, forward.to, caller.source, called)
    first = profile.wans[0]  # its own hosts are those who are called
    lan = next((lan for lan in profile.lans if inside and lan.name == caller.zone), None)
    if lan and lan.internet and not public_only.shuts_off(lan, first):
        text = f"{caller.who} reaches a server outside by {protocol.upper()} {port} all the same"
        yield ".outside", text, Reaches(caller.host, first.name, protocol, port, None, caller.source)


def _edges(forward: Forward) -> list[int]:
    return list(dict.fromkeys(port for ports in forward.ports[:MOST_RANGES] for port in ports))


def _beside(forward: Forward) -> list[int]:
    around = (port for first, last in forward.ports[:MOST_RANGES] for port in (first - 1, last + 1))
    return [port for port in dict.fromkeys(around) if 1 <= port <= ranges.LAST_PORT]


def _server_port(forward: Forward, port: int) -> int:
    """Server port of a called port; outside the range, as if the range continued."""
    if forward.to_port is None:
        return port
    return min(max(forward.to_port + port - forward.ports[0][0], 1), ranges.LAST_PORT)
