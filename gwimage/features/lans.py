"""Networks inside: the gateway's address, masquerade, DNS for the clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from gwimage import link, nic, opening, subnets
from gwimage.claim import Claim, Ping, Source, Unreachable
from gwimage.link import Link
from gwimage.plan import Element, Plan, Rule, Setting, any_of, settings
from gwimage.problem import Path, Problem

if TYPE_CHECKING:
    from gwimage.profile import Profile

MOST_OTHERS = 16  # subnets of one LAN that are asked about besides the main one: a lab takes its time


@dataclass(frozen=True)
class Lan:
    name: str
    link: Link
    address: IPv4Interface
    extra_addresses: tuple[IPv4Interface, ...] = ()
    masquerade: bool = True
    internet: bool = True


def parse(data: dict) -> tuple[Lan, ...]:
    return tuple(_parse_one(name, lan) for name, lan in data["lans"].items())


def _parse_one(name: str, data: dict) -> Lan:
    return Lan(
        name,
        link.parse(data),
        IPv4Interface(data["address"]),
        tuple(map(IPv4Interface, data.get("extra_addresses", ()))),
        masquerade=data.get("masquerade", True),
        internet=data.get("internet", True),
    )


def check(profile: Profile) -> list[Problem]:
    wans = {wan.name for wan in profile.wans}
    problems = subnets.check_overlaps(profile)
    for lan in profile.lans:
        path = ("lans", lan.name)
        problems += nic.check_name(path, lan.name)
        if lan.name in wans:
            hint = "the name is the interface's: give each network its own"
            problems.append(Problem(path, f"a WAN is called {lan.name!r} too", hint, on_key=True))
        problems += nic.check_host((*path, "address"), lan.address)
        problems += _check_private((*path, "address"), lan)
        for index, address in enumerate(lan.extra_addresses):
            problems += nic.check_host((*path, "extra_addresses", index), address)
    return problems


def _check_private(path: Path, lan: Lan) -> list[Problem]:
    """A public subnet that is hidden is hardly one's own: 192.169.1.0/24 and 172.32.0.0/16 are slips of the pen."""
    if not (lan.masquerade and nic.sane(lan.address) and not nic.is_private(lan.address.ip)):
        return []
    message = f"{lan.address.network} belongs to somebody on the internet, whom nobody here could reach"
    hint = "take one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16; if it is yours, it needs no masquerade"
    return [Problem(path, message, hint, "warning")]


def plan(profile: Profile) -> Plan:
    # forwarding is set here and nowhere else: IPMasquerade= alone sets it only where it is on
    forwarding = [("IPv4Forwarding", "yes"), ("IPv6Forwarding", "yes" if profile.ipv6.lans else "no")]
    every = Plan(network=settings("networkd.conf", "Network", "lans", forwarding))
    routed = subnets.behind(profile)
    parts = (_plan_one(lan, profile, routed.get(lan.name, ())) + _claims(lan, profile) for lan in profile.lans)
    return sum(parts, every)


def _plan_one(lan: Lan, profile: Profile, routed: Iterable[IPv4Network]) -> Plan:
    path, file, zone = f"lans.{lan.name}", f"20-{lan.name}.network", f'"{lan.name}"'
    network = [
        Setting(file, "Match", "Name", lan.name, path),
        Setting(file, "Link", "RequiredForOnline", "no", path),
        Setting(file, "Network", "Address", str(lan.address), f"{path}.address"),
        *(Setting(file, "Network", "Address", str(extra), f"{path}.extra_addresses") for extra in lan.extra_addresses),
        # addresses and DNS are there before the first client is, and stay when the last one goes
        Setting(file, "Network", "ConfigureWithoutCarrier", "yes", path),
    ]
    if lan.masquerade:
        network.append(Setting(file, "Network", "IPMasquerade", "ipv4", f"{path}.masquerade"))
    network += nic.quiet(file, path, lan.name in profile.ipv6.lans)
    elements = [
        Element("lans", zone, path),
        Element("gateway_open", f"{zone} . udp . 53", path),
        Element("gateway_open", f"{zone} . tcp . 53", path),
    ]
    spoofed = f"iifname {zone} ip saddr != {any_of(subnets.apart((*subnets.connected(lan), *routed)))} counter drop"
    rules = (Rule("prerouting.spoof", spoofed, f"{path}.address"),)
    return Plan(network=tuple(network), rules=rules, elements=tuple(elements)) + _addresses(lan, path)


def _addresses(lan: Lan, path: str) -> Plan:
    """What each address of the gateway on this network is good for."""
    resolved, nets, own = [], {}, []
    for index, address in enumerate(subnets.addresses(lan)):
        place = f"{path}.extra_addresses" if index else f"{path}.address"
        resolved.append(Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(address.ip), place))
        nets.setdefault(address.network, Element("inside", str(address.network), place))
        own.append(Element("own", str(address.ip), place))
    return Plan(resolved=tuple(resolved), elements=(*nets.values(), *own))


def _claims(lan: Lan, profile: Profile) -> Plan:
    path, client = f"lans.{lan.name}", f"a client on {lan.name}"
    first = profile.wans[0]  # its default route wins
    needs = (f"{path}.dhcp.lease",) if lan.name in profile.dhcp else ()
    claims = [Claim(f"{path}.ping", f"{path}.address", f"{client} pings the gateway", Ping(lan.name), needs)]
    needs = (*needs, f"wans.{first.name}.address")
    if not lan.internet:
        text, probe = f"{client} does not reach a server outside", Unreachable(f"client-{lan.name}", first.name)
        if not opening.answers(profile.allow, lan.name, first.name):
            claims.append(Claim(f"{path}.internet", f"{path}.internet", text, probe, needs, closed=True))
        return Plan(claims=tuple(claims))
    seen = "hidden behind the WAN's address" if lan.masquerade else "seen with its own address"
    if lan.masquerade and first.snat:
        seen = f"hidden behind {first.snat}"
    source = Source(lan.name, lan.masquerade, first.snat if lan.masquerade else None)
    text = f"{client} reaches a server outside, {seen}"
    claims.append(Claim(f"{path}.source", f"{path}.masquerade", text, source, needs, closed=lan.masquerade))
    for net, cause in _others(lan, profile)[:MOST_OTHERS]:
        text, probe = f"a host in {net} reaches a server outside, {seen}", replace(source, host=_host(net, lan))
        claims.append(Claim(f"{path}.source.{net}", cause, text, probe, needs, closed=lan.masquerade))
    return Plan(claims=tuple(claims))


def _others(lan: Lan, profile: Profile) -> list[tuple[IPv4Network, str]]:
    """Subnets besides the main one, with what caused them."""
    found = [(net, f"lans.{lan.name}.extra_addresses") for net in subnets.connected(lan)[1:]]
    return found + [(net, f"routes.{index}.to") for net, index in subnets.behind(profile).get(lan.name, {}).items()]


def _host(net: IPv4Network, lan: Lan) -> IPv4Address:
    """An address there that is not the gateway's."""
    own, first = {address.ip for address in subnets.addresses(lan)}, net.prefixlen < 31
    return next(ip for ip in (net[number] for number in range(first, first + len(own) + 1)) if ip not in own)
