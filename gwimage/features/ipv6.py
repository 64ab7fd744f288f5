"""IPv6: WAN addressing, LAN subnets, router advertisements.

Off on every network that does not request it; never masqueraded. The firewall rules are in firewall_ipv6.
"""

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

HINTS = (64, 60, 56, 52, 48)  # prefix lengths, as providers delegate them
OUTSIDE, INSIDE = (32, 128), (64, 64)  # prefix lengths; SLAAC works in a /64 only (RFC 4862)


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
            # a provider may route a whole /64 to the gateway whose WAN address is part of it
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
            parts.append(_plan_outside(wan, outside, str(100 * (index + 1)), ipv6))
    parts += [_plan_inside(name, inside, ipv6) for name, inside in ipv6.lans.items()]
    return sum(parts, Plan(claims=tuple(ipv6_claims.given(profile))))


def _plan_outside(wan: Wan, outside: Outside, metric: str, ipv6: Ipv6) -> Plan:
    path, file = f"wans.{wan.name}.ipv6", f"10-{wan.name}.network"
    network = settings(file, "Network", path, [("LinkLocalAddressing", "ipv6")])
    if outside.address:
        return Plan(network=network + _fixed(file, path, outside, metric))
    hint = _hint(file, ipv6) if wan.name == ipv6.uplink else ()
    return Plan(network=network + _client(file, path, wan, metric, wan.name == ipv6.uplink) + hint)


def _hint(file: str, ipv6: Ipv6) -> tuple[Setting, ...]:
    """Asks for a prefix with room for the LAN of the highest number: many providers give a /64 to who does not ask for more.

    No more than that, since some refuse to give more than they have; and nothing for a single LAN, which might get less than without.
    """
    name, highest = max(((name, lan.subnet) for name, lan in ipv6.lans.items() if lan.delegated), key=lambda one: one[1])
    length = next(length for length in HINTS if highest < 1 << (64 - length))
    path = f"lans.{name}.ipv6.subnet"
    return (Setting(file, "DHCPv6", "PrefixDelegationHint", f"::/{length}", path),) if length < 64 else ()


def _fixed(file: str, path: str, outside: Outside, metric: str) -> tuple[Setting, ...]:
    return (
        Setting(file, "Network", "IPv6AcceptRA", "no", path),
        Setting(file, "Network", "Address", str(outside.address), f"{path}.address"),
        Setting(file, "Route", "Gateway", str(outside.gateway), f"{path}.gateway", instance="ipv6"),
        Setting(file, "Route", "Metric", metric, path, instance="ipv6"),
    )


def _client(file: str, path: str, wan: Wan, metric: str, uplink: bool) -> tuple[Setting, ...]:
    """Settings of router advertisements and DHCPv6; a prefix is requested on the uplink only."""
    network, heard = [("IPv6AcceptRA", "yes")], [("RouteMetric", metric)]
    client = [
        # DHCPv6 identity from the card and the name of the WAN, so that a prefix survives loss of the state volume
        # (the default DUID comes from the machine id) and a new machine type (the default IAID from PCI paths)
        ("DUIDType", "link-layer"),
        ("IAID", str(zlib.crc32(wan.name.encode()))),
        # and a reboot: many providers assign another prefix after a release
        ("SendRelease", "no"),
        ("UseHostname", "no"),
    ]
    # many providers delegate without setting the M flag in their advertisements
    client.append(("WithoutRA", "solicit") if uplink else ("UseDelegatedPrefix", "no"))
    if uplink and not isinstance(wan.ipv4, DhcpAddress):
        network.append(("DHCP", "ipv6"))  # if IPv4 uses DHCP too, wans.py writes DHCP=yes
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
    """Router advertisement settings besides prefixes; networkd copies unset ones from the current uplink."""
    # resolved cannot listen on a link-local address, and delegated ones are not known in advance
    dns = ("DNS", str(inside.address.ip)) if inside.address else ("EmitDNS", "no")
    said = settings(file, "IPv6SendRA", path, [dns, ("EmitDomains", "no")])
    if ipv6.leaves(inside):
        return said
    # not a default router, but still the route to the site's other networks (RFC 7084 L-3)
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
    """Fixed address of a LAN, its advertised prefix, and DNS on it."""
    return Plan(
        network=(
            Setting(file, "Network", "Address", str(address), path),
            Setting(file, "IPv6Prefix", "Prefix", str(address.network), path),
        ),
        resolved=(Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(address.ip), path),),
    )
