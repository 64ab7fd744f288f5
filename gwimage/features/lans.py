"""LANs: the gateway's address, masquerade, DNS for clients."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from gwimage.claims import openings, prerequisites, public_only
from gwimage.claims.claim import Claim
from gwimage.claims.claim_firewall import Unreachable
from gwimage.claims.claim_nat import SourceAddress
from gwimage.claims.claim_services import Ping
from gwimage.claims.claim_traffic import Mtu
from gwimage.plan import Element, Plan, Rule, Setting, any_of, links, settings
from gwimage.problem import Path, Problem
from gwimage.profile import Profile, subnets
from gwimage.profile.lans import Lan, for_guests
from gwimage.profile.link import USUAL_MTU
from gwimage.profile.wans import DhcpAddress, Wan
from gwimage.values import host_address, lab_host, nic

MOST_OTHERS = 16  # further subnets of one LAN that are tested; limits the run time of the lab


def check(profile: Profile) -> list[Problem]:
    wans = {wan.name for wan in profile.wans}
    problems = subnets.check_overlaps(profile)
    for lan in profile.lans:
        path = ("lans", lan.name)
        problems += nic.check_name(path, lan.name)
        if lan.name in wans:
            hint = "the name is the interface's: give each network its own"
            problems.append(Problem(path, f"a WAN is called {lan.name!r} too", hint, on_key=True))
        problems += _check_guests(path, lan, profile)
        problems += _check_address((*path, "address"), lan.address, profile)
        problems += _check_private((*path, "address"), lan)
        for index, address in enumerate(lan.extra_addresses):
            problems += _check_address((*path, "extra_addresses", index), address, profile)
    return problems


def _check_address(path: Path, address: IPv4Interface, profile: Profile) -> list[Problem]:
    return host_address.check_host(path, address) or subnets.check_home_router(path, address.network, profile)


def _check_guests(path: Path, lan: Lan, profile: Profile) -> list[Problem]:
    """Note on guests who reach what is private outside, behind a WAN that is, or may be, in a home router's network."""
    near = [wan.name for wan in profile.wans if isinstance(wan.ipv4, DhcpAddress) or subnets.is_private(wan)]
    if not (near and lan.internet and not lan.public_only and for_guests(lan.name)):
        return []
    message = f"{lan.name} also reaches private addresses outside, such as the network of a home router behind {near[0]}"
    return [Problem(path, message, "internet: public lets it reach public ones only", "note", on_key=True)]


def _check_private(path: Path, lan: Lan) -> list[Problem]:
    """Warning about a masqueraded public subnet: likely a typo, such as 192.169.1.0/24 or 172.32.0.0/16."""
    if not (lan.masquerade and host_address.is_valid(lan.address) and not host_address.is_private(lan.address.ip)):
        return []
    message = f"{lan.address.network} belongs to somebody on the internet, whom nobody here could reach"
    hint = "take one of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16; if it is yours, it needs no masquerade"
    return [Problem(path, message, hint, "warning")]


def plan(profile: Profile) -> Plan:
    # forwarding is set only here: IPMasquerade= alone enables it only on its own interfaces
    forwarding = [("IPv4Forwarding", "yes"), ("IPv6Forwarding", "yes" if profile.ipv6.lans else "no")]
    every = Plan(network=settings("networkd.conf", "Network", "lans", forwarding))
    routed = subnets.routed(profile)
    parts = (_plan_one(lan, profile, routed.get(lan.name, ())) + _claims(lan, profile) for lan in profile.lans)
    return sum(parts, every)


def _plan_one(lan: Lan, profile: Profile, routed: Iterable[IPv4Network]) -> Plan:
    path, file, zone = f"lans.{lan.name}", f"20-{lan.name}.network", f'"{lan.name}"'
    network = [
        Setting(file, "Match", "Name", lan.name, path),
        Setting(file, "Link", "RequiredForOnline", "no", path),
        Setting(file, "Network", "Address", str(lan.address), f"{path}.address"),
        *(Setting(file, "Network", "Address", str(extra), f"{path}.extra_addresses") for extra in lan.extra_addresses),
        # addresses and DNS are up without carrier: before the first client, and after the last
        Setting(file, "Network", "ConfigureWithoutCarrier", "yes", path),
    ]
    if lan.masquerade:
        network.append(Setting(file, "Network", "IPMasquerade", "ipv4", f"{path}.masquerade"))
    network += links.no_discovery(file, path, lan.name in profile.ipv6.lans)
    elements = [
        Element("lans", zone, path),
        Element("gateway_open", f"{zone} . udp . 53", path),
        Element("gateway_open", f"{zone} . tcp . 53", path),
    ]
    spoofed = f"iifname {zone} ip saddr != {any_of(subnets.collapse((*subnets.connected(lan), *routed)))} counter drop"
    rules = (Rule("spoof.sources", spoofed, f"{path}.address"),)
    return Plan(network=tuple(network), rules=rules, elements=tuple(elements)) + _addresses(lan, path)


def _addresses(lan: Lan, path: str) -> Plan:
    """Settings of each address of the gateway on this LAN."""
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
    if (lan.link.mtu or USUAL_MTU) < USUAL_MTU:
        text, mtu = f"the gateway sends packets of {lan.link.mtu} bytes at most to {lan.name}", Mtu(lan.name, "", lan.link.mtu)
        claims.append(Claim(f"{path}.mtu", f"{path}.mtu", text, mtu, needs))
    reached = [first, *(wan for wan in profile.wans[1:] if subnets.has_free_host(wan))]
    if not lan.internet:
        found = (_no_internet(lan, wan, wan is first, profile) for wan in reached)
        return Plan(claims=(*claims, *filter(None, found)))
    ways = [_source(lan, wan, wan is first, profile) for wan in reached if wan is first or not public_only.shuts_off(lan, wan)]
    claims, source, seen = claims + ways, ways[0], _seen(lan, first)
    claims += public_only.claims(lan, profile) if lan.public_only else ()
    for net, cause in _others(lan, profile)[:MOST_OTHERS]:
        text, probe = f"a host in {net} reaches a server outside, {seen}", source.probe._replace(host=_host(net, lan))
        claims.append(Claim(f"{path}.source.{net}", cause, text, probe, source.needs, closed=lan.masquerade))
    return Plan(claims=tuple(claims))


def _no_internet(lan: Lan, wan: Wan, first: bool, profile: Profile) -> Claim | None:
    path, protocols = f"lans.{lan.name}", openings.closed(profile.allow, lan.name, wan.name)
    text = f"a client on {lan.name} does not reach {'a server outside' if first else f'a host on {wan.name}'}"
    text += "" if protocols == openings.ASKED else f" by {' or '.join(map(str.upper, protocols))}"
    probe = Unreachable(lab_host.client(lan.name), wan.name, protocols)
    name = f"{path}.internet" if first else f"{path}.internet.{wan.name}"
    needs = prerequisites.of(profile, lan.name, wan.name)
    return Claim(name, f"{path}.internet", text, probe, needs, closed=True) if protocols else None


def _source(lan: Lan, wan: Wan, first: bool, profile: Profile) -> Claim:
    """Claim of the source address towards the internet, or towards neighbours on a WAN other than the first."""
    path, where = f"lans.{lan.name}", "a server outside" if first else f"a host on {wan.name}"
    text = f"a client on {lan.name} reaches {where}, {_seen(lan, wan)}"
    probe = SourceAddress(lan.name, lan.masquerade, wan.snat if lan.masquerade else None, wan="" if first else wan.name)
    name = f"{path}.source" if first else f"{path}.source.{wan.name}"
    needs = prerequisites.of(profile, lan.name, wan.name)
    return Claim(name, f"{path}.masquerade", text, probe, needs, closed=lan.masquerade)


def _seen(lan: Lan, wan: Wan) -> str:
    if not lan.masquerade:
        return "seen with its own address"
    return f"hidden behind {wan.snat}" if wan.snat else "hidden behind the WAN's address"


def _others(lan: Lan, profile: Profile) -> list[tuple[IPv4Network, str]]:
    """Subnets besides the main one, with their profile paths."""
    found = [(net, f"lans.{lan.name}.extra_addresses") for net in subnets.connected(lan)[1:]]
    return found + [(net, f"routes.{index}.to") for net, index in subnets.routed(profile).get(lan.name, {}).items()]


def _host(net: IPv4Network, lan: Lan) -> IPv4Address:
    """Address in the subnet that is not the gateway's."""
    own, first = {address.ip for address in subnets.addresses(lan)}, net.prefixlen < 31
    return next(ip for ip in (net[number] for number in range(first, first + len(own) + 1)) if ip not in own)
