"""The DHCP server of a LAN: pool, lease time, and what clients are told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from gwimage import nic
from gwimage.claim import Claim, Lease
from gwimage.plan import Element, Plan, Rule, Setting, settings
from gwimage.problem import Path, Problem

if TYPE_CHECKING:
    from gwimage.features.lans import Lan
    from gwimage.profile import Profile

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST, LONGEST = 120, 30 * 86400


@dataclass(frozen=True)
class Dhcp:
    """lease_time in seconds; no dns means the gateway's address."""

    first: IPv4Address
    last: IPv4Address
    lease_time: int
    dns: tuple[IPv4Address, ...] = ()


def parse(data: dict) -> dict[str, Dhcp]:
    """The servers by the names of their LANs."""
    return {name: _parse_one(lan["dhcp"]) for name, lan in data["lans"].items() if "dhcp" in lan}


def _parse_one(data: dict) -> Dhcp:
    first, last = map(IPv4Address, data["pool"].split("-"))
    time = data.get("lease_time", "1h")
    dns = tuple(map(IPv4Address, data.get("dns", ())))
    return Dhcp(first, last, int(time[:-1]) * UNITS[time[-1]], dns)


def check(profile: Profile) -> list[Problem]:
    problems = []
    for lan in profile.lans:
        if dhcp := profile.dhcp.get(lan.name):
            problems += _check_one(("lans", lan.name, "dhcp"), dhcp, lan, profile)
    return problems


def _check_one(path: Path, dhcp: Dhcp, lan: Lan, profile: Profile) -> list[Problem]:
    problems = _check_pool((*path, "pool"), dhcp, lan.address) if nic.sane(lan.address) else []
    problems += nic.check_dns((*path, "dns"), dhcp.dns) or _check_servers((*path, "dns"), dhcp, lan, profile)
    if not SHORTEST <= dhcp.lease_time <= LONGEST:
        problems.append(Problem((*path, "lease_time"), "a lease lasts from 2m to 30d", "1h to 24h is usual"))
    return problems


def _check_servers(path: Path, dhcp: Dhcp, lan: Lan, profile: Profile) -> list[Problem]:
    """DNS servers that a client on this LAN could never reach."""
    problems, own = [], lan.address.network
    for index, server in enumerate(dhcp.dns):
        place, hint = (*path, index), f"the gateway answers on {lan.address.ip}"
        if server in own and server in (own.network_address, own.broadcast_address):
            problems.append(Problem(place, f"{server} is the network or broadcast address of {own}", hint))
        if any(wan.address and server == wan.address.ip for wan in profile.wans):
            problems.append(Problem(place, f"the gateway gives no DNS on {server}, its address outside", hint))
        for other in profile.lans:
            if other.name != lan.name and server in other.address.network and server not in own:
                hint = f"use {lan.address.ip}, or a server on {lan.name} or outside"
                problems.append(Problem(place, f"{server} is on {other.name}, which is closed to {lan.name}", hint))
    return problems


def _check_pool(path: Path, dhcp: Dhcp, address: IPv4Interface) -> list[Problem]:
    net, first, last = address.network, dhcp.first, dhcp.last
    lowest, highest = net.network_address, net.broadcast_address
    outside = [str(ip) for ip in (first, last) if ip not in net]
    if outside:
        hint = f"the subnet's hosts are {lowest + 1} to {highest - 1}"
        what = f"{' and '.join(outside)} {'is' if len(outside) == 1 else 'are'} not in {net}"
        return [Problem(path, f"{what}, the subnet of this network", hint)]
    if first > last:
        return [Problem(path, "the pool ends before it starts", f"write {last}-{first}")]
    if first == lowest or last == highest:
        ip, kind = (first, "network") if first == lowest else (last, "broadcast")
        hint = f"the subnet's hosts are {lowest + 1} to {highest - 1}"
        return [Problem(path, f"the pool contains {ip}, the {kind} address of {net}", hint)]
    if first <= address.ip <= last:
        below, above = (first, address.ip - 1), (address.ip + 1, last)
        better = max(below, above, key=lambda pool: int(pool[1]) - int(pool[0]))
        hint = f"write {better[0]}-{better[1]}" if better[0] <= better[1] else "choose addresses beside it"
        return [Problem(path, f"the pool contains {address.ip}, the gateway's own address", hint)]
    return []


def plan(profile: Profile) -> Plan:
    served = [(lan, profile.dhcp[lan.name]) for lan in profile.lans if lan.name in profile.dhcp]
    return sum((_plan_one(lan, dhcp) for lan, dhcp in served), Plan())


def _plan_one(lan: Lan, dhcp: Dhcp) -> Plan:
    path, zone = f"lans.{lan.name}.dhcp", f'"{lan.name}"'
    # a client without a lease has no address yet; one that rebinds may still have that of another subnet
    asks = f"iifname {zone} ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept"
    text = f"a client on {lan.name} gets an address in {dhcp.first}-{dhcp.last}"
    own, prefix = lan.address.ip, lan.address.network.prefixlen
    lease = Lease(lan.name, dhcp.first, dhcp.last, prefix, own, dhcp.dns or (own,), dhcp.lease_time)
    return Plan(
        network=_server(f"20-{lan.name}.network", path, lan, dhcp),
        rules=(Rule("prerouting.dhcp", asks, path),),
        elements=(Element("gateway_open", f"{zone} . udp . 67", path),),
        claims=(Claim(f"{path}.lease", f"{path}.pool", text, lease),),
    )


def _server(file: str, path: str, lan: Lan, dhcp: Dhcp) -> tuple[Setting, ...]:
    dns = dhcp.dns or (lan.address.ip,)
    offset = int(dhcp.first) - int(lan.address.network.network_address)
    pool = [("PoolOffset", str(offset)), ("PoolSize", str(int(dhcp.last) - int(dhcp.first) + 1))]
    # the maximum is written too: below it networkd would cut a longer default in silence
    time = [("DefaultLeaseTimeSec", str(dhcp.lease_time)), ("MaxLeaseTimeSec", str(dhcp.lease_time))]
    # whatever is not written is copied from the uplink of the moment
    copied = [("EmitNTP", "no"), ("EmitSIP", "no"), ("EmitTimezone", "no"), ("UplinkInterface", ":none")]
    return (
        Setting(file, "Network", "DHCPServer", "yes", path),
        *settings(file, "DHCPServer", f"{path}.pool", pool),
        *settings(file, "DHCPServer", f"{path}.lease_time", time),
        Setting(file, "DHCPServer", "DNS", " ".join(map(str, dns)), f"{path}.dns"),
        *settings(file, "DHCPServer", path, copied),
    )
