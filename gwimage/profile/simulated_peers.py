"""Which peers of a profile's VPNs the lab plays, and who of the two calls. For claims and for the lab alike."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from gwimage.profile import Profile, subnets, zones
from gwimage.profile.vpn import Peer, Vpn
from gwimage.values import address_lists, lab_host, wireguard
from gwimage.values.address_lists import Items
from gwimage.values.lab_host import LabHost

MOST = 8  # of all VPNs: each is one more host, with a program of its own


@dataclass(frozen=True)
class SimulatedPeer:
    """A peer that the lab plays. initiates: it starts the handshake; else the gateway does, at its endpoint."""

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
        """Id of the claim without which it cannot be asked anything."""
        return f"{self.path}.handshake"

    def has(self, address: IPv4Address) -> bool:
        """Whether the address is its own, or lies behind it."""
        return any(address in net for net in self.networks)

    @property
    def networks(self) -> tuple[IPv4Network, ...]:
        return IPv4Network(self.peer.address), *self.peer.networks


def played(profile: Profile) -> tuple[SimulatedPeer, ...]:
    """The first ones of the profile that can come to a tunnel at all."""
    found, names = [], set()
    for vpn in profile.vpn:
        for peer in vpn.peers:
            host, _ = wireguard.endpoint(peer.endpoint or "")
            called = host not in names and _is_called(profile, vpn, peer)
            if called or vpn.port:
                found.append(SimulatedPeer(vpn, peer, initiates=not called))
                names.add(host)
    return tuple(found[:MOST])


def _is_called(profile: Profile, vpn: Vpn, peer: Peer) -> bool:
    """The gateway calls by itself with keepalive, or when somebody on a LAN has something to send."""
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
    """Whether the gateway can look up a name outside in the lab, whose DNS servers have neither certificate nor signatures."""
    dns, known = profile.dns, zones.of(profile)
    upstreams = [one.address for one in dns.upstreams if one.address.version == 4]
    plain = dns.tls != "always" and dns.dnssec != "always"
    return plain and not any(map(known.zone_of, upstreams)) and bool(upstreams or not dns.upstreams)


def host(items: Items, zone: str, profile: Profile) -> tuple[SimulatedPeer, IPv4Address] | None:
    """The first peer of a VPN that has one of these addresses, or any if there are none, and that address."""
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
