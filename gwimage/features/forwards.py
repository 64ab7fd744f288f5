"""Port forwards: DNAT from a port of the WAN's address to an inside server, also from inside (hairpin)."""

from collections.abc import Iterator

from gwimage.claims import forwards as claims
from gwimage.plan import Plan, Rule, nft
from gwimage.plan.nft import rule
from gwimage.problem import Path, Problem, errors
from gwimage.profile import Profile, second_connections, zone_addresses, zones
from gwimage.profile.forwards import Forward
from gwimage.profile.second_connections import UNPRIVILEGED
from gwimage.profile.wans import StaticAddress
from gwimage.profile.zone_addresses import ZoneAddresses
from gwimage.profile.zones import Zones
from gwimage.values import address_lists, host_address, ranges
from gwimage.values.ports import FTP, SSH, TFTP
from gwimage.values.ranges import Ports

PATH = ("firewall", "forwards")
MOST_SHIFTED = 64  # ports of a range mapped to another range: one rule each
MOST_RULES = 256  # of one forward: its sets and ports multiply
LOCAL = "fib daddr type local"


def check(profile: Profile) -> list[Problem]:
    """Problems of each forward; only forwards without errors are compared with each other."""
    problems, sound, known = [], [], _survey(profile)
    for forward in profile.forwards:
        path = (*PATH, forward.name)
        found = _wans(path, forward, known.zones)
        found += _ports(path, forward)
        found += _server(path, forward, known.zones)
        found += zone_addresses.check_names((*path, "sources"), forward.sources, profile)
        found = found or _sources(path, forward, known, profile)
        found = found or _taken(path, forward, profile)
        if not found:
            sound.append(forward)
            found = _warnings(path, forward, known.zones, profile) + _second_connections(path, forward, known.zones, profile)
        problems += found
        if len(errors(problems)) >= zones.ENOUGH:
            break
    return problems + _twice(sound, known, profile)


def _survey(profile: Profile) -> ZoneAddresses:
    return zone_addresses.of(profile, [forward.sources for forward in profile.forwards])


def _wans(path: Path, forward: Forward, known: Zones) -> list[Problem]:
    problems = []
    for index, name in enumerate(forward.wans):
        place = (*path, "from", index)
        if name in known.inside:
            hint = "remove it; from inside the same works as long as hairpin is true"
            problems.append(Problem(place, f"{name} is inside: a forward begins at a WAN", hint))
        elif name not in known.wans:
            problems.append(zones.unknown(place, name, known.wans, "WAN"))
    return problems


def _ports(path: Path, forward: Forward) -> list[Problem]:
    problems = ranges.check_ports((*path, "ports"), forward.ports)
    if forward.to_port is None or problems:
        return problems
    (first, last), place = forward.ports[0], (*path, "to_port")
    if len(forward.ports) > 1:
        hint = "make a forward for each, or leave to_port out: then the ports stay as they are"
        problems.append(Problem(place, "to_port needs exactly one port or one range", hint))
    elif last - first >= MOST_SHIFTED:
        message = f"{last - first + 1} ports cannot become others, only up to {MOST_SHIFTED}"
        problems.append(Problem(place, message, "leave to_port out: then the ports stay as they are"))
    elif forward.to_port + last - first > ranges.LAST_PORT:
        message = f"{last - first + 1} ports from {forward.to_port} on end beyond {ranges.LAST_PORT}"
        problems.append(Problem(place, message, f"at most {ranges.LAST_PORT - last + first}"))
    return problems


def _server(path: Path, forward: Forward, known: Zones) -> list[Problem]:
    place, to = (*path, "to"), forward.to
    if reason := host_address.unusable(to):
        return [Problem(place, f"{to} {reason}")]
    if to in known.own:
        hint = "the gateway's own services are opened with services, or with firewall.allow and to: [gateway]"
        return [Problem(place, f"{to} is the gateway itself, on {known.own[to][0]}", hint)]
    if to in known.network_and_broadcast:
        return [Problem(place, f"{to} is the network or broadcast address of {known.network_and_broadcast[to]}")]
    if known.zone_of(to) is None:
        hint = "; ".join(f"{name} is {', '.join(map(str, nets[:3]))}" for name, nets in list(known.subnets.items())[:3])
        return [Problem(place, f"{to} is on no network inside", hint)]
    return []


def _sources(path: Path, forward: Forward, known: ZoneAddresses, profile: Profile) -> list[Problem]:
    place = (*path, "sources")
    if 4 not in address_lists.families(forward.sources, profile.sets):
        return [Problem(place, "forwards are IPv4 only, and here is no IPv4 address", on_key=True)]
    problems = [
        Problem((*place, index), f"forwards are IPv4 only: {item.text} never matches", "remove it")
        for index, item in enumerate(forward.sources)
        if not isinstance(item, str) and item.family != 4
    ]
    callers = (*forward.wans, *(known.zones.inside if forward.hairpin else ()))
    problems += zone_addresses.check(place, forward.sources, callers, known)
    if not problems and (count := len(list(_rules(forward, known, profile)))) > MOST_RULES:
        message = f"this forward would become {count} rules, more than {MOST_RULES}"
        problems.append(Problem(place, message, "put all its addresses into one set"))
    return problems


def _taken(path: Path, forward: Forward, profile: Profile) -> list[Problem]:
    """Forwarded ports that the gateway itself uses: forwarding them would lock users out."""
    problems = []
    for protocol, port, wans, what, other in _own_services(profile):
        for index, ports in enumerate(forward.ports):
            both = [name for name in forward.wans if name in wans]
            if both and protocol in forward.protocols and ports[0] <= port <= ports[1]:
                message = f"{protocol.upper()} {port} on {both[0]} is {what} of the gateway itself, by {other}"
                hint = f"forward another port, with to_port: {port} if the server needs that"
                problems.append(Problem((*path, "ports", index), message, hint))
    return problems


def _own_services(profile: Profile) -> Iterator[tuple[str, int, tuple[str, ...], str, str]]:
    """Own services as (protocol, port, zones, description, profile path)."""
    yield "tcp", SSH, profile.services.ssh_from, "SSH", "services.ssh.from"
    for vpn in profile.vpn:
        if vpn.port:
            yield "udp", vpn.port, tuple(wan.name for wan in profile.wans), "the VPN", f"vpn.{vpn.name}.port"


def _second_connections(path: Path, forward: Forward, known: Zones, profile: Profile) -> list[Problem]:
    """Warnings for protocols whose second connection does not pass: FTP's passive ports, TFTP's answers from another port."""
    home, problems = known.zone_of(forward.to), []
    tcp = [one for other in profile.forwards if other.to == forward.to and "tcp" in other.protocols for one in other.ports]
    for index, ports in enumerate(forward.ports):
        place = (*path, "ports", index)
        if ports == (FTP, FTP) and "tcp" in forward.protocols and all(last < UNPRIVILEGED for _, last in tcp):
            hint = "forward the server's passive ports too, as in ports: [21, 50000-50100], and let it name the WAN's address"
            problems.append(
                Problem(place, "FTP opens another connection for each file, which is not forwarded", hint, "warning")
            )
        closed = not any(second_connections.answered(wan, home, profile, forward.to) for wan in forward.wans)
        if ports == (TFTP, TFTP) and "udp" in forward.protocols and closed:
            message = f"TFTP answers from another port, which is closed from {home} to {forward.wans[0]}: no file would come"
            problems.append(Problem(place, message, f"open UDP from {home} outside: internet, or firewall.allow", "warning"))
    return problems


def _warnings(path: Path, forward: Forward, known: Zones, profile: Profile) -> list[Problem]:
    to, home = forward.to, known.zone_of(forward.to)
    dhcp = profile.dhcp.get(home)
    reserved = [one.address for one in profile.reservations.get(home, ())]
    if dhcp and dhcp.router and dhcp.router not in known.own:
        message = f"{to} is told to answer by another router than this gateway: nobody would hear it"
        return [Problem((*path, "to"), message, f"see lans.{home}.dhcp.router", "warning")]
    if not dhcp or not dhcp.first <= to <= dhcp.last or to in reserved:
        return []
    message = f"{to} is in the DHCP pool: the server may get another address one day"
    hint = "give it a reservation, or an address outside the pool"
    return [Problem((*path, "to"), message, hint, "warning")]


def _twice(forwards: list[Forward], known: ZoneAddresses, profile: Profile) -> list[Problem]:
    """Forwards that match the same packet as an earlier one; each is reported with the first such one."""
    problems = []
    shapes = [(ranges.port_bits(one.ports), known.mask(one.sources) & known.axis.family[4]) for one in forwards]
    for index, one in enumerate(forwards):
        ports, sources = shapes[index]
        for other, (other_ports, other_sources) in zip(forwards[:index], shapes):
            if ports & other_ports and sources & other_sources and (problem := _same(one, other, known, profile)):
                problems.append(problem)
                break
    return problems


def _same(one: Forward, other: Forward, known: ZoneAddresses, profile: Profile) -> Problem | None:
    """Problem of two forwards that share ports and sources."""
    protocols = [name.upper() for name in one.protocols if name in other.protocols]
    if not protocols:
        return None
    what = f"{protocols[0]} {_shared(one, other)}"
    if wans := [name for name in one.wans if name in other.wans]:
        message = f"{what} on {wans[0]} goes to {other.to} already, by firewall.forwards.{other.name}"
        return Problem((*PATH, one.name, "ports"), message, "choose another port, or sources that have nothing in common")
    if all(_from_inside(each, known) and not _all_static(each, profile) for each in (one, other)):
        message = f"from inside nobody can tell these WANs apart: {what} goes to {other.to} there"
        hint = f"say hairpin: false, here or in firewall.forwards.{other.name}"
        return Problem((*PATH, one.name), message, hint, "warning", on_key=True)
    return None


def _shared(one: Forward, other: Forward) -> str:
    both = ((max(a, c), min(b, d)) for a, b in one.ports for c, d in other.ports)
    return next(ranges.ports_text(pair) for pair in both if pair[0] <= pair[1])


def plan(profile: Profile) -> Plan:
    if not profile.forwards:
        return Plan()
    known, homes = _survey(profile), {}
    rules = [one for forward in profile.forwards for one in _rules(forward, known, profile)]
    # only to these servers: traffic translated by the user's own rules needs its own accept rules
    servers = nft.one_of(dict.fromkeys(str(forward.to) for forward in profile.forwards))
    rules.append(Rule("forward.dnat", f"ip daddr {servers} ct status dnat accept", ".".join(PATH)))
    for forward in profile.forwards:
        if _from_inside(forward, known):
            homes.setdefault(known.zones.zone_of(forward.to), forward.name)
    for home, name in homes.items():
        # otherwise the server would answer its neighbour directly, from an address that the client never contacted
        text = f'iifname "{home}" oifname "{home}" ct status dnat masquerade'
        rules.append(Rule("srcnat.hairpin", text, f"firewall.forwards.{name}"))
    return Plan(rules=tuple(rules), claims=claims.claims(profile))


def _rules(forward: Forward, known: ZoneAddresses, profile: Profile) -> Iterator[Rule]:
    every = set(forward.wans) == set(known.zones.wans)
    ways = [("iifname @wans" if every else nft.interfaces("iifname", forward.wans), LOCAL)]
    if _from_inside(forward, known):
        ways.append(("iifname != @wans", _outer_address(forward, known.zones, profile)))
    for start, target in ways:
        for source in nft.addresses("saddr", forward.sources, 4, profile.sets):
            for ports, server in _pairs(forward):
                which = rule(start, source, target, nft.protocols(forward.protocols, ports))
                yield Rule("dstnat.forwards", f"{which} dnat ip to {server}", f"firewall.forwards.{forward.name}")


def _from_inside(forward: Forward, known: ZoneAddresses) -> bool:
    """Whether any inside host may use the forward."""
    return forward.hairpin and bool(known.mask(forward.sources) & known.axis.family[4] & known.on(known.zones.inside))


def _outer_address(forward: Forward, known: Zones, profile: Profile) -> str:
    """Match for the WAN's current address: a local one that is neither inside nor known as another WAN's."""
    fixed = {str(address): name for address, (name, _) in known.own.items() if name in known.wans}
    mine = [address for address, name in fixed.items() if name in forward.wans]
    others = [address for address, name in fixed.items() if name not in forward.wans]
    if set(forward.wans) != set(known.wans) and _all_static(forward, profile):
        return f"ip daddr {nft.one_of(mine)}"
    return rule(LOCAL, "ip daddr != @own", f"ip daddr != {nft.one_of(others)}" if others else "")


def _all_static(forward: Forward, profile: Profile) -> bool:
    """Whether all WANs of the forward have static addresses."""
    return all(isinstance(wan.ipv4, StaticAddress) for wan in profile.wans if wan.name in forward.wans)


def _pairs(forward: Forward) -> Iterator[tuple[tuple[Ports, ...], str]]:
    """Pairs of (ports, server): one per port of a shifted range, since the kernel maps a range to the first port only."""
    if forward.to_port is None:
        yield forward.ports, str(forward.to)
        return
    first, last = forward.ports[0]
    for port in range(first, last + 1):
        yield ((port, port),), f"{forward.to}:{forward.to_port + port - first}"
