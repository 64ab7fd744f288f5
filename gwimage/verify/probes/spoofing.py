"""Probes with forged packets: false source addresses, or chosen sizes; and whether they arrive."""

import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv4Address

from gwimage.claims import claim_firewall, claim_nat, claim_traffic
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.extra_addresses import host_for, with_address
from gwimage.lab.netns import ip
from gwimage.lab.packets import ipv4, raw
from gwimage.lab.packets.raw import LinkEnd
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.verify.evidence import Wire
from gwimage.verify.probes.ends import gateway_for
from gwimage.verify.probes.reachability import link_of
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_LOOPBACK = IPv4Address("127.0.0.1")
_LONGEST = 65495  # an MSS above that of any link, so that clamping shows
_FULL = 1500  # MTU of the lab's links
_WAIT = 2  # seconds


def _spoofed(probe: claim_firewall.Spoofed, view: View) -> Answer:
    """Sends a packet from each false address to one host, and captures there."""
    hosts = view.hosts
    start, near, own = place_of(probe.src), gateway_for(probe.src, hosts), hosts.address_of(probe.src)
    end, target = _target(probe.zone, hosts)
    if not own or not near or not target:
        return Answer(False, f"{probe.zone if own and near else probe.src} has no address")
    mac = ipv4.arp(start.name, start.link, own, near, 5)
    if not mac:
        return Answer(False, f"{near} does not answer ARP from {start.name}")
    false = {source: raw.token() for source in _false(probe.src, probe.zone, hosts, target)}
    with raw.watching(end) as link:
        for _ in range(2):
            for source, token in false.items():
                raw.send(start, mac, raw.udp(source, target, PORT, token))
        arrived = _arrivals(link, false)
    seen = f"from {', '.join(map(str, false))} to {target}: "
    seen += f"{', '.join(map(str, arrived))} arrived" if arrived else "none arrived"
    return Answer(not arrived, seen, exposed=len(arrived) == len(false))


def _false(src: LabHost, zone: str, hosts: Hosts, target: IPv4Address) -> list[IPv4Address]:
    """False sources. From outside: the target's neighbour, the gateway, loopback; from inside: afar, another LAN, loopback."""
    lans = hosts.topology.lans
    if src.role == Role.ATTACKER:
        lan = hosts.lan(zone)
        taken = (lan.gateway.network.network_address, lan.gateway.ip, target)
        neighbour = next((address for address in lan.gateway.network if address not in taken), target)
        return [neighbour, lan.gateway.ip, _LOOPBACK]
    others = [lan.spare.ip for lan in lans if lan.name != src.network]
    return [hosts.topology.afar, *others[:1], _LOOPBACK]


def _spoofed_forward(probe: claim_nat.SpoofedForward, view: View) -> Answer:
    """Sends packets to a forward from false addresses; the one from the true address is the control."""
    hosts = view.hosts
    start, own, target = place_of(probe.src), hosts.address_of(probe.src), hosts.given(hosts.wan(probe.wan))
    mac = ipv4.arp(start.name, start.link, own, target, 5) if own and target else None
    if not mac:
        return Answer(False, f"{target or probe.wan} does not answer ARP from {start.name}")
    there = host_for(hosts, probe.lan, probe.to)
    end = LinkEnd(there.name, link_of(there, hosts))
    tokens = {source: secrets.token_bytes(4) for source in (own, *_false(probe.src, probe.lan, hosts, probe.to))}
    with with_address(hosts, there, probe.to), raw.watching(end) as link:
        for _ in range(2):
            for source, token in tokens.items():
                tcp = probe.protocol == "tcp"
                made = raw.syn(source, target, probe.port, token, _FULL) if tcp else raw.udp(source, target, probe.port, token)
                raw.send(start, mac, made)
        arrived = _arrivals(link, tokens)
    seen = f"from {', '.join(map(str, tokens))} to {target}:{probe.port}: {', '.join(map(str, arrived)) or 'none'} arrived"
    return Answer(arrived == [own], seen)


def _has_any(packet: bytes, tokens: Iterable[bytes]) -> bool:
    return any(token in packet for token in tokens)


def _arrivals(link: socket.socket, tokens: dict[IPv4Address, bytes]) -> list[IPv4Address]:
    """Sources whose packets arrived; ends when all did, or after a timeout."""
    missing, deadline = dict(tokens), time.monotonic() + _WAIT
    while missing and (left := deadline - time.monotonic()) > 0:
        packet = ipv4.until(link, left, partial(_has_any, tokens=missing.values()))
        if packet:
            missing = {source: token for source, token in missing.items() if token not in packet}
    return [source for source in tokens if source not in missing]


def _segments(probe: claim_traffic.MssClamp, view: View) -> Answer:
    """Probes MSS clamping: both ends offer more than any link takes; what arrives was clamped by the gateway."""
    hosts = view.hosts
    lan, client = hosts.lan(probe.lan), lab_host.client(probe.lan)
    start, own = place_of(client), hosts.client_address(lan)
    end, target = _target(probe.wan, hosts)
    outer = hosts.given(hosts.wan(probe.wan))
    if not own or not target or not outer:
        return Answer(False, f"{client if outer else probe.wan} has no address")
    mac = ipv4.arp(start.name, start.link, own, lan.gateway.ip, 5)
    if not mac:
        return Answer(False, f"{lan.gateway.ip} does not answer ARP from {client}")
    number = secrets.token_bytes(4)
    answer = (int.from_bytes(number, "big") + 1 & 0xFFFFFFFF).to_bytes(4, "big")
    ways = [f"{outer} dev {probe.wan} advmss {_LONGEST}", f"{own} via {outer} dev {probe.wan} onlink advmss {_LONGEST}"]
    with ExitStack() as stack:
        there, back = stack.enter_context(raw.watching(end)), stack.enter_context(raw.watching(start))
        ip(end.name, [f"route replace {way} metric 1" for way in ways])
        stack.callback(ip, end.name, [f"route del {way} metric 1" for way in ways])
        for _ in range(3):
            raw.send(start, mac, raw.syn(own, target, PORT, number, _LONGEST))
            asked = _tcp(there, number, 4, _WAIT)
            answered = _tcp(back, answer, 8, _WAIT) if asked else None
            if answered:
                break
    sizes = [raw.mss(packet) if packet else None for packet in (asked, answered)]
    seen = (
        f"{_LONGEST} became {sizes[0]} on the way out, {sizes[1]} on the way back" if asked else f"no SYN arrived at {target}"
    )
    return Answer(sizes == [probe.size] * 2, seen, exposed=sizes == [_LONGEST] * 2)


def _tcp(link: socket.socket, number: bytes, at: int, wait: float) -> bytes | None:
    """The handshake packet that has this number as its sequence number (at 4) or acknowledgement (at 8)."""

    def wanted(packet: bytes) -> bool:
        tcp = raw.body(packet)
        return packet[9] == socket.IPPROTO_TCP and tcp[at : at + 4] == number and bool(tcp[13] & raw.SYN)

    return ipv4.until(link, wait, wanted)


def _mtu(probe: claim_traffic.Mtu, view: View) -> Answer:
    hosts = view.hosts
    lan, client = hosts.lan(probe.lan), lab_host.client(probe.lan)
    start, own, near = place_of(client), hosts.client_address(lan), lan.gateway.ip
    target = _target(probe.wan, hosts)[1] if probe.wan else near
    if not own or not target:
        return Answer(False, f"{client if target else probe.wan} has no address")
    mac = ipv4.arp(start.name, start.link, own, near, 5)
    if not mac:
        return Answer(False, f"{near} does not answer ARP from {client}")
    if not probe.wan:
        longest = _echo(start, mac, own, target, _FULL)
        whole = (probe.size - 20) // 8 * 8 + 20  # fragment offsets count 8 bytes (RFC 791)
        return Answer(longest == f"{whole} bytes", f"of {_FULL} bytes: {longest} at a time came back")
    fits, over = (_echo(start, mac, own, target, size) for size in (probe.size, probe.size + 1))
    good = fits == f"{probe.size} bytes" and over == f"too long for {probe.size}"
    return Answer(good, f"{probe.size} to {target}: {fits}; {probe.size + 1}: {over}")


def _echo(start: LinkEnd, mac: str, own: IPv4Address, target: IPv4Address, size: int) -> str:
    """Result of an echo request of `size` bytes: `N bytes` of its answer, `too long for N`, or `no answer`.

    A long answer may be fragmented, and is then the first fragment.
    """
    for _ in range(3):
        token = raw.token()
        request = raw.echo(own, target, token.ljust(size - 28, b"."))
        with raw.watching(start) as link:
            raw.send(start, mac, request)
            packet = ipv4.until(link, _WAIT, partial(_replies, own=own, token=token, request=request))
        if packet and raw.body(packet)[0] == 3:
            return f"too long for {int.from_bytes(raw.body(packet)[6:8], 'big')}"
        if packet:
            return f"{len(packet)} bytes"
    return "no answer"


def _replies(packet: bytes, own: IPv4Address, token: bytes, request: bytes) -> bool:
    """Whether the packet is an echo reply with the token, or `fragmentation needed` (3, 4) that quotes the request."""
    icmp = raw.body(packet)
    if packet[9] != socket.IPPROTO_ICMP or packet[16:20] != own.packed:
        return False
    quoted = icmp[:2] == b"\3\4" and icmp[8 + 4 : 8 + 6] == request[4:6]
    return quoted or (icmp[0] == 0 and token in icmp)


def _target(zone: str, hosts: Hosts) -> tuple[LinkEnd, IPv4Address | None]:
    """A link to capture on and the target's address there: the server outside, a neighbour on another WAN, or a client."""
    if zone == hosts.topology.wans[0].name:
        return LinkEnd(ISP.name, zone), hosts.topology.outside
    wans = [wan.name for wan in hosts.topology.wans]
    host = lab_host.attacker(zone) if zone in wans else lab_host.client(zone)
    return place_of(host), hosts.address_of(host)


def place_of(host: LabHost) -> LinkEnd:
    """The link of an attacker or a client."""
    return LinkEnd(host.name, host.network)


def _advise_spoofed(probe: claim_firewall.Spoofed, wire: Wire) -> str:
    start, end = probe.src.network, probe.zone
    if wire.arrived(end, PORT):
        return f"It arrived on {end}: look at the rules of chain spoof that compare source addresses, for {start}."
    return (
        f"Nothing of it arrived on {end}: the gateway, or the host there, could not be reached (see the other failed claims)."
    )


def _advise_spoofed_forward(probe: claim_nat.SpoofedForward, wire: Wire) -> str:
    return f"If nothing arrived, see the claims of the forward itself; else look at the rules of chain spoof for {probe.wan}."


def _advise_segments(probe: claim_traffic.MssClamp, wire: Wire) -> str:
    if not wire.arrived(probe.wan, PORT):
        return f"The question did not come out of the gateway on {probe.wan}: see what {probe.lan} reaches at all."
    return f"Compare the rules with `maxseg` for {probe.wan}, one for each way, with wans.{probe.wan}.mss_clamp and mtu."


def _advise_mtu(probe: claim_traffic.Mtu, wire: Wire) -> str:
    network = probe.wan or probe.lan
    return f"Look for MTUBytes= in the files of {network}, and whether the gateway may send ICMP errors to {probe.lan}."


PROBES = (
    Probe(
        kind=claim_firewall.Spoofed,
        ask=_spoofed,
        question="a packet with each false address is sent to a host, and listened for there",
        advise=_advise_spoofed,
        waits=True,
        own_networks=True,
    ),
    Probe(
        kind=claim_nat.SpoofedForward,
        ask=_spoofed_forward,
        question="packets with false addresses, and one with the true one, go to the forwarded port",
        advise=_advise_spoofed_forward,
        shares=lambda probe: {lab_host.server(probe.lan).name: probe.to},
    ),
    Probe(
        kind=claim_traffic.MssClamp,
        ask=_segments,
        question="a SYN for the longest segments there are goes out, and its answer comes back",
        advise=_advise_segments,
    ),
    Probe(
        kind=claim_traffic.Mtu,
        ask=_mtu,
        question="a client sends echo requests that must not be fragmented",
        advise=_advise_mtu,
    ),
)
