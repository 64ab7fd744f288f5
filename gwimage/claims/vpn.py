"""Claims of VPNs: handshakes, services and networks that a peer reaches, and what stays closed to it."""

from collections.abc import Iterator

from gwimage.claims import openings
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import GatewayClosed, Unreachable
from gwimage.claims.claim_nat import SourceAddress
from gwimage.claims.claim_vpn import Handshake, TunnelServices, UnknownPeer
from gwimage.profile import Profile, simulated_peers
from gwimage.profile.allow import Allow
from gwimage.profile.simulated_peers import SimulatedPeer
from gwimage.profile.vpn import Vpn
from gwimage.values import address_lists, lab_host
from gwimage.values.address_lists import Items
from gwimage.values.ports import DNS, SSH


def claims(profile: Profile) -> tuple[Claim, ...]:
    every = simulated_peers.played(profile)
    found: list[Claim] = []
    for vpn in profile.vpn:
        if here := [one for one in every if one.vpn is vpn]:
            for one in here:
                found += _peer(one, profile)
            found += _zone(vpn, here, profile)
    return tuple(found)


def _peer(one: SimulatedPeer, profile: Profile) -> Iterator[Claim]:
    name, path, first = one.peer.name, one.path, profile.wans[0].name
    outside = (f"wans.{first}.address",)
    if one.initiates:
        text, probe = f"{name} connects to {_port(one.vpn, first)}", Handshake(one.host, first)
    else:
        text, probe = f"{one.vpn.name} connects to {name} at {one.peer.endpoint}", Handshake(one.host, None)
    yield Claim(one.handshake, f"{path}.public_key", text, probe, outside)
    needs, near = (one.handshake,), one.vpn.address.ip
    own = profile.system.hostname if "." in profile.system.hostname else f"{profile.system.hostname}.{profile.dns.domain}"
    text = f"{name} pings the gateway and resolves {own} through {near}"
    yield Claim(f"{path}.services", f"vpn.{one.vpn.name}.address", text, TunnelServices(one.host, own), needs)
    for lan in profile.lans:
        if not _may(one, lan.name, profile):
            probe = Unreachable(one.host, lan.name, ("tcp",))
            text = f"{name} does not reach a client on {lan.name}"
            yield Claim(f"{path}.unreachable.{lan.name}", path, text, probe, needs, closed=True)
    if _may(one, first, profile):
        text = f"{name} reaches a server outside, hidden behind the WAN's address"
        probe = SourceAddress(one.vpn.name, True, host=one.peer.address)
        if _wholly(one, first, profile):
            yield Claim(f"{path}.source", path, text, probe, (*needs, *outside), closed=True)
    else:
        text, probe = f"{name} does not reach a server outside", Unreachable(one.host, first, ("tcp",))
        yield Claim(f"{path}.internet", path, text, probe, (*needs, *outside), closed=True)


def _zone(vpn: Vpn, here: list[SimulatedPeer], profile: Profile) -> Iterator[Claim]:
    """Claims common to all peers of a VPN, tested with the first one."""
    path, one, ssh = f"vpn.{vpn.name}", here[0], profile.services.ssh_from
    probe = GatewayClosed(one.host, (SSH, DNS) if vpn.name in ssh else (DNS,), openings.of_gateway(profile.allow, vpn.name))
    ports = " and ".join(map(str, probe.open_tcp))
    more = ", besides what firewall opens" if probe.allowed_tcp else ""
    text = f"from {vpn.name} the gateway answers on TCP {ports} only{more}, of the first 1023"
    yield Claim(f"{path}.closed", path, text, probe, (one.handshake,), closed=True)
    wans = [wan.name for wan in profile.wans]
    for start in (*wans, *(lan.name for lan in profile.lans)):
        ways = (entry for entry in profile.allow if "tcp" not in openings.closed([entry], start, vpn.name))
        if not any(_includes(entry.destinations, one, profile) for entry in ways):
            outside = start in wans
            who = f"nobody on {start} reaches" if outside else f"a client on {start} does not reach"
            probe = Unreachable(lab_host.attacker(start) if outside else lab_host.client(start), vpn.name, ("tcp",))
            yield Claim(f"{path}.unreachable.{start}", path, f"{who} {one.peer.name}", probe, (one.handshake,), closed=True)
    if caller := next((one for one in here if one.initiates), None):
        for wan in wans[1:]:
            text, needs = f"{caller.peer.name} connects to {_port(vpn, wan)}", (f"wans.{wan}.address", caller.handshake)
            yield Claim(f"{path}.port.{wan}", f"{path}.port", text, Handshake(caller.host, wan), needs)
        text = f"a stranger gets no answer from {_port(vpn, wans[0])}"
        yield Claim(f"{path}.strangers", path, text, UnknownPeer(vpn.name, wans[0]), (caller.handshake,))


def _port(vpn: Vpn, wan: str) -> str:
    return f"{vpn.name} by UDP {vpn.port} of {wan}'s address"


def _may(one: SimulatedPeer, end: str, profile: Profile) -> bool:
    """Whether an entry may let this peer reach some listener there."""
    return any(_includes(entry.sources, one, profile) for entry in _entries(one, end, profile))


def _wholly(one: SimulatedPeer, end: str, profile: Profile) -> bool:
    """Whether an entry lets this peer reach every listener there."""
    return any(_includes(entry.sources, one, profile) and not entry.destinations for entry in _entries(one, end, profile))


def _entries(one: SimulatedPeer, end: str, profile: Profile) -> Iterator[Allow]:
    return (entry for entry in profile.allow if "tcp" not in openings.closed([entry], one.vpn.name, end))


def _includes(items: Items, one: SimulatedPeer, profile: Profile) -> bool:
    address, some = int(one.peer.address), address_lists.resolved(items, profile.sets)
    return not items or any(item.family == 4 and item.first <= address <= item.last for item in some)
