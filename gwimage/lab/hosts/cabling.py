"""Namespaces for the hosts, bridges for the segments, and the cables between them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Interface
from pathlib import Path

from gwimage.lab.netns import inside, ip, make
from gwimage.lab.topology import LanSide, Segment, Topology, WanSide

_ISP = {
    "ip_forward": "1",  # to attackers that are no neighbours of the gateway
    "conf/all/rp_filter": "1",  # as providers do (RFC 2827): what leaves by one WAN must have no other's address
    "conf/all/send_redirects": "0",
    "conf/default/send_redirects": "0",
}


def lay(topology: Topology) -> None:
    """Clients and servers have no address yet."""
    make("hv")
    attackers = [f"attacker-{wan.name}" for wan in topology.wans]
    insiders = [f"{kind}-{lan.name}" for lan in topology.lans for kind in ("client", "server")]
    for name in ["isp", *attackers, *insiders]:
        make(name)
    with inside("isp"):
        for key, value in _ISP.items():
            Path("/proc/sys/net/ipv4", key).write_text(value)
    for segment in (segment for card in topology.cards for segment in card.segments):
        # also what is for the next bridge alone, such as LLDP
        ip("hv", [f"link add {segment.bridge} type bridge group_fwd_mask 0x4000", f"link set {segment.bridge} up"])
    for wan in topology.wans:
        _outside(wan)
    for lan in topology.lans:
        _inside(lan)


def end(host: str, segment: Segment) -> str:
    """The hypervisor's end of the cable from a segment to a host."""
    return f"v{segment.number}-{host[:10]}"


def _outside(wan: WanSide) -> None:
    attacker = f"attacker-{wan.name}"
    _plug("isp", wan.name, wan.segment, [wan.isp])
    _plug(attacker, wan.name, wan.segment, [wan.attacker])
    if wan.attacker.network != wan.isp.network:
        ip(attacker, [f"route add {wan.isp.network} dev {wan.name}"])
        ip("isp", [f"route add {wan.attacker.ip} dev {wan.name}"])
    for host in "isp", attacker:
        stray = [address for address in wan.own if address not in wan.isp.network]
        ip(host, [f"route add {address} dev {wan.name}" for address in stray])


def _inside(lan: LanSide) -> None:
    """A client on the first card, a server on the others: what passes between them passes the gateway's bridge."""
    _plug(f"client-{lan.name}", lan.name, lan.segments[0])
    for number, segment in enumerate(lan.segments[1:] or lan.segments):
        _plug(f"server-{lan.name}", f"card{number}", segment)


def _plug(host: str, link: str, segment: Segment, addresses: Sequence[IPv4Interface] = ()) -> None:
    """A cable from the bridge of a segment to the host. IPv6 stays silent until ipv6.py wakes it."""
    near = end(host, segment)
    ip("hv", [f"link add {near} type veth peer name {link} netns {host}", f"link set {near} master {segment.bridge} up"])
    ip(host, [f"link set {link} addrgenmode none up", *(f"addr add {address} dev {link}" for address in addresses)])
