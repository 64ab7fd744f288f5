"""Claims of exposure: the gateway's open ports from each network, and isolation of every pair of networks.

Spans several features; imported by features, never the reverse.
"""

from collections.abc import Iterable, Iterator

from gwimage.claims import openings, prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import GatewayClosed, GatewayClosedUdp, OtherAddresses, Spoofed, Unreachable
from gwimage.profile import Profile, subnets
from gwimage.profile.zones import GATEWAY
from gwimage.values import address_lists, lab_host
from gwimage.values.ports import DHCP, DNS, NTP, SSH
from gwimage.values.ranges import LAST_PORT, Ports


def claims(profile: Profile) -> tuple[Claim, ...]:
    return (*_gateway(profile), *_pairs(profile), *_spoofed(profile))


def _gateway(profile: Profile) -> Iterator[Claim]:
    """Open TCP and UDP ports of the gateway from each network, on its address there and on its others."""
    wans = [wan.name for wan in profile.wans]
    for zone in (*wans, *(lan.name for lan in profile.lans)):
        inside = zone not in wans
        path, host = (f"lans.{zone}", lab_host.client(zone)) if inside else (f"wans.{zone}", lab_host.attacker(zone))
        needs = () if inside else (f"{path}.address",)
        tcp = GatewayClosed(host, _tcp(zone, profile), _allowed(zone, "tcp", profile))
        yield Claim(f"{path}.closed", path, _says(zone, "TCP", tcp.open_tcp, tcp.allowed_tcp), tcp, needs, closed=True)
        udp = GatewayClosedUdp(host, _udp(zone, profile), _quiet(profile), _allowed(zone, "udp", profile))
        text = _says(zone, "UDP", (*udp.open_udp, *udp.quiet_udp), udp.allowed_udp)
        yield Claim(f"{path}.closed.udp", path, text, udp, needs, closed=True)
        others = OtherAddresses(host, _anywhere(zone, "tcp", profile), _anywhere(zone, "udp", profile))
        text = f"from {zone} the gateway's addresses on other networks show nothing more"
        yield Claim(f"{path}.closed.others", path, text, others, prerequisites.of(profile, *wans), closed=True)


def _tcp(zone: str, profile: Profile) -> tuple[int, ...]:
    ssh = (SSH,) if zone in profile.services.ssh_from else ()
    return (*ssh, DNS) if any(lan.name == zone for lan in profile.lans) else ssh


def _udp(zone: str, profile: Profile) -> tuple[int, ...]:
    """UDP ports whose servers answer; see claim_firewall.GatewayClosedUdp for the others."""
    inside = any(lan.name == zone for lan in profile.lans)
    served = [(DNS, inside), (DHCP, zone in profile.dhcp), (NTP, zone in profile.ntp.serves)]
    return tuple(port for port, there in served if there)


def _quiet(profile: Profile) -> tuple[int, ...]:
    return tuple(sorted(vpn.port for vpn in profile.vpn if vpn.port))


def _allowed(zone: str, protocol: str, profile: Profile) -> tuple[Ports, ...]:
    """Ports of the gateway's address that the profile opens on that zone: its own, and forwarded ones.

    Excludes ports open only to sources outside the DHCP pool, where the lab host has its address.
    """
    found, dhcp = [], profile.dhcp.get(zone)
    pool = (int(dhcp.first), int(dhcp.last)) if dhcp else (0, 2**32)
    for entry in profile.allow:
        sources = address_lists.resolved(entry.sources, profile.sets)
        if sources and not any(one.family == 4 and one.first <= pool[1] and pool[0] <= one.last for one in sources):
            continue
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or protocol in entry.protocols):
            found += entry.ports or [(1, LAST_PORT)]
    for forward in profile.forwards:
        if zone in forward.wans and protocol in forward.protocols:
            found += forward.ports
    return tuple(sorted(set(found)))


def _anywhere(zone: str, protocol: str, profile: Profile) -> tuple[Ports, ...]:
    """Ports open to that zone on any of the gateway's addresses; from inside, forwards of all WANs too."""
    own = _tcp(zone, profile) if protocol == "tcp" else (*_udp(zone, profile), *_quiet(profile))
    found = {(port, port) for port in own} | set(_allowed(zone, protocol, profile))
    if any(lan.name == zone for lan in profile.lans):
        found |= {ports for forward in profile.forwards if protocol in forward.protocols for ports in forward.ports}
    return tuple(sorted(found))


def _says(zone: str, protocol: str, ports: Iterable[int], allowed: tuple[Ports, ...]) -> str:
    numbers = " and ".join(map(str, ports))
    more = ", besides what firewall opens" if allowed else ""
    return f"from {zone} the gateway answers on {f'{protocol} {numbers} only' if numbers else f'no {protocol} port'}{more}"


def _pairs(profile: Profile) -> Iterator[Claim]:
    """Isolation of each pair of networks, by the protocols that nothing opens between them."""
    wans, lans = [wan.name for wan in profile.wans], [lan.name for lan in profile.lans]
    reached = [wan.name for wan in profile.wans if subnets.has_free_host(wan)]
    for end in (*lans, *reached):
        # from a LAN to a WAN: lans.NAME.internet
        for start in (*wans, *lans) if end in lans else reached:
            if start != end and (protocols := openings.closed(profile.allow, start, end)):
                yield _unreachable(start, end, protocols, profile)


def _unreachable(start: str, end: str, protocols: tuple[str, ...], profile: Profile) -> Claim:
    wans = [wan.name for wan in profile.wans]
    path, target = (f"wans.{end}", "a host") if end in wans else (f"lans.{end}", "a client")
    if start in wans:
        text, src = f"nobody on {start} reaches {target} on {end}", lab_host.attacker(start)
    else:
        text, src = f"a client on {start} does not reach one on {end}", lab_host.client(start)
    text += "" if protocols == openings.ASKED else f" by {' or '.join(map(str.upper, protocols))}"
    needs = prerequisites.of(profile, start, end) if end in wans else ()
    return Claim(f"{path}.unreachable.{start}", path, text, Unreachable(src, end, protocols), needs, closed=True)


def _spoofed(profile: Profile) -> Iterator[Claim]:
    first = profile.wans[0].name
    for lan in profile.lans:
        for wan in profile.wans:
            text = f"what comes from {wan.name} with an address of {lan.name} or of the gateway is dropped"
            needs, path = prerequisites.of(profile, wan.name, lan.name), f"lans.{lan.name}"
            probe = Spoofed(lab_host.attacker(wan.name), lan.name)
            yield Claim(f"{path}.spoofed.{wan.name}", f"{path}.address", text, probe, needs, closed=True)
        text = f"what comes from {lan.name} with an address of elsewhere is dropped"
        needs, probe = prerequisites.of(profile, lan.name, first), Spoofed(lab_host.client(lan.name), first)
        yield Claim(f"{path}.spoofed", f"{path}.address", text, probe, needs, closed=True)
