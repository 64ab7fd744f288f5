"""DNS: upstream servers, the local domain, and local names.

systemd-resolved answers from /etc/hosts first; names there are never forwarded upstream and need no DNSSEC signature.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gwimage.claims import prerequisites
from gwimage.claims.claim import Claim, NotTestable
from gwimage.claims.claim_services import DnsQuery as Resolves
from gwimage.claims.claim_services import GatewayResolver, LocalName, ReverseNames
from gwimage.plan import Plan, Setting, file_of, settings
from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile, simulated_servers, subnets, zones
from gwimage.profile.dns import Address, Dns
from gwimage.profile.wans import DhcpAddress
from gwimage.values import domain_names, host_address

PUBLIC_RESOLVERS = "9.9.9.9 1.1.1.1"
MODES = {"never": "no", "always": "yes"}  # other values are resolved's own


@dataclass(frozen=True)
class Host:
    """Local name of the gateway; lan: a network from which it can be queried."""

    path: Path
    name: str
    addresses: tuple[Address, ...]
    lan: str


def _known(profile: Profile) -> Iterator[Host]:
    """All local names, each once: the gateway itself, reservations, dns.hosts."""
    first = profile.lans[0].name
    inside = (address.ip for lan in profile.lans for address in subnets.addresses(lan))
    yield Host(("system", "hostname"), profile.system.hostname, tuple(inside), first)
    for lan, members in profile.reservations.items():
        for one in members:
            yield Host(("lans", lan, "dhcp", "reservations", one.name), one.name, (one.address,), lan)
    for name, addresses in profile.dns.hosts.items():
        yield Host(("dns", "hosts", name), name, addresses, first)


def _full(name: str, profile: Profile) -> str:
    return name if "." in name else f"{name}.{profile.dns.domain}"


def check(profile: Profile) -> list[Problem]:
    problems = domain_names.check_domain(("dns", "domain"), profile.dns.domain)
    return problems + _check_upstreams(profile) + _check_names(profile) + _check_hosts(profile)


def _check_upstreams(profile: Profile) -> list[Problem]:
    dns, problems, networks6 = profile.dns, [], (*profile.ipv6.wans.values(), *profile.ipv6.lans.values())
    own = {*zones.of(profile).own, *(net.address.ip for net in networks6 if net.address)}
    for index, upstream in enumerate(dns.upstreams):
        place, ip = ("dns", "upstreams", index), upstream.address
        if reason := host_address.why_unusable(ip):
            problems.append(Problem(place, reason, "give the address of a DNS server"))
        elif ip in own:
            problems.append(Problem(place, f"{ip} is the gateway itself: it would ask itself", "name another server"))
        elif ip.version == 4 and (lan := subnets.leased(profile, ip)):
            message = f"{ip} is in the pool of {lan}: any machine may get it"
            problems.append(Problem(place, message, "make it a reservation", "warning"))
        elif dns.tls == "always" and not upstream.name:
            message = f"with tls: always the certificate of {ip} must name this address"
            problems.append(Problem(place, message, f"write {ip}#NAME with the server's name", "warning"))
    given = "the servers that a WAN gives"
    if dns.tls == "always" and not dns.upstreams:
        hint = "name servers that do: upstreams: [9.9.9.9#dns.quad9.net]"
        problems.append(Problem(("dns", "tls"), f"{given} seldom speak TLS, and nobody knows their names", hint))
    if dns.dnssec == "always" and not dns.upstreams and not all(wan.dns for wan in profile.wans):
        message = f"{given} may not deliver signatures, and then no name outside can be resolved"
        problems.append(Problem(("dns", "dnssec"), message, "name upstreams, or write allow-downgrade", "warning"))
    for wan in profile.wans if dns.upstreams else ():
        if wan.dns:
            message = "these are never asked: dns.upstreams takes their place"
            problems.append(Problem(("wans", wan.name, "dns"), message, "remove one of the two", on_key=True))
    return problems


def _check_names(profile: Profile) -> list[Problem]:
    """Problems of local names: duplicates over all networks, and reserved names."""
    problems, seen = [], {}
    for host in _known(profile):
        full = _full(host.name, profile)
        if full in seen:
            message = f"the name {host.name[:40]!r} is already {seen[full]}"
            problems.append(Problem(host.path, message, "give each machine a name of its own", on_key=True))
        elif len(full) > 253:
            message = f"with its domain this name has {len(full)} characters; 253 are possible"
            problems.append(Problem(host.path, message, "choose a shorter one", on_key=True))
        seen.setdefault(full, dotted(host.path) if host.path[0] != "system" else "the gateway's own")
        problems += (
            domain_names.check(host.path, host.name, "choose another name", on_key=True) if host.path[0] != "system" else []
        )
    return problems


def _check_hosts(profile: Profile) -> list[Problem]:
    pools = [(int(dhcp.first), int(dhcp.last), lan) for lan, dhcp in profile.dhcp.items()]
    reserved = {one.address for members in profile.reservations.values() for one in members}
    problems = []
    for name, addresses in profile.dns.hosts.items():
        for index, ip in enumerate(addresses):
            place = ("dns", "hosts", name, index)
            if reason := host_address.why_unusable(ip):
                problems.append(Problem(place, reason, f"give the address of {name[:40]}"))
            elif ip.version == 4 and ip not in reserved:
                lans = [lan for first, last, lan in pools if first <= int(ip) <= last]
                message, hint = f"{ip} is in the pool of {''.join(lans[:1])}: any machine may get it", "make it a reservation"
                problems += [Problem(place, message, hint, "warning")] if lans else []
    return problems


def plan(profile: Profile) -> Plan:
    given = _given(profile) if profile.dns.upstreams else ()
    return Plan(
        network=tuple(Setting(file, section, "UseDNS", "no", "dns.upstreams") for file, section in given),
        resolved=_settings(profile.dns),
        files=(("etc/hosts", file_of(_hosts(profile))),),
        # certificates are validated against Debian's CA bundle
        packages=("systemd-resolved", *(("ca-certificates",) if profile.dns.tls == "always" else ())),
        claims=(*_claims_outside(profile), *_claims_own(profile), *_claims_inside(profile), *_claims_reverse(profile)),
    )


def _given(profile: Profile) -> Iterator[tuple[str, str]]:
    """Files and sections by which a WAN could supply DNS servers."""
    for wan in profile.wans:
        file = f"10-{wan.name}.network"
        if isinstance(wan.ipv4, DhcpAddress):
            yield file, "DHCPv4"
        if (outside := profile.ipv6.wans.get(wan.name)) and outside.address is None:
            yield from ((file, "IPv6AcceptRA"), (file, "DHCPv6"))


def _settings(dns: Dns) -> tuple[Setting, ...]:
    """resolved settings, for the gateway and all inside networks."""
    upstreams = [("DNS", f"{one.address}#{one.name}" if one.name else str(one.address)) for one in dns.upstreams]
    usual = [("LLMNR", "no"), ("MulticastDNS", "no")]
    tls = [("DNSOverTLS", MODES.get(dns.tls, dns.tls))] if dns.tls != "never" else []
    return (
        *settings("resolved.conf", "Resolve", "dns.upstreams", upstreams),
        # route all names to these servers; otherwise a WAN whose lease has no DNS server would resolve nothing
        *settings("resolved.conf", "Resolve", "dns.upstreams", [("Domains", "~.")] if upstreams else []),
        *settings("resolved.conf", "Resolve", "dns", [("FallbackDNS", PUBLIC_RESOLVERS)] if not upstreams else []),
        *settings("resolved.conf", "Resolve", "dns", usual),
        *settings("resolved.conf", "Resolve", "dns.dnssec", [("DNSSEC", MODES.get(dns.dnssec, dns.dnssec))]),
        *settings("resolved.conf", "Resolve", "dns.tls", tls),
    )


def _hosts(profile: Profile) -> Iterator[tuple[str, str]]:
    """Lines of /etc/hosts with their causes; reverse lookups return the first name of a line."""
    yield "127.0.0.1 localhost", ""
    yield "::1 localhost", ""
    for host in _known(profile):
        full = _full(host.name, profile)
        for address in host.addresses:
            # without these lines, resolved maps the gateway's name to all of its addresses, including the WAN's
            yield f"{address} {full}" + (f" {host.name}" if full != host.name else ""), dotted(host.path)


def _claims_outside(profile: Profile) -> Iterator[Claim]:
    first, why = profile.wans[0].name, _not_shown(profile)
    for lan in profile.lans:
        path, text = f"lans.{lan.name}", f"a client on {lan.name} resolves names through {lan.address.ip}"
        probe = NotTestable(why) if why else Resolves(lan.name)
        yield Claim(f"{path}.dns", path, text, probe, () if why else prerequisites.of(profile, lan.name, first))
    lan = profile.lans[0].name
    for path, server in _servers(profile) if not why else ():
        if simulated_servers.answers(server, profile):
            text = f"a client on {lan} resolves names while of all DNS servers only {server} answers"
            yield Claim(f"{path}.asked", path, text, Resolves(lan, server), (f"lans.{lan}.dns",))


def _claims_own(profile: Profile) -> Iterator[Claim]:
    """Claims of the gateway's own resolver: NTP servers and VPN endpoints may be names."""
    if not _not_shown(profile):
        text = "the gateway itself resolves names"
        yield Claim("system.names", "dns", text, GatewayResolver(), prerequisites.of(profile, profile.wans[0].name))


def _servers(profile: Profile) -> Iterator[tuple[str, Address]]:
    """Servers in the profile, each with its path."""
    yield from ((f"dns.upstreams.{index}", one.address) for index, one in enumerate(profile.dns.upstreams))
    for wan in profile.wans if not profile.dns.upstreams else ():
        yield from ((f"wans.{wan.name}.dns.{index}", server) for index, server in enumerate(wan.dns))


def _not_shown(profile: Profile) -> str:
    """Why the lab cannot test outside names; empty if it can."""
    dns, upstreams = profile.dns, [one.address for one in profile.dns.upstreams]
    if dns.tls == "always":
        return "the lab's DNS servers have no certificate that anybody would believe"
    if simulated_servers.in_vpn(profile):
        return "a DNS server in a VPN answers only while its tunnel is up"
    there = not upstreams or any(simulated_servers.answers(one, profile) for one in upstreams)
    return "" if there else "the lab's DNS servers outside have no IPv6"


def _claims_inside(profile: Profile) -> Iterator[Claim]:
    for host in _known(profile):
        name, path = _full(host.name, profile), dotted(host.path)
        probe = LocalName(host.lan, name, host.addresses)
        yield Claim(
            f"{path}.name",
            path,
            f"a client on {host.lan} resolves {name}",
            probe,
            prerequisites.of(profile, host.lan),
        )


def _claims_reverse(profile: Profile) -> Iterator[Claim]:
    reserved = [one for members in profile.reservations.values() for one in members]
    for lan in profile.lans:
        own = ((lan.address.ip, profile.system.hostname), *((one.address, one.name) for one in reserved))
        more = f" and {len(reserved)} reserved address{'es' if reserved[1:] else ''}" if reserved else ""
        text = f"a client on {lan.name} resolves {lan.address.ip}{more} backwards"
        probe = ReverseNames(lan.name, tuple((address, _full(name, profile)) for address, name in own))
        yield Claim(f"lans.{lan.name}.reverse", f"lans.{lan.name}", text, probe, prerequisites.of(profile, lan.name))
