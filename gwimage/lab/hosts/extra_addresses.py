"""Secondary addresses of lab hosts: one that a claim names, while a probe runs, or one that a host keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import ip
from gwimage.lab.packets import ipv4
from gwimage.lab.topology import LanSide, WanSide
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost, Role

Lines = dict[LabHost, list[tuple[str, str]]]  # arguments of `ip` by host: (addr, route or rule, the rest)
_AFTER_MAIN = 32770  # priority of a rule, behind that of the main table (ip-rule(8))


def host_for(hosts: Hosts, zone: str, address: IPv4Address | None) -> LabHost:
    """The host of a WAN, LAN or VPN that has or takes on the address; without an address its regular host."""
    if peers := [one for one in hosts.tunnels if one.played.vpn.name == zone]:
        return next((one.host for one in peers if address and one.played.has(address)), peers[0].host)
    if any(wan.name == zone for wan in hosts.topology.wans):
        return ISP if address == hosts.wan(zone).isp.ip else lab_host.attacker(zone)
    lan = hosts.lan(zone)
    return lan.client if address in (None, hosts.client_address(lan)) else lan.server


@contextmanager
def with_address(hosts: Hosts, host: LabHost, address: IPv4Address) -> Iterator[None]:
    """Adds a secondary address to a lab host while a probe runs, and the routes to it; probes may share it."""
    if host == ISP or (host.role != Role.SERVER and address == hosts.address_of(host)):
        yield
        return
    if host.role == Role.PEER:
        added = {host: [("addr", f"{address}/32 dev {hosts.tunnel(host).link}")]}
    elif host.role == Role.ATTACKER:
        added = _outside(host, hosts.wan(host.network), address)
    else:
        added = _inside(host, hosts.lan(host.network), address)
    with hosts.address_lock:
        _add(hosts, added)
        if host.role in (Role.CLIENT, Role.SERVER):
            new = [line for line in added[host] if hosts.extra_addresses[host, *line] == 1]
            _announce(host, hosts.lan(host.network), new)
    try:
        yield
    finally:
        with hosts.address_lock:
            for place, lines in added.items():
                hosts.extra_addresses.subtract((place, *line) for line in lines)
                gone = [line for line in reversed(lines) if not hosts.extra_addresses[place, *line]]
                ip(place.name, [f"{what} del {line}" for what, line in gone])


def keep(hosts: Hosts, host: LabHost, address: IPv4Address | IPv6Address) -> None:
    """Gives a server on a LAN, or a peer, an address for good, before the gateway is switched on."""
    if host.role == Role.PEER:
        lines = [("addr", f"{address}/32 dev {hosts.tunnel(host).link}")] if address != hosts.address_of(host) else []
    elif address.version == 6:
        lines = [("addr", f"{address}/64 dev {_link(host)} nodad")]
    else:  # its default route must not be in the way of an address for a probe
        *lines, _ = _inside(host, hosts.lan(host.network), address)[host]
        table, near = int(address), _nearest(hosts.lan(host.network), address)
        lines.append(("route", f"default via {near.ip} dev {_link(host)} onlink table {table}"))
        lines.append(("rule", f"from {address} lookup {table} priority {_AFTER_MAIN}"))
    _add(hosts, {host: lines})


def _add(hosts: Hosts, added: Lines) -> None:
    for place, lines in added.items():
        ip(place.name, [f"{what} add {line}" for what, line in lines if not hosts.extra_addresses[place, what, line]])
        hosts.extra_addresses.update((place, *line) for line in lines)


def _inside(host: LabHost, lan: LanSide, address: IPv4Address) -> Lines:
    """Address and route on a LAN; outside the gateway's subnets the host is also the router to the address."""
    link, near = _link(host), _nearest(lan, address)
    lines = [("addr", f"{address}/{near.network.prefixlen} dev {link}")]
    if address not in near.network:
        lines = [("addr", f"{router}/{_nearest(lan, router).network.prefixlen} dev {link}") for router in lan.routers]
        lines.append(("addr", f"{address}/32 dev {link}"))
    if host.role == Role.SERVER:  # a client has its default route already
        lines.append(("route", f"default via {near.ip} dev {link} onlink src {address}"))
    return {host: lines}


def _outside(host: LabHost, wan: WanSide, address: IPv4Address) -> Lines:
    """Address on a WAN; outside the attacker's subnet the ISP gets a route to it."""
    if address in wan.attacker.network:
        return {host: [("addr", f"{address}/{wan.attacker.network.prefixlen} dev {wan.name}")]}
    return {
        host: [("addr", f"{address}/32 dev {wan.name}")],
        ISP: [("route", f"{address}/32 via {wan.attacker.ip} dev {wan.name}")],
    }


def _announce(host: LabHost, lan: LanSide, added: list[tuple[str, str]]) -> None:
    """Updates the gateway's ARP cache, which may still have another host's MAC for the address, with an ARP request."""
    for address in (IPv4Interface(line.split()[0]) for what, line in added if what == "addr"):
        near = _nearest(lan, address.ip)
        if address.ip in near.network:
            ipv4.arp(host.name, _link(host), address.ip, near.ip, 5)


def _nearest(lan: LanSide, address: IPv4Address) -> IPv4Interface:
    """The gateway's address in the subnet of the given address, or else its main one."""
    return next((own for own in lan.gateways if address in own.network), lan.gateway)


def _link(host: LabHost) -> str:
    return "card0" if host.role == Role.SERVER else host.network
