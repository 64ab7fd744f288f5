"""IPv6: where a WAN has it from, what a LAN gets of it, and what router advertisements say.

Off on every network that does not ask for it; never masqueraded. The firewall's part is in firewall6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from ipaddress import IPv6Interface

from gwimage.claims import ipv6 as ipv6_claims
from gwimage.plan import Plan, Setting, settings
from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile
from gwimage.profile.ipv6 import Inside, Ipv6, Outside
from gwimage.profile.wans import DhcpAddress, Wan
from gwimage.values import ipv6 as inet6

OUTSIDE, INSIDE = (32, 128), (64, 64)  # prefix lengths; clients make their own addresses in a /64 only (RFC 4862)


def check(profile: Profile) -> list[Problem]:
    problems = []
    for name, outside in profile.ipv6.wans.items():
        problems += _check_outside(("wans", name, "ipv6"), outside)
    for name, inside in profile.ipv6.lans.items():
        problems += _check_inside(("lans", name, "ipv6"), inside, profile.ipv6)
    return problems + _check_subnets(profile) + _check_overlaps(profile)


def _check_outside(path: Path, outside: Outside) -> list[Problem]:
    address, gateway = outside.address, outside.gateway
    if not address:
        return []
    if wrong := inet6.check_host((*path, "address"), address, *OUTSIDE):
        return wrong
    problems = []
    if inet6.local(address):
        hint = "right only if the router there translates, or is your own"
        message = f"{address.ip} is a unique local address: nothing on the internet answers it"
        problems.append(Problem((*path, "address"), message, hint, "warning"))
    if gateway == address.ip:
        hint = "give the address of the provider's router"
        problems.append(Problem((*path, "gateway"), f"{gateway} is this gateway's own address", hint))
    elif gateway not in address.network and gateway not in inet6.LINK_LOCAL:
        hint = "a provider's router is often fe80::1"
        message = f"{gateway} is neither in {address.network} nor a link-local address"
        problems.append(Problem((*path, "gateway"), message, hint))
    return problems


def _check_inside(path: Path, inside: Inside, ipv6: Ipv6) -> list[Problem]:
    problems = _check_delegated(path, inside, ipv6)
    if not inside.address:
        return problems
    path = (*path, "address")
    if wrong := inet6.check_host(path, inside.address, *INSIDE):
        return problems + wrong
    if not inet6.local(inside.address) and not ipv6.wans:
        hint = "give a WAN ipv6, or use addresses that begin with fd"
        message = f"no WAN has IPv6: from {inside.address.network} nobody reaches the internet"
        problems.append(Problem(path, message, hint, "warning"))
    return problems


def _check_delegated(path: Path, inside: Inside, ipv6: Ipv6) -> list[Problem]:
    if not inside.delegated:
        if not inside.address:
            hint = "write ipv6: delegated"
            return [Problem(path, "neither a delegated prefix nor an address", hint, on_key=True)]
        if inside.subnet is not None:
            message = "without a delegated prefix there is nothing to choose from"
            return [Problem((*path, "subnet"), message, "add delegated: true")]
        return []
    if not ipv6.uplink:
        hint = "add ipv6: auto to the WAN that has it, or give an address of your own here"
        return [Problem(path, "no WAN has ipv6: auto, so nobody delegates a prefix", hint, on_key=True)]
    if ipv6.uplink != (first := next(iter(ipv6.wans))):
        message = f"what {ipv6.uplink} delegates would leave by {first}, the first WAN with IPv6, and be lost there"
        hint = f"put {ipv6.uplink} first, or use a fixed subnet that belongs to {first}"
        return [Problem(path, message, hint, on_key=True)]
    return []


def _check_subnets(profile: Profile) -> list[Problem]:
    problems, seen = [], {}
    for name, inside in profile.ipv6.lans.items():
        if inside.delegated and (first := seen.setdefault(inside.subnet, name)) != name:
            message = f"subnet {inside.subnet} is already that of lans.{first}"
            hint = "leave it out to get the lowest free number"
            problems.append(Problem(("lans", name, "ipv6", "subnet"), message, hint))
    return problems


def _check_overlaps(profile: Profile) -> list[Problem]:
    problems, seen = [], []
    for path, address in _sane(profile):
        for other_path, other in seen:
            # a provider may route a whole /64 to the gateway, whose own address outside is one of it
            single = 128 in (address.network.prefixlen, other.network.prefixlen) and address.ip != other.ip
            if address.network.overlaps(other.network) and not single:
                message = f"the subnet {address.network} overlaps {other.network} of {dotted(other_path)}"
                hint = "each network needs a subnet of its own"
                problems.append(Problem((*path, "ipv6", "address"), message, hint))
        seen.append((path, address))
    return problems


def _sane(profile: Profile) -> Iterator[tuple[Path, IPv6Interface]]:
    for kind, networks, lengths in (("wans", profile.ipv6.wans, OUTSIDE), ("lans", profile.ipv6.lans, INSIDE)):
        for name, network in networks.items():
            if network.address and not inet6.check_host((), network.address, *lengths):
                yield (kind, name), network.address


def plan(profile: Profile) -> Plan:
    ipv6 = profile.ipv6
    parts = []
    for index, wan in enumerate(profile.wans):
        if outside := ipv6.wans.get(wan.name):
            parts.append(_plan_outside(wan, outside, str(100 * (index + 1)), ipv6.uplink))
    parts += [_plan_inside(name, inside, ipv6) for name, inside in ipv6.lans.items()]
    return sum(parts, Plan(claims=tuple(ipv6_claims.given(profile))))


def _plan_outside(wan: Wan, outside: Outside, metric: str, uplink: str | None) -> Plan:
    path, file = f"wans.{wan.name}.ipv6", f"10-{wan.name}.network"
    network = settings(file, "Network", path, [("LinkLocalAddressing", "ipv6")])
    if outside.address:
        return Plan(network=network + _fixed(file, path, outside, metric))
    return Plan(network=network + _client(file, path, wan, metric, wan.name == uplink))


def _fixed(file: str, path: str, outside: Outside, metric: str) -> tuple[Setting, ...]:
    return (
        Setting(file, "Network", "IPv6AcceptRA", "no", path),
        Setting(file, "Network", "Address", str(outside.address), f"{path}.address"),
        Setting(file, "Route", "Gateway", str(outside.gateway), f"{path}.gateway", instance="ipv6"),
        Setting(file, "Route", "Metric", metric, path, instance="ipv6"),
    )


def _client(file: str, path: str, wan: Wan, metric: str, uplink: bool) -> tuple[Setting, ...]:
    """Router advertisements and DHCPv6; a prefix is asked for on the uplink only."""
    network, heard = [("IPv6AcceptRA", "yes")], [("RouteMetric", metric)]
    client = [
        # by what a provider knows the gateway: the card and the name of the WAN, so that a prefix outlives a lost state
        # volume (a machine id makes the usual DUID) and another machine type (PCI paths make the usual IAID)
        ("DUIDType", "link-layer"),
        ("IAID", str(zlib.crc32(wan.name.encode()))),
        # and a reboot: many providers give another prefix to who gave the last one back
        ("SendRelease", "no"),
        ("UseHostname", "no"),
    ]
    # many providers delegate without saying so (the M flag) in their advertisements
    client.append(("WithoutRA", "solicit") if uplink else ("UseDelegatedPrefix", "no"))
    if uplink and not isinstance(wan.ipv4, DhcpAddress):
        network.append(("DHCP", "ipv6"))  # with IPv4 by DHCP as well it is DHCP=yes, which the WAN writes
    if wan.dns:
        heard.append(("UseDNS", "no"))
        client.append(("UseDNS", "no"))
    sections = (("Network", network), ("IPv6AcceptRA", heard), ("DHCPv6", client))
    return tuple(setting for section, values in sections for setting in settings(file, section, path, values))


def _plan_inside(name: str, inside: Inside, ipv6: Ipv6) -> Plan:
    path, file = f"lans.{name}.ipv6", f"20-{name}.network"
    basis = (("LinkLocalAddressing", "ipv6"), ("IPv6AcceptRA", "no"), ("IPv6SendRA", "yes"))
    plan = Plan(network=settings(file, "Network", path, basis) + _advertised(file, path, inside, ipv6))
    if inside.delegated:
        plan += Plan(network=_delegated(file, path, inside, ipv6.uplink))
    return plan + _own(file, f"{path}.address", inside.address) if inside.address else plan


def _advertised(file: str, path: str, inside: Inside, ipv6: Ipv6) -> tuple[Setting, ...]:
    """What router advertisements say besides prefixes. What is not written is copied from the uplink of the moment."""
    # resolved cannot listen on a link-local address, and a delegated one is not known beforehand
    dns = ("DNS", str(inside.address.ip)) if inside.address else ("EmitDNS", "no")
    said = settings(file, "IPv6SendRA", path, [dns, ("EmitDomains", "no")])
    if ipv6.leaves(inside):
        return said
    # no default router then, but still the way to the site's other networks (RFC 7084 L-3)
    site = str(inside.address.network.supernet(new_prefix=48))
    said += (Setting(file, "IPv6SendRA", "RouterLifetimeSec", "0", path),)
    return (*said, Setting(file, "IPv6RoutePrefix", "Route", site, path))


def _delegated(file: str, path: str, inside: Inside, uplink: str) -> tuple[Setting, ...]:
    return (
        Setting(file, "Network", "DHCPPrefixDelegation", "yes", path),
        Setting(file, "DHCPPrefixDelegation", "UplinkInterface", uplink, f"wans.{uplink}.ipv6"),
        Setting(file, "DHCPPrefixDelegation", "SubnetId", f"{inside.subnet:x}", f"{path}.subnet"),
        Setting(file, "DHCPPrefixDelegation", "Token", "static:::1", path),
    )


def _own(file: str, path: str, address: IPv6Interface) -> Plan:
    """A fixed address, its subnet announced, and DNS there."""
    return Plan(
        network=(
            Setting(file, "Network", "Address", str(address), path),
            Setting(file, "IPv6Prefix", "Prefix", str(address.network), path),
        ),
        resolved=(Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(address.ip), path),),
    )
