"""Namespaces for the hosts, bridges for the segments, and the cables between them."""

from collections.abc import Sequence
from ipaddress import IPv4Interface
from pathlib import Path

from gwimage.lab.netns import inside, ip, make
from gwimage.lab.topology import LanSide, Segment, Topology, WanSide
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost

_ISP = {
    "ip_forward": "1",  # to attackers outside the gateway's subnet
    "conf/all/rp_filter": "0",  # see filter_sources
    "conf/all/send_redirects": "0",
    "conf/default/send_redirects": "0",
}


def lay(topology: Topology) -> None:
    """Creates the namespaces, bridges and cables; clients and servers have no address yet."""
    make("hv")
    attackers = [lab_host.attacker(wan.name) for wan in topology.wans]
    for host in (ISP, *attackers, *(host for lan in topology.lans for host in (lan.client, lan.server))):
        make(host.name)
    with inside(ISP.name):
        for key, value in _ISP.items():
            Path("/proc/sys/net/ipv4", key).write_text(value)
    for segment in (segment for card in topology.cards for segment in card.segments):
        # forwards LLDP too, which bridges keep to themselves by default
        ip("hv", [f"link add {segment.bridge} type bridge group_fwd_mask 0x4000", f"link set {segment.bridge} up"])
    for wan in topology.wans:
        _outside(wan)
    for lan in topology.lans:
        _inside(lan)


def filter_sources(wans: Sequence[WanSide], strict: bool) -> None:
    """Strict: the provider of the first WAN drops source addresses that it has not given out (RFC 2827), as most do.

    So whoever was called on another WAN must answer by that one. There any source address passes: where the gateway is open,
    hosts inside answer with their own. Not strict, for the control boot: an open gateway answers by its first WAN always.
    """
    with inside(ISP.name):
        for number, wan in enumerate(wans):
            mode = "1" if strict and not number else "2"
            Path("/proc/sys/net/ipv4/conf", wan.name, "rp_filter").write_text(mode)


def end(host: LabHost, segment: Segment) -> str:
    """The hypervisor's end of the cable from a segment to a host."""
    return f"v{segment.number}-{host.name[:10]}"


def _outside(wan: WanSide) -> None:
    attacker = lab_host.attacker(wan.name)
    _plug(ISP, wan.name, wan.segment, [wan.isp])
    _plug(attacker, wan.name, wan.segment, [wan.attacker])
    if wan.attacker.network != wan.isp.network:
        ip(attacker.name, [f"route add {wan.isp.network} dev {wan.name}"])
        ip(ISP.name, [f"route add {wan.attacker.ip} dev {wan.name}"])
    for host in ISP, attacker:
        stray = [address for address in wan.assigned if address not in wan.isp.network]
        ip(host.name, [f"route add {address} dev {wan.name}" for address in stray])


def _inside(lan: LanSide) -> None:
    """Plugs the client into the first card, the server into the others: traffic between them crosses the gateway's bridge."""
    _plug(lan.client, lan.name, lan.segments[0])
    for number, segment in enumerate(lan.segments[1:] or lan.segments):
        _plug(lan.server, f"card{number}", segment)


def _plug(host: LabHost, link: str, segment: Segment, addresses: Sequence[IPv4Interface] = ()) -> None:
    """Connects the host to the bridge of a segment. IPv6 stays silent until ipv6.py enables it."""
    near = end(host, segment)
    ip("hv", [f"link add {near} type veth peer name {link} netns {host.name}", f"link set {near} master {segment.bridge} up"])
    ip(host.name, [f"link set {link} addrgenmode none up", *(f"addr add {address} dev {link}" for address in addresses)])
