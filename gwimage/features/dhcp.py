"""DHCP server of a LAN: pool, lease time and options."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from gwimage.claims.claim import Claim
from gwimage.claims.claim_dhcp import ClientIds, DhcpOptions, Lease, Pool, Renewal, WrongSubnetRequest
from gwimage.plan import Element, Plan, Rule, Setting, settings
from gwimage.problem import Path, Problem, errors
from gwimage.profile import Profile, open_ports, second_connections, zones
from gwimage.profile.dhcp import ASKS_DNS, ASKS_NTP, ASKS_TFTP, Dhcp, Service
from gwimage.profile.lans import Lan
from gwimage.profile.zones import Zones
from gwimage.values import dhcp_formats, dhcp_options, dhcp_pool, domain_names, host_address
from gwimage.values.dhcp_options import DNS, DOMAIN, FILE, NTP, ROUTER, SEARCH

SHORTEST, LONGEST = 120, 30 * 86400
EMPTIED, ASKED = 64, 20  # verify exhausts a pool of up to EMPTIED free addresses, and takes ASKED from a larger one


def check(profile: Profile) -> list[Problem]:
    problems, known = [], zones.of(profile)
    for lan in profile.lans:
        if dhcp := profile.dhcp.get(lan.name):
            path = ("lans", lan.name, "dhcp")
            problems += _check_addresses(path, dhcp, lan, profile, known) if host_address.is_valid(lan.address) else []
            problems += _check_rest(path, dhcp, lan, profile)
            for place, server, service in _servers(path, dhcp):
                problems += _check_server(place, server, service, lan, profile, known)
            wrong = {problem.path for problem in problems}
            for place, server in _tftp_servers(path, dhcp):
                problems += _check_tftp(place, server, lan, profile, known) if place not in wrong else []
    return problems


def _check_rest(path: Path, dhcp: Dhcp, lan: Lan, profile: Profile) -> list[Problem]:
    problems = dhcp_options.check((*path, "options"), dhcp.options)
    problems += [] if errors(problems) else _check_default_route(path, dhcp)
    if not SHORTEST <= dhcp.lease_time <= LONGEST:
        problems.append(Problem((*path, "lease_time"), "a lease lasts from 2m to 30d", "1h to 24h is usual"))
    if dhcp.domain != profile.dns.domain:
        problems += domain_names.check_domain((*path, "domain"), dhcp.domain)
    if (size := dhcp_options.size(_told(lan, dhcp, profile))) > dhcp_options.ROOM:
        message = f"what clients are told takes {size} bytes, but an answer has room for {dhcp_options.ROOM}"
        hint = "shorten the domain, which is told twice, or the texts in options, or name fewer servers"
        problems.append(Problem(path, message, hint, on_key=True))
    return problems


def _check_default_route(path: Path, dhcp: Dhcp) -> list[Problem]:
    """Warnings for routes without the default one: clients that take them ignore the router (RFC 3442)."""
    problems = []
    for index, option in enumerate(dhcp.options):
        if (
            dhcp.router
            and option.code in dhcp_formats.ROUTES
            and all(net.prefixlen for net, _ in dhcp_formats.routes(option.value))
        ):
            message = f"clients that take option {option.code} ignore the router, and here is no default route"
            hint = f"add 00:{dhcp.router.packed.hex(':')} for 0.0.0.0/0 by {dhcp.router}, or write router: none"
            problems.append(Problem((*path, "options", index, "value"), message, hint, "warning"))
    return problems


def _servers(path: Path, dhcp: Dhcp) -> list[tuple[Path, IPv4Address, Service]]:
    """Every server that clients are told to ask, with its profile path."""
    found = [((*path, "dns", index), server, ASKS_DNS) for index, server in enumerate(dhcp.dns)]
    found += [((*path, "ntp", index), server, ASKS_NTP) for index, server in enumerate(dhcp.ntp)]
    if pxe := dhcp.pxe:
        found.append(((*path, "pxe", "server" if pxe.host == pxe.server else "file"), pxe.host, pxe.service))
    return found


def _tftp_servers(path: Path, dhcp: Dhcp) -> list[tuple[Path, IPv4Address]]:
    """Every TFTP server that clients are told of by address, with its profile path."""
    found = [(place, server) for place, server, service in _servers(path, dhcp) if service == ASKS_TFTP]
    for index, option in enumerate(dhcp.options):
        found += [((*path, "options", index, "value"), server) for server in dhcp_options.tftp_servers(option)]
    return found


def _check_tftp(path: Path, server: IPv4Address, lan: Lan, profile: Profile, known: Zones) -> list[Problem]:
    """A warning if requests to a TFTP server, or its answers to this LAN, would be dropped."""
    homes = [home] if (home := known.zone_of(server)) else known.wans
    ours = profile.dhcp[lan.name].router in (lan.address.ip, None)  # another router may let them pass
    if not ours or host_address.unusable(server) or server in known.own:
        return []
    words = second_connections.tftp(lan.name, homes, server, profile)
    return [Problem(path, *words, "warning")] if words else []


def _check_server(path: Path, server: IPv4Address, service: Service, lan: Lan, profile: Profile, known: Zones) -> list[Problem]:
    """Server address that a client on this LAN could never reach, or that cannot be a server."""
    hint = f"the gateway's own address here is {lan.address.ip}"
    if reason := host_address.unusable(server):
        return [Problem(path, f"{server} {reason}", "give the address of a server")]
    if net := known.network_and_broadcast.get(server):
        return [Problem(path, f"{server} is the network or broadcast address of {net}", hint)]
    if server in known.own:
        return _check_gateway(path, service, server, lan, profile, known)
    home = known.zone_of(server)
    if home is None:
        return _check_outside(path, server, service, lan, profile, known)
    if home == lan.name or _opened(lan.name, home, server, service, profile):
        return []
    near = f"use a server on {lan.name}" + (" or outside" if path[3] != "pxe" else "")
    hint = near + _to_open(lan.name, home, server, service, profile)
    return [Problem(path, f"{server} is on {home}, where {service.name} is closed to {lan.name}", hint)]


def _opened(lan: str, other: str, server: IPv4Address, service: Service, profile: Profile) -> bool:
    opened = open_ports.of(lan, other, service.protocols[0], profile, destination=server)
    return open_ports.has(opened, service.port)


def _to_open(lan: str, others: str, server: IPv4Address, service: Service, profile: Profile) -> str:
    entries = [open_ports.entry(lan, others, ", ".join(service.protocols), service.port, destination=server)]
    if service == ASKS_TFTP:
        entries = second_connections.tftp_entries(lan, others, server, profile)
    return f", or open {service.name} in firewall.allow: {' and '.join(entries)}"


def _check_outside(
    path: Path, server: IPv4Address, service: Service, lan: Lan, profile: Profile, known: Zones
) -> list[Problem]:
    ours = profile.dhcp[lan.name].router in (lan.address.ip, None)  # another router may have a route
    if not ours or any(_opened(lan.name, wan, server, service, profile) for wan in known.wans):
        return []
    closed = "public" if lan.internet else "false"
    way = f"use a server on {lan.name}"
    if service != ASKS_TFTP:
        way += _to_open(lan.name, ", ".join(known.wans), server, service, profile)
    hint = f"write {lan.address.ip}: the gateway asks outside for its clients" if service == ASKS_DNS else way
    return [Problem(path, f"{server} is outside, which is closed to {lan.name} by internet: {closed}", hint)]


def _check_gateway(
    path: Path, service: Service, server: IPv4Address, lan: Lan, profile: Profile, known: Zones
) -> list[Problem]:
    if known.own[server][0] in known.wans:
        hint = f"the gateway's own address here is {lan.address.ip}"
        return [Problem(path, f"the gateway gives nothing on {server}, its address outside", hint)]
    if path[3] == "pxe":
        return [Problem(path, f"the gateway is no {service.name} server", "give the address of one")]
    if service == ASKS_NTP and lan.name not in profile.ntp.serves:
        hint = f"add {lan.name} to services.ntp.from"
        return [Problem(path, f"{server} is the gateway, which does not give the time to {lan.name}", hint)]
    return []


def _check_addresses(path: Path, dhcp: Dhcp, lan: Lan, profile: Profile, known: Zones) -> list[Problem]:
    """Problems of the pool, including fixed addresses in it that may be leased to other clients."""
    net, problems = lan.address.network, []
    if dhcp.router and dhcp.router not in net:
        hint = "clients reach their router without another one; routes are for what is behind others"
        problems.append(Problem((*path, "router"), f"{dhcp.router} is not in {net}, the subnet of {lan.name}", hint))
    elif dhcp.router in known.network_and_broadcast:
        message = f"{dhcp.router} is the network or broadcast address of {net}"
        problems.append(Problem((*path, "router"), message, f"the gateway is {lan.address.ip}"))
    if wrong := dhcp_pool.check((*path, "pool"), dhcp.first, dhcp.last, lan.address, known.own):
        return problems + wrong
    reserved = {one.address for one in profile.reservations.get(lan.name, ())}
    if len([ip for ip in reserved if dhcp.first <= ip <= dhcp.last]) > int(dhcp.last) - int(dhcp.first):
        message, hint = "reservations take every address of the pool", "make the pool larger, or reserve addresses beside it"
        problems.append(Problem((*path, "pool"), message, hint))
    for place, ip, *_ in [((*path, "router"), dhcp.router), *_servers(path, dhcp)]:
        if ip and dhcp.first <= ip <= dhcp.last and ip not in reserved:
            hint = "take it out of the pool, or make it a reservation"
            problems.append(Problem(place, f"{ip} is in the pool: any machine may get it", hint))
    return problems


def plan(profile: Profile) -> Plan:
    served = [(lan, profile.dhcp[lan.name]) for lan in profile.lans if lan.name in profile.dhcp]
    return sum((_plan_one(lan, dhcp, profile) for lan, dhcp in served), Plan())


def _plan_one(lan: Lan, dhcp: Dhcp, profile: Profile) -> Plan:
    path, zone = f"lans.{lan.name}.dhcp", f'"{lan.name}"'
    # no source match: a client without a lease has no address, and one that rebinds may have another subnet's
    asks = f"iifname {zone} ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept"
    return Plan(
        network=_server(f"20-{lan.name}.network", path, lan, dhcp, profile),
        rules=(Rule("spoof.dhcp", asks, path),),
        elements=(Element("gateway_open", f"{zone} . udp . 67", path),),
        claims=_claims(path, lan, dhcp, profile),
    )


def _server(file: str, path: str, lan: Lan, dhcp: Dhcp, profile: Profile) -> tuple[Setting, ...]:
    size = int(dhcp.last) - int(dhcp.first) + 1
    found = [
        ("pool", "PoolOffset", str(int(dhcp.first) - int(lan.address.network.network_address))),
        ("pool", "PoolSize", str(size)),
        # set the maximum too: networkd silently caps a longer default at it
        ("lease_time", "DefaultLeaseTimeSec", str(dhcp.lease_time)),
        ("lease_time", "MaxLeaseTimeSec", str(dhcp.lease_time)),
        ("dns", "DNS", _words(_dns(lan, dhcp))),
        ("ntp", "NTP", _words(ntp)) if (ntp := _ntp(lan, dhcp, profile)) else ("ntp", "EmitNTP", "no"),
        *_router(lan, dhcp),
        ("domain", "SendOption", dhcp_options.text(DOMAIN, dhcp.domain.encode())),
        ("domain", "SendOption", dhcp_options.text(SEARCH, domain_names.wire(dhcp.domain))),
    ]
    if dhcp.pxe:
        found += [("pxe", "BootServerAddress", str(dhcp.pxe.server)), ("pxe", "BootFilename", dhcp.pxe.file)]
    found += [(f"options.{index}", "SendOption", dhcp_options.send(one)) for index, one in enumerate(dhcp.options)]
    # networkd copies unset options from the current uplink
    copied = [("EmitSIP", "no"), ("EmitTimezone", "no"), ("UplinkInterface", ":none")]
    return (
        Setting(file, "Network", "DHCPServer", "yes", path),
        *(Setting(file, "DHCPServer", key, value, f"{path}.{cause}") for cause, key, value in found),
        *settings(file, "DHCPServer", path, copied),
    )


def _router(lan: Lan, dhcp: Dhcp) -> list[tuple[str, str, str]]:
    if dhcp.router is None:
        return [("router", "EmitRouter", "no")]
    return [("router", "Router", str(dhcp.router))] if dhcp.router != lan.address.ip else []


def _dns(lan: Lan, dhcp: Dhcp) -> tuple[IPv4Address, ...]:
    return dhcp.dns or (lan.address.ip,)


def _ntp(lan: Lan, dhcp: Dhcp, profile: Profile) -> tuple[IPv4Address, ...]:
    return dhcp.ntp or ((lan.address.ip,) if lan.name in profile.ntp.serves else ())


def _words(addresses: Iterable[IPv4Address]) -> str:
    return " ".join(map(str, addresses))


def _told(lan: Lan, dhcp: Dhcp, profile: Profile) -> list[tuple[int, bytes]]:
    """DHCP options that depend on the profile."""
    router = (dhcp.router,) if dhcp.router else ()
    addresses = {ROUTER: router, DNS: _dns(lan, dhcp), NTP: _ntp(lan, dhcp, profile)}
    found = [(code, b"".join(one.packed for one in some)) for code, some in addresses.items() if some]
    found += [(DOMAIN, dhcp.domain.encode()), (SEARCH, domain_names.wire(dhcp.domain))]
    found += [(FILE, dhcp.pxe.file.encode())] if dhcp.pxe else []
    return found + [(option.code, dhcp_options.raw(option)) for option in dhcp.options]


def _claims(path: str, lan: Lan, dhcp: Dhcp, profile: Profile) -> tuple[Claim, ...]:
    client, prefix = f"a client on {lan.name}", lan.address.network.prefixlen
    lease = Lease(lan.name, dhcp.first, dhcp.last, prefix, dhcp.router, _dns(lan, dhcp), dhcp.lease_time)
    text = f"{client} gets an address in {dhcp.first}-{dhcp.last}"
    more = [(code, value.hex()) for code, value in _told(lan, dhcp, profile) if code not in (ROUTER, DNS)]
    told = f"{client} gets the DHCP options {', '.join(str(code) for code, _ in more)}"
    options = DhcpOptions(lan.name, tuple(more), dhcp.pxe.server if dhcp.pxe else None)
    lease_needed = (f"{path}.lease",)
    return (
        Claim(f"{path}.lease", f"{path}.pool", text, lease),
        Claim(f"{path}.options", path, told, options, lease_needed),
        *(replace(one, needs=lease_needed) for one in _lives(path, lan, dhcp, profile)),
    )


def _lives(path: str, lan: Lan, dhcp: Dhcp, profile: Profile) -> list[Claim]:
    """Claims of the lease lifecycle; most need a free address besides the lab client's."""
    reserved = tuple(sorted(one.address for one in profile.reservations.get(lan.name, ())))
    taken = len([ip for ip in reserved if dhcp.first <= ip <= dhcp.last]) + 1
    free = int(dhcp.last) - int(dhcp.first) + 1 - taken
    refused = f"a client that comes to {lan.name} with a lease of another network is told so"
    found = [Claim(f"{path}.elsewhere", path, refused, WrongSubnetRequest(lan.name))]
    if free:
        named = f"clients on {lan.name} get leases whether they name themselves by MAC address, by DUID or not at all"
        renewed = f"a lease on {lan.name} is renewed, and is nobody else's until it is given back"
        clients = free if free <= EMPTIED else ASKED
        some = f"clients on {lan.name} get {clients} different addresses"
        every = f"clients on {lan.name} get every free address of the pool, then none until one is given back"
        pool = Pool(lan.name, dhcp.first, dhcp.last, reserved, clients, clients == free)
        found += [
            Claim(f"{path}.identities", path, named, ClientIds(lan.name, dhcp.first, dhcp.last)),
            Claim(f"{path}.renewal", path, renewed, Renewal(lan.name)),
            Claim(f"{path}.addresses", f"{path}.pool", every if pool.emptied else some, pool),
        ]
    return found
