"""Who plays the host with an address that a claim names: one of the lab's hosts takes it on for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface

from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import ip
from gwimage.lab.packets import ipv4
from gwimage.lab.topology import LanSide, WanSide

Lines = dict[str, list[tuple[str, str]]]  # by namespace, what `ip` adds: (addr or route, the rest)


def host_for(hosts: Hosts, zone: str, address: IPv4Address | None) -> str:
    """The host in a WAN or LAN for that address; the one that is there anyway if the address is all the same."""
    if peers := [one for one in hosts.tunnels if one.played.vpn.name == zone]:
        return next((one.host for one in peers if address and one.played.has(address)), peers[0].host)
    if any(wan.name == zone for wan in hosts.topology.wans):
        return "isp" if address == hosts.wan(zone).isp.ip else f"attacker-{zone}"
    return f"client-{zone}" if address in (None, hosts.client_address(hosts.lan(zone))) else f"server-{zone}"


@contextmanager
def with_address(hosts: Hosts, name: str, address: IPv4Address) -> Iterator[None]:
    """The host has one more address for a while, and whoever must knows the way to it. It may be the same for several."""
    kind, _, network = name.partition("-")
    if kind == "isp" or (kind != "server" and address == hosts.address_of(name)):
        yield
        return
    if kind == "peer":
        added = {name: [("addr", f"{address}/32 dev {hosts.tunnel(name).link}")]}
    else:
        added = _outside(hosts.wan(network), address) if kind == "attacker" else _inside(hosts.lan(network), kind, address)
    with hosts.address_lock:
        if not hosts.extra_addresses[name, address]:
            for place, lines in added.items():
                ip(place, [f"{what} add {line}" for what, line in lines])
            if kind in ("client", "server"):
                _announce(hosts.lan(network), kind, added[name])
        hosts.extra_addresses[name, address] += 1
    try:
        yield
    finally:
        with hosts.address_lock:
            hosts.extra_addresses[name, address] -= 1
            if not hosts.extra_addresses[name, address]:
                for place, lines in added.items():
                    ip(place, [f"{what} del {line}" for what, line in reversed(lines)])


def _inside(lan: LanSide, kind: str, address: IPv4Address) -> Lines:
    """Where the gateway has no such subnet, the host is also the router to it."""
    link, near = _link(kind, lan), _nearest(lan, address)
    lines = [("addr", f"{address}/{near.network.prefixlen} dev {link}")]
    if address not in near.network:
        lines = [("addr", f"{router}/{_nearest(lan, router).network.prefixlen} dev {link}") for router in lan.routers]
        lines.append(("addr", f"{address}/32 dev {link}"))
    if kind == "server":  # a client has its way already
        lines.append(("route", f"default via {near.ip} dev {link} onlink src {address}"))
    return {f"{kind}-{lan.name}": lines}


def _outside(wan: WanSide, address: IPv4Address) -> Lines:
    """Far from the gateway's network the ISP knows the way."""
    if address in wan.attacker.network:
        return {f"attacker-{wan.name}": [("addr", f"{address}/{wan.attacker.network.prefixlen} dev {wan.name}")]}
    return {
        f"attacker-{wan.name}": [("addr", f"{address}/32 dev {wan.name}")],
        "isp": [("route", f"{address}/32 via {wan.attacker.ip} dev {wan.name}")],
    }


def _announce(lan: LanSide, kind: str, added: list[tuple[str, str]]) -> None:
    """The gateway may still know the address as another host's: who asks it by ARP is known anew."""
    for address in (IPv4Interface(line.split()[0]) for what, line in added if what == "addr"):
        near = _nearest(lan, address.ip)
        if address.ip in near.network:
            ipv4.arp(f"{kind}-{lan.name}", _link(kind, lan), address.ip, near.ip, 5)


def _nearest(lan: LanSide, address: IPv4Address) -> IPv4Interface:
    """The gateway's address in the subnet of a host, or else its main one."""
    return next((own for own in lan.gateways if address in own.network), lan.gateway)


def _link(kind: str, lan: LanSide) -> str:
    return "card0" if kind == "server" else lan.name
