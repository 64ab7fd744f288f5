"""Networks inside: the gateway's address, masquerade, the DHCP server, DNS for the clients."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from gwimage import nic
from gwimage.claim import Claim, Dns, Lease, Ping, Source
from gwimage.nic import Nic
from gwimage.plan import Element, Plan, Rule, Setting, settings
from gwimage.problem import Path, Problem, dotted

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Lan:
    name: str
    nic: Nic
    address: IPv4Interface
    masquerade: bool = True
    dhcp: Dhcp | None = None


def parse(data: dict) -> tuple[Lan, ...]:
    return tuple(_parse_one(name, lan) for name, lan in data["lans"].items())


def _parse_one(name: str, data: dict) -> Lan:
    dhcp = _parse_dhcp(data["dhcp"]) if "dhcp" in data else None
    return Lan(name, nic.parse(data), IPv4Interface(data["address"]), data.get("masquerade", True), dhcp)


def _parse_dhcp(data: dict) -> Dhcp:
    first, last = map(IPv4Address, data["pool"].split("-"))
    time = data.get("lease_time", "1h")
    dns = tuple(map(IPv4Address, data.get("dns", ())))
    return Dhcp(first, last, int(time[:-1]) * UNITS[time[-1]], dns)


def check(profile: Profile) -> list[Problem]:
    wans = {wan.name for wan in profile.wans}
    networks = [(("wans", wan.name), wan) for wan in profile.wans] + [(("lans", lan.name), lan) for lan in profile.lans]
    problems = nic.check((path, net.nic) for path, net in networks)
    problems += _overlaps(networks)
    for lan in profile.lans:
        path = ("lans", lan.name)
        problems += nic.check_name(path, lan.name)
        if lan.name in wans:
            hint = "the name is the interface's: give each network its own"
            problems.append(Problem(path, f"a WAN is called {lan.name!r} too", hint, on_key=True))
        wrong = nic.check_host((*path, "address"), lan.address, 8, 30)
        problems += wrong + _check_dhcp((*path, "dhcp"), lan, profile, bool(wrong))
    return problems


def _overlaps(networks: list[tuple[Path, object]]) -> list[Problem]:
    problems = []
    fixed = [(path, net.address.network) for path, net in networks if net.address]
    for index, (path, net) in enumerate(fixed):
        for other_path, other in fixed[:index]:
            if net.overlaps(other):
                message = f"the subnet {net} overlaps {other} of {dotted(other_path)}"
                where = ("address",) if path[0] == "lans" else ("ipv4", "address")
                problems.append(Problem((*path, *where), message, "each network needs a subnet of its own"))
    return problems


def _check_dhcp(path: Path, lan: Lan, profile: Profile, wrong_address: bool) -> list[Problem]:
    if not lan.dhcp:
        return []
    problems = [] if wrong_address else _check_pool((*path, "pool"), lan.dhcp, lan.address)
    problems += nic.check_dns((*path, "dns"), lan.dhcp.dns) or _check_servers((*path, "dns"), lan, profile)
    if not SHORTEST <= lan.dhcp.lease_time <= LONGEST:
        problems.append(Problem((*path, "lease_time"), "a lease lasts from 2m to 30d", "1h to 24h is usual"))
    return problems


def _check_servers(path: Path, lan: Lan, profile: Profile) -> list[Problem]:
    """DNS servers that a client on this LAN could never reach."""
    problems, own = [], lan.address.network
    for index, server in enumerate(lan.dhcp.dns):
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
    uplink = f"wans.{profile.wans[0].name}.address"
    every = Plan(
        # forwarding is set here and nowhere else: IPMasquerade= alone sets it only where it is on
        network=settings("networkd.conf", "Network", "lans", [("IPv4Forwarding", "yes"), ("IPv6Forwarding", "no")]),
    )
    return sum((_plan_one(lan) + _claims(lan, uplink) for lan in profile.lans), every)


def _plan_one(lan: Lan) -> Plan:
    path, file, zone = f"lans.{lan.name}", f"20-{lan.name}.network", f'"{lan.name}"'
    network = [
        *nic.link(f"20-{lan.name}.link", lan.name, lan.nic, path),
        Setting(file, "Match", "Name", lan.name, path),
        Setting(file, "Link", "RequiredForOnline", "no", path),
        Setting(file, "Network", "Address", str(lan.address), f"{path}.address"),
        # addresses and DNS are there before the first client is, and stay when the last one goes
        Setting(file, "Network", "ConfigureWithoutCarrier", "yes", path),
    ]
    if lan.masquerade:
        network.append(Setting(file, "Network", "IPMasquerade", "ipv4", f"{path}.masquerade"))
    elements = [
        Element("lans", zone, path),
        Element("inside", str(lan.address.network), f"{path}.address"),
        Element("gateway_open", f"{zone} . udp . 53", path),
        Element("gateway_open", f"{zone} . tcp . 53", path),
    ]
    spoofed = f"iifname {zone} ip saddr != {lan.address.network} counter drop"
    rules = [Rule("prerouting.spoof", spoofed, f"{path}.address")]
    if lan.dhcp:
        network += _server(file, f"{path}.dhcp", lan)
        elements.append(Element("gateway_open", f"{zone} . udp . 67", f"{path}.dhcp"))
        # a client without a lease has no address yet; one that rebinds may still have that of another subnet
        asks = f"iifname {zone} ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept"
        rules.insert(0, Rule("prerouting.dhcp", asks, f"{path}.dhcp"))
    network += nic.quiet(file, path)
    listener = Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(lan.address.ip), f"{path}.address")
    return Plan(network=tuple(network), resolved=(listener,), rules=tuple(rules), elements=tuple(elements))


def _server(file: str, path: str, lan: Lan) -> tuple[Setting, ...]:
    dhcp = lan.dhcp
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


def _claims(lan: Lan, uplink: str) -> Plan:
    path, client = f"lans.{lan.name}", f"a client on {lan.name}"
    lease = f"{path}.dhcp.lease"
    claims, needs = [], ()
    if lan.dhcp:
        pool = f"{lan.dhcp.first}-{lan.dhcp.last}"
        probe = Lease(lan.name, lan.dhcp.first, lan.dhcp.last)
        claims.append(Claim(lease, f"{path}.dhcp.pool", f"{client} gets an address in {pool}", probe))
        needs = (lease,)
    claims.append(Claim(f"{path}.ping", f"{path}.address", f"{client} pings the gateway", Ping(lan.name), needs))
    text = f"{client} resolves names through {lan.address.ip}"
    claims.append(Claim(f"{path}.dns", path, text, Dns(lan.name), (*needs, uplink)))
    seen = "hidden behind the WAN's address" if lan.masquerade else "seen with its own address"
    source = Source(lan.name, lan.masquerade)
    text = f"{client} reaches a server outside, {seen}"
    claims.append(Claim(f"{path}.source", f"{path}.masquerade", text, source, (*needs, uplink), closed=lan.masquerade))
    return Plan(claims=tuple(claims))
