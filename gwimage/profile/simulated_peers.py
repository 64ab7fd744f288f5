"""VPN peers that the lab simulates, and which side initiates the handshake; shared by claims and lab."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from gwimage.profile import Profile, simulated_servers, subnets, zones
from gwimage.profile.vpn import Peer, Vpn
from gwimage.values import address_lists, lab_host, wireguard
from gwimage.values.address_lists import Items
from gwimage.values.lab_host import LabHost

MOST = 8  # over all VPNs: each is another host with its own WireGuard process


@dataclass(frozen=True)
class SimulatedPeer:
    """A simulated peer; initiates: whether it starts the handshake, else the gateway does, at the peer's endpoint."""

    vpn: Vpn
    peer: Peer
    initiates: bool

    @property
    def host(self) -> LabHost:
        return lab_host.peer(self.vpn.name, self.peer.name)

    @property
    def path(self) -> str:
        return f"vpn.{self.vpn.name}.peers.{self.peer.name}"

    @property
    def handshake(self) -> str:
        """Id of the handshake claim, a prerequisite of every probe of this peer."""
        return f"{self.path}.handshake"

    def has(self, address: IPv4Address) -> bool:
        """Whether the address is the peer's own or in a network behind it."""
        return any(address in net for net in self.networks)

    @property
    def networks(self) -> tuple[IPv4Network, ...]:
        return IPv4Network(self.peer.address), *self.peer.networks


def played(profile: Profile) -> tuple[SimulatedPeer, ...]:
    """The first MOST peers of the profile that can establish a tunnel in the lab."""
    found, endpoints = [], set()
    for vpn in profile.vpn:
        for peer in vpn.peers:
            host, _ = wireguard.endpoint(peer.endpoint or "")
            called_by_gateway = host not in endpoints and _gateway_initiates(profile, vpn, peer)
            if called_by_gateway or vpn.port:
                found.append(SimulatedPeer(vpn, peer, initiates=not called_by_gateway))
                endpoints.add(host)
    return tuple(found[:MOST])


def _gateway_initiates(profile: Profile, vpn: Vpn, peer: Peer) -> bool:
    """Whether the gateway initiates the handshake with this peer in the lab.

    It does so with keepalive, or when a host on a LAN sends, if the endpoint is outside and can be reached.
    """
    host, _ = wireguard.endpoint(peer.endpoint or "")
    lans = {lan.name for lan in profile.lans}
    sends = any(vpn.name in entry.to_zones and lans & set(entry.from_zones) for entry in profile.allow)
    if not host or not (peer.keepalive or sends):
        return False
    if isinstance(host, IPv4Address):
        known = zones.of(profile)
        return known.zone_of(host) is None and host not in known.own and host not in subnets.provider_routers(profile)
    return isinstance(host, str) and _resolves(profile) and host not in profile.dns.hosts


def _resolves(profile: Profile) -> bool:
    """Whether the gateway can resolve an outside name in the lab, whose DNS servers support neither TLS nor DNSSEC."""
    dns, upstreams = profile.dns, [one.address for one in profile.dns.upstreams]
    plain = dns.tls != "always" and dns.dnssec != "always" and not simulated_servers.in_vpn(profile)
    return plain and (not upstreams or any(simulated_servers.answers(one, profile) for one in upstreams))


def host(items: Items, zone: str, profile: Profile) -> tuple[SimulatedPeer, IPv4Address] | None:
    """The first simulated peer of a VPN with one of these IPv4 addresses (no items: its own), and the address; else None."""
    here = [one for one in played(profile) if one.vpn.name == zone]
    if not items:
        return (here[0], here[0].peer.address) if here else None
    for item in (item for item in address_lists.resolved(items, profile.sets) if item.family == 4):
        for one in here:
            for net in one.networks:
                edge = 1 if net.prefixlen < 31 else 0
                last = min(item.last, int(net.broadcast_address) - edge)
                if max(item.first, int(net.network_address) + edge) <= last:
                    return one, IPv4Address(last)
    return None
