"""Networks inside: the gateway's address, masquerade, DNS for the clients."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from gwimage import link, nic
from gwimage.claim import Claim, Dns, Ping, Source
from gwimage.link import Link
from gwimage.plan import Element, Plan, Rule, Setting, settings
from gwimage.problem import Path, Problem, dotted

if TYPE_CHECKING:
    from gwimage.profile import Profile


@dataclass(frozen=True)
class Lan:
    name: str
    link: Link
    address: IPv4Interface
    masquerade: bool = True


def parse(data: dict) -> tuple[Lan, ...]:
    return tuple(_parse_one(name, lan) for name, lan in data["lans"].items())


def _parse_one(name: str, data: dict) -> Lan:
    return Lan(name, link.parse(data), IPv4Interface(data["address"]), data.get("masquerade", True))


def check(profile: Profile) -> list[Problem]:
    wans = {wan.name for wan in profile.wans}
    networks = [(("wans", wan.name), wan) for wan in profile.wans] + [(("lans", lan.name), lan) for lan in profile.lans]
    problems = _overlaps(networks)
    for lan in profile.lans:
        path = ("lans", lan.name)
        problems += nic.check_name(path, lan.name)
        if lan.name in wans:
            hint = "the name is the interface's: give each network its own"
            problems.append(Problem(path, f"a WAN is called {lan.name!r} too", hint, on_key=True))
        problems += nic.check_host((*path, "address"), lan.address)
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


def plan(profile: Profile) -> Plan:
    every = Plan(
        # forwarding is set here and nowhere else: IPMasquerade= alone sets it only where it is on
        network=settings("networkd.conf", "Network", "lans", [("IPv4Forwarding", "yes"), ("IPv6Forwarding", "no")]),
    )
    return sum((_plan_one(lan) + _claims(lan, profile) for lan in profile.lans), every)


def _plan_one(lan: Lan) -> Plan:
    path, file, zone = f"lans.{lan.name}", f"20-{lan.name}.network", f'"{lan.name}"'
    network = [
        Setting(file, "Match", "Name", lan.name, path),
        Setting(file, "Link", "RequiredForOnline", "no", path),
        Setting(file, "Network", "Address", str(lan.address), f"{path}.address"),
        # addresses and DNS are there before the first client is, and stay when the last one goes
        Setting(file, "Network", "ConfigureWithoutCarrier", "yes", path),
    ]
    if lan.masquerade:
        network.append(Setting(file, "Network", "IPMasquerade", "ipv4", f"{path}.masquerade"))
    network += nic.quiet(file, path)
    elements = [
        Element("lans", zone, path),
        Element("inside", str(lan.address.network), f"{path}.address"),
        Element("own", str(lan.address.ip), f"{path}.address"),
        Element("gateway_open", f"{zone} . udp . 53", path),
        Element("gateway_open", f"{zone} . tcp . 53", path),
    ]
    spoofed = f"iifname {zone} ip saddr != {lan.address.network} counter drop"
    rules = (Rule("prerouting.spoof", spoofed, f"{path}.address"),)
    listener = Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(lan.address.ip), f"{path}.address")
    return Plan(network=tuple(network), resolved=(listener,), rules=rules, elements=tuple(elements))


def _claims(lan: Lan, profile: Profile) -> Plan:
    path, client = f"lans.{lan.name}", f"a client on {lan.name}"
    uplink = f"wans.{profile.wans[0].name}.address"
    needs = (f"{path}.dhcp.lease",) if lan.name in profile.dhcp else ()
    claims = [Claim(f"{path}.ping", f"{path}.address", f"{client} pings the gateway", Ping(lan.name), needs)]
    text = f"{client} resolves names through {lan.address.ip}"
    claims.append(Claim(f"{path}.dns", path, text, Dns(lan.name), (*needs, uplink)))
    seen = "hidden behind the WAN's address" if lan.masquerade else "seen with its own address"
    source = Source(lan.name, lan.masquerade)
    text = f"{client} reaches a server outside, {seen}"
    claims.append(Claim(f"{path}.source", f"{path}.masquerade", text, source, (*needs, uplink), closed=lan.masquerade))
    return Plan(claims=tuple(claims))
