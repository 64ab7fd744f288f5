"""Networks outside: the address by DHCP or fixed, the default route, the DNS servers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from gwimage import link, nic
from gwimage.claim import Claim, WanAddress
from gwimage.link import Link
from gwimage.plan import Element, Plan, Setting, settings
from gwimage.problem import Path, Problem

if TYPE_CHECKING:
    from gwimage.profile import Profile


@dataclass(frozen=True)
class Wan:
    """address and gateway are None where DHCP gives them."""

    name: str
    link: Link
    address: IPv4Interface | None = None
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()


def parse(data: dict) -> tuple[Wan, ...]:
    return tuple(_parse_one(name, wan) for name, wan in data["wans"].items())


def _parse_one(name: str, data: dict) -> Wan:
    dns = tuple(map(IPv4Address, data.get("dns", ())))
    if data["ipv4"] == "dhcp":
        return Wan(name, link.parse(data), dns=dns)
    address, gateway = IPv4Interface(data["ipv4"]["address"]), IPv4Address(data["ipv4"]["gateway"])
    return Wan(name, link.parse(data), address, gateway, dns)


def check(profile: Profile) -> list[Problem]:
    problems = []
    for wan in profile.wans:
        path = ("wans", wan.name)
        problems += nic.check_name(path, wan.name)
        problems += nic.check_dns((*path, "dns"), wan.dns)
        problems += _own_servers((*path, "dns"), wan, profile)
        if wan.address:
            wrong = nic.check_host((*path, "ipv4", "address"), wan.address, narrowest=31)
            problems += wrong or _gateway((*path, "ipv4", "gateway"), wan)
    return problems


def _gateway(path: Path, wan: Wan) -> list[Problem]:
    net, gateway = wan.address.network, wan.gateway
    if gateway == wan.address.ip:
        return [Problem(path, f"{gateway} is this gateway's own address", "give the address of the provider's router")]
    if gateway not in net:
        return [Problem(path, f"{gateway} is not in {net}, the subnet of {wan.address}", "check both addresses")]
    if net.prefixlen < 31 and gateway in (net.network_address, net.broadcast_address):
        return [Problem(path, f"{gateway} is the network or broadcast address of {net}", "check the prefix length")]
    return []


def _own_servers(path: Path, wan: Wan, profile: Profile) -> list[Problem]:
    own = {net.address.ip for net in (*profile.wans, *profile.lans) if net.address}
    problems = []
    for index, server in enumerate(wan.dns):
        hint = "name a server outside; clients use the gateway without being told here"
        if server in own:
            problems.append(Problem((*path, index), f"{server} is the gateway itself: it would ask itself", hint))
        elif inside := [lan for lan in profile.lans if server in lan.address.network]:
            hint = f"clients may use it: lans.{inside[0].name}.dhcp.dns"
            message = f"{server} is on {inside[0].name}, but servers of a WAN are asked through the WAN"
            problems.append(Problem((*path, index), message, hint))
    return problems


def plan(profile: Profile) -> Plan:
    return sum((_plan_one(wan, index) for index, wan in enumerate(profile.wans)), Plan())


def _plan_one(wan: Wan, index: int) -> Plan:
    path, file = f"wans.{wan.name}", f"10-{wan.name}.network"
    metric = 100 * (index + 1)
    network = (
        Setting(file, "Match", "Name", wan.name, path),
        # the LANs must not wait for the world outside
        Setting(file, "Link", "RequiredForOnline", "no", path),
        *(_static(file, path, wan, metric) if wan.address else _dhcp(file, path, wan, metric)),
        *nic.quiet(file, path),
    )
    text = f"{wan.name} has its address {wan.address}" if wan.address else f"{wan.name} gets an address by DHCP"
    claim = Claim(f"{path}.address", f"{path}.ipv4", text, WanAddress(wan.name))
    return Plan(network=network, elements=(Element("wans", f'"{wan.name}"', path),), claims=(claim,))


def _dhcp(file: str, path: str, wan: Wan, metric: int) -> tuple[Setting, ...]:
    client = [
        # a DUID hangs on the machine id, which is new when the state volume is lost; by its MAC address
        # a provider's reservation finds the gateway every time
        ("ClientIdentifier", "mac"),
        ("RouteMetric", str(metric)),
        ("UseHostname", "no"),
        ("UseDomains", "no"),
        ("UseTimezone", "no"),
    ]
    if wan.dns:
        client.append(("UseDNS", "no"))
    return (
        Setting(file, "Network", "DHCP", "ipv4", f"{path}.ipv4"),
        *_dns(file, path, wan),
        *settings(file, "DHCPv4", f"{path}.ipv4", client),
    )


def _static(file: str, path: str, wan: Wan, metric: int) -> tuple[Setting, ...]:
    return (
        Setting(file, "Network", "Address", str(wan.address), f"{path}.ipv4.address"),
        *_dns(file, path, wan),
        Setting(file, "Route", "Gateway", str(wan.gateway), f"{path}.ipv4.gateway"),
        Setting(file, "Route", "Metric", str(metric), path),
    )


def _dns(file: str, path: str, wan: Wan) -> tuple[Setting, ...]:
    return tuple(Setting(file, "Network", "DNS", str(server), f"{path}.dns") for server in wan.dns)
