"""Probes of WireGuard from the peers: handshakes, services through the tunnel, silence towards strangers."""

import secrets
import socket
import struct
import time
from ipaddress import IPv4Address

from gwimage.claims import claim_vpn
from gwimage.lab.hosts import wireguard as tunnels
from gwimage.lab.netns import inside, ip
from gwimage.lab.packets import dns, ipv4
from gwimage.lab.packets.headers import IPV4
from gwimage.values import lab_host, wireguard
from gwimage.verify.probes import sharing
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_INITIATION = 148  # bytes of a handshake initiation
_STRANGER = "stranger0"
_CALLS = 2  # handshakes of the stranger, 5 seconds apart
_PATIENCE, _LATE = 20, 3  # seconds: for the handshakes, and for an answer to the last one
_KINDS = {socket.IPPROTO_ICMP: "ICMP", socket.IPPROTO_UDP: "UDP"}


def _handshake(probe: claim_vpn.Handshake, view: View) -> Answer:
    hosts, tunnel = view.hosts, view.hosts.tunnel(probe.peer)
    name, key = tunnel.played.peer.name, tunnel.played.peer.public_key
    if probe.wan is None:
        there = f"{tunnel.played.peer.endpoint} ({tunnel.uplink})"
        good = hosts.connected(probe.peer)
        return Answer(
            good, f"the gateway called {there} as known to {key[:8]}..." if good else f"the gateway never called {there}"
        )
    target, port = hosts.given(hosts.wan(probe.wan)), tunnel.played.vpn.port
    if not target:
        return Answer(False, f"{probe.wan} has no address")
    good = hosts.call(tunnel, target)
    what = f"{target}:{port} by UDP" if good else f"{target}:{port} by UDP: no handshake"
    return Answer(good, f"{what}; {name} called from {tunnel.uplink} in the place of {key[:8]}...")


def _services(probe: claim_vpn.TunnelServices, view: View) -> Answer:
    tunnel = view.hosts.tunnel(probe.peer)
    near = tunnel.played.vpn.address.ip
    there = ipv4.ping(probe.peer.name, near)
    found = dns.resolve(probe.peer.name, near, probe.name)
    named = found not in ("no answer", "") and not found.startswith("no address")
    return Answer(there and named, f"{near} {'answers' if there else 'does not answer'}; it says: {found}")


def _strangers(probe: claim_vpn.UnknownPeer, view: View) -> Answer:
    """Sends valid handshakes with an unknown key, and random bytes; silence counts only if the handshakes were sent."""
    hosts, name = view.hosts, lab_host.attacker(probe.wan).name
    target = hosts.given(hosts.wan(probe.wan))
    known = next(one for one in hosts.tunnels if one.played.vpn.name == probe.vpn)
    if not target:
        return Answer(False, f"{probe.wan} has no address")
    with inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as ears:
        ears.bind((probe.wan, IPV4))
        call = target, known.played.vpn.port
        process = tunnels.run(name, _STRANGER, hosts.dir / "stranger.log")
        try:
            tunnels.set_up(_STRANGER, wireguard.generate(), known.gateway, call)
            ip(name, [f"link set {_STRANGER} addrgenmode none up"])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rubbish:
                rubbish.sendto(secrets.token_bytes(_INITIATION), (str(target), call[1]))
            sent, heard = _listen(ears, *call)
        finally:
            process.kill()
            process.wait()
    seen = f"{target}:{call[1]} by UDP: {sent} handshakes of a stranger and rubbish, {heard or 'no answer'}"
    return Answer(sent >= _CALLS and not heard, seen)


def _listen(ears: socket.socket, target: IPv4Address, port: int) -> tuple[int, str]:
    """Number of handshakes sent, and what came back."""
    deadline, sent = time.monotonic() + _PATIENCE, 0
    while time.monotonic() < deadline:
        if packet := ipv4.until(ears, 0.5, lambda data: data[12:16] == target.packed and data[9] in _KINDS):
            size = (packet[0] & 15) * 4
            if packet[9] == socket.IPPROTO_ICMP or struct.unpack_from("!H", packet, size)[0] == port:
                return sent, f"answered by {_KINDS[packet[9]]}"
        calls = int(tunnels.order(_STRANGER, "get").get("tx_bytes", "0")) // _INITIATION
        if calls >= _CALLS > sent:
            deadline = min(deadline, time.monotonic() + _LATE)
        sent = calls
    return sent, ""


def _advise_handshake(probe: claim_vpn.Handshake, wire: object) -> str:
    vpn = probe.peer.network
    where = f"30-{vpn}.netdev" + (
        ": ListenPort=, and PublicKey= of this peer" if probe.wan else ": Endpoint= and PublicKey= of this peer"
    )
    more = (
        f"; then whether the firewall lets the port in from {probe.wan}" if probe.wan else "; can the gateway look the name up"
    )
    return f"Look at {where}{more}. Without the gateway's own key {vpn} is not there at all: console.log says so."


def _advise_services(probe: claim_vpn.TunnelServices, wire: object) -> str:
    vpn = probe.peer.network
    return (
        f"The tunnel is up: look at AllowedIPs= of this peer and Address= of {vpn}, then at what the firewall opens to {vpn}."
    )


def _advise_strangers(probe: claim_vpn.UnknownPeer, wire: object) -> str:
    return f"Something answers on the port of {probe.vpn} that is not WireGuard, or a rule rejects instead of dropping."


PROBES = (
    Probe(
        kind=claim_vpn.Handshake,
        ask=_handshake,
        question="a host outside, with wireguard-go and a key of the lab's",
        advise=_advise_handshake,
        late=10,  # drops tunnels
        needs_machine="a tunnel needs a machine, whose kernel has WireGuard",
        of_tunnel=True,
    ),
    Probe(
        kind=claim_vpn.TunnelServices,
        ask=_services,
        question="a peer pings the gateway and asks it for the name, through the tunnel",
        advise=_advise_services,
        shares=sharing.nobody_counts,
        of_tunnel=True,
    ),
    Probe(
        kind=claim_vpn.UnknownPeer,
        ask=_strangers,
        question="handshakes by the book with an unknown key, and rubbish",
        advise=_advise_strangers,
        late=20,  # takes every answer for its own
        of_tunnel=True,
    ),
)
