"""firewall.allow: traffic allowed between zones and to the gateway; entries only open, never close."""

from itertools import islice

from gwimage.claims import allow_boundary, allow_ipv6, allow_to_gateway, unasked
from gwimage.claims.allow import MOST_CLAIMS, _claims, _families
from gwimage.plan import Plan, Rule, nft
from gwimage.plan.nft import rule
from gwimage.problem import Path, Problem, errors
from gwimage.profile import Profile, second_connections, shadowing, subnets, zone_addresses, zones
from gwimage.profile.allow import FAMILY_OF, Allow
from gwimage.profile.shadowing import PROTOCOLS, REST, WITH_PORTS, Opening
from gwimage.profile.wans import StaticAddress
from gwimage.profile.zone_addresses import ZoneAddresses
from gwimage.profile.zones import GATEWAY, Zones
from gwimage.values import address_lists, host_address, ipv6, ranges
from gwimage.values.ports import DHCP, DNS, NTP, SSH

PATH = ("firewall", "allow")
MOST_RULES = 64  # of one entry: its source and destination lists multiply
NOT_PUBLIC = tuple(ranges.parse(str(net)) for net in host_address.NOT_PUBLIC)


def check(profile: Profile) -> list[Problem]:
    """Problems of each entry; only entries without errors are compared with each other."""
    problems, sound = [], []
    lists = [items for entry in profile.allow for items in (entry.sources, entry.destinations)]
    known = zone_addresses.of(profile, [*lists, NOT_PUBLIC])
    for index, entry in enumerate(profile.allow):
        path = (*PATH, index)
        found = _zones(path, entry, known.zones)
        found += zone_addresses.check_names((*path, "sources"), entry.sources, profile)
        found += zone_addresses.check_names((*path, "destinations"), entry.destinations, profile)
        found += _protocols(path, entry)
        found = found or _addresses(path, entry, known, profile)
        if not found:
            sound.append((index, entry))
            found = _warnings(path, entry, known, profile) + _unheard(path, entry, profile)
            found += second_connections.check(path, entry, profile)
        problems += found
        if len(errors(problems)) >= zones.ENOUGH:
            break
    return problems + _hidden(sound, known, profile)


def _zones(path: Path, entry: Allow, known: Zones) -> list[Problem]:
    names, problems = known.names, []
    for index, name in enumerate(entry.from_zones):
        if name == GATEWAY:
            message = "what the gateway itself sends is never held back"
            problems.append(Problem((*path, "from", index), message, "remove it"))
        elif name not in names:
            problems.append(zones.unknown((*path, "from", index), name, names))
    for index, name in enumerate(entry.to_zones):
        if name not in (*names, GATEWAY):
            problems.append(zones.unknown((*path, "to", index), name, (*names, GATEWAY)))
    return problems


def _protocols(path: Path, entry: Allow) -> list[Problem]:
    problems = ranges.check_ports((*path, "ports"), entry.ports)
    if entry.ports and (not entry.protocols or set(entry.protocols) - set(WITH_PORTS)):
        others = [name for name in entry.protocols if name not in WITH_PORTS]
        hint = f"give {' and '.join(others)} an entry without ports" if others else "add protocols: [tcp]"
        problems.append(Problem((*path, "ports"), "only tcp and udp have ports", hint, on_key=True))
    return problems


def _addresses(path: Path, entry: Allow, known: ZoneAddresses, profile: Profile) -> list[Problem]:
    near = known.neighbours(entry.from_zones) if GATEWAY in entry.to_zones else 0
    problems = zone_addresses.check((*path, "sources"), entry.sources, entry.from_zones, known, near, entry.to_zones)
    problems += zone_addresses.check(
        (*path, "destinations"), entry.destinations, entry.to_zones, known, others=entry.from_zones
    )
    problems = problems or _mixed(path, entry, profile) or _kept_inside(path, entry, known)
    if not problems and len(rules := _rules(entry, "", profile)) > MOST_RULES:
        message = f"this entry would become {len(rules)} rules, more than {MOST_RULES}"
        problems.append(Problem(path, message, "put all its addresses into one set"))
    return problems


def _mixed(path: Path, entry: Allow, profile: Profile) -> list[Problem]:
    """Addresses without a counterpart of the same IP family."""
    families = _families(entry, profile)
    if not families:
        hint = "sources and destinations of one entry need a family in common"
        return [Problem((*path, "destinations"), "one side is IPv4 only, the other IPv6 only", hint, on_key=True)]
    problems = []
    for side in ("sources", "destinations"):
        for index, item in enumerate(getattr(entry, side)):
            if not isinstance(item, str) and item.family not in families:
                message = f"this never matches: {item.text} is IPv{item.family}, the other side has no such address"
                problems.append(Problem((*path, side, index), message, "remove it, or add one to the other side"))
    for index, name in enumerate(entry.protocols):
        if FAMILY_OF.get(name, families[0]) not in families:
            message = f"this never matches: all addresses here are IPv{families[0]}"
            problems.append(Problem((*path, "protocols", index), message, "icmp is of IPv4, icmpv6 of IPv6"))
    return problems


def _kept_inside(path: Path, entry: Allow, known: ZoneAddresses) -> list[Problem]:
    """Sources that are dropped on the way out, before any entry is asked."""
    kept = known.kept_inside(entry.from_zones, entry.to_zones)
    left = known.on(entry.from_zones) & ~kept
    where = ", ".join(entry.to_zones)
    return [
        Problem(
            (*path, "sources", index),
            f"this never matches: from unique local addresses nothing leaves by {where}",
            "leave sources out to mean every host, or name the host's IPv4 address",
        )
        for index, item in enumerate(entry.sources)
        if kept and not known.mask([item]) & left
    ]


def _warnings(path: Path, entry: Allow, addresses: ZoneAddresses, profile: Profile) -> list[Problem]:
    problems, known = [], addresses.zones
    outside = [name for name in entry.from_zones if name in known.wans]
    if entry.from_zones == entry.to_zones and len(entry.to_zones) == 1 and entry.to_zones[0] not in known.transit_zones:
        message = f"hosts on {entry.to_zones[0]} reach each other without the gateway: this opens nothing"
        problems.append(Problem(path, message, "remove the entry", "warning"))
    every = not entry.protocols or set(entry.protocols) & set(WITH_PORTS)
    if outside and every and not (entry.ports or entry.sources or entry.destinations):
        message = f"this opens everything on {', '.join(entry.to_zones)} to everyone on {', '.join(outside)}"
        problems.append(Problem(path, message, "say which ports, or which sources", "warning"))
    elif outside and (kind := _private_inside(entry, outside, addresses, profile)) and not _near(entry, outside, profile):
        message = f"nobody calls these {kind} addresses from the internet: on {outside[0]} only who has a route to them does"
        way = "for a port forward write firewall.forwards"
        if kind == "unique local":
            way = "who is outside calls addresses of the provider's prefix, as docs/ipv6.md shows"
        hint = f"{way}; if routers near by have a route, name their networks in sources"
        problems.append(Problem(path, message, hint, "warning"))
    return problems


def _private_inside(entry: Allow, outside: list[str], addresses: ZoneAddresses, profile: Profile) -> str:
    """What addresses these are if nobody on the internet can call any that the entry opens; empty if somebody can.

    Private IPv4 addresses of masqueraded LANs, and fixed unique local ones.
    """
    opened = addresses.mask(entry.destinations) & addresses.on(entry.to_zones)
    over4, over6 = (opened & addresses.axis.family[one] if one in _families(entry, profile) else 0 for one in (4, 6))
    masqueraded = {lan.name for lan in profile.lans if lan.masquerade and host_address.is_private(lan.address.ip)}
    if over6 & ~addresses.kept_inside(entry.to_zones, outside) or (over4 and not set(entry.to_zones) <= masqueraded):
        return ""
    return "private" if over4 else "unique local"


def _near(entry: Allow, outside: list[str], profile: Profile) -> bool:
    """Whether all sources are near the gateway, where a route inside can be: private, or in the subnet of a WAN."""
    own = [wan.ipv4.address.network for wan in profile.wans if wan.name in outside and isinstance(wan.ipv4, StaticAddress)]
    own += [wan.address.network for name, wan in profile.ipv6.wans.items() if name in outside and wan.address]
    near = [ranges.of(net) for net in (*host_address.PRIVATE_NETS, ipv6.UNIQUE_LOCAL, *own)]
    families = _families(entry, profile)
    sources = [one for one in address_lists.resolved(entry.sources, profile.sets) if one.family in families]
    return bool(sources) and all(
        any(net.family == one.family and net.first <= one.first and one.last <= net.last for net in near) for one in sources
    )


def _unheard(path: Path, entry: Allow, profile: Profile) -> list[Problem]:
    """Warning if the entry opens SSH to the gateway while its SSH server does not run."""
    ssh = GATEWAY in entry.to_zones and "tcp" in entry.protocols and (SSH, SSH) in entry.ports
    if not ssh or profile.services.ssh_from:
        return []
    message = "the gateway's SSH server does not run: this opens nothing"
    return [
        Problem(
            (*path, "ports"),
            message,
            "write services: {ssh: {from: [...]}}, which starts it and opens it",
            "warning",
            on_key=True,
        )
    ]


def _hidden(entries: list[tuple[int, Allow]], known: ZoneAddresses, profile: Profile) -> list[Problem]:
    mine = {_opening(index, entry, known): (index, entry) for index, entry in entries}
    problems = []
    for one, by in shadowing.shadowed([*_defaults(known, profile), *mine], known.axis):
        if one in mine:
            index, entry = mine[one]
            message = f"this is open already, by {', '.join(by[:3])}{' ...' if by[3:] else ''}"
            hint = "remove it; nothing gets as far as its log" if entry.log else "remove it"
            problems.append(Problem((*PATH, index), message, hint, "warning"))
    return problems


def _opening(index: int, entry: Allow, known: ZoneAddresses) -> Opening:
    saddr = known.mask(entry.sources) & ~known.kept_inside(entry.from_zones, entry.to_zones)
    daddr = known.mask(entry.destinations)
    protocols = entry.protocols or (*PROTOCOLS, REST)
    return Opening(
        f"firewall.allow.{index}", entry.from_zones, entry.to_zones, protocols, ranges.port_bits(entry.ports), saddr, daddr
    )


def _defaults(addresses: ZoneAddresses, profile: Profile) -> list[Opening]:
    """Traffic open without any entry; ping stands for ICMP, since the gateway answers no other ICMP request."""
    known, public = addresses.zones, addresses.axis.family[4] & ~addresses.mask(NOT_PUBLIC)
    outward = [(lan, public if lan.public_only else ranges.EVERY) for lan in profile.lans if lan.internet]
    world = addresses.world(known.wans)
    found = [
        Opening(f"lans.{lan.name}", (lan.name,), known.wans, saddr=~addresses.kept_inside([lan.name], world), daddr=daddr)
        for lan, daddr in outward
    ]
    for name, routed in subnets.routed(profile).items():
        if name in known.inside:
            found.append(Opening(f"routes.{min(routed.values())}", (name,), (name,)))
    lans = [lan.name for lan in profile.lans]
    for name in known.inside:
        path = f"lans.{name}" if name in lans else f"vpn.{name}"
        found.append(Opening(path, (name,), (GATEWAY,), ("icmp", "icmpv6")))
        found.append(Opening(path, (name,), (GATEWAY,), WITH_PORTS, ranges.port_bits([(DNS, DNS)])))
    services = [(f"lans.{name}.dhcp", (name,), "udp", DHCP) for name in profile.dhcp]
    callers = (*known.wans, *lans)
    services += [(f"vpn.{vpn.name}.port", callers, "udp", vpn.port) for vpn in profile.vpn if vpn.port]
    services.append(("services.ssh.from", profile.services.ssh_from, "tcp", SSH))
    services.append(("services.ntp.from", profile.ntp.serves, "udp", NTP))
    for path, start, protocol, port in services:
        found.append(Opening(path, start, (GATEWAY,), (protocol,), ranges.port_bits([(port, port)])))
    return found


def plan(profile: Profile) -> Plan:
    entries = [(f"firewall.allow.{index}", entry) for index, entry in enumerate(profile.allow)]
    rules = tuple(one for path, entry in entries for one in _rules(entry, path, profile))
    known = zones.of(profile)
    claims = tuple(islice((one for path, entry in entries for one in _claims(entry, path, known, profile)), MOST_CLAIMS))
    beside = islice(allow_boundary.boundary_flows(claims, known, profile), allow_boundary.MOST)
    let_in = islice(
        (one for path, entry in entries for one in allow_to_gateway.claims(entry, path, known, profile)), allow_to_gateway.MOST
    )
    over6 = islice(allow_ipv6.claims(profile), allow_ipv6.MOST)
    claims = (*claims, *beside, *let_in, *over6)
    return Plan(rules=rules, claims=(*claims, *unasked.claims(profile, claims)))


def _rules(entry: Allow, path: str, profile: Profile) -> list[Rule]:
    start = nft.interfaces("iifname", entry.from_zones)
    ways = [("input.allow", start)] * (GATEWAY in entry.to_zones)
    if through := [name for name in entry.to_zones if name != GATEWAY]:
        ways.append(("forward.allow", rule(start, nft.interfaces("oifname", through))))
    logged = f'limit rate {profile.firewall.log_limit} log prefix "gwimage {path}: "'
    statements = [logged, "accept"] if entry.log else ["accept"]
    return [
        Rule(stage, rule(way, which, statement), path)
        for stage, way in ways
        for which in _matches(entry, profile)
        for statement in statements
    ]


def _matches(entry: Allow, profile: Profile) -> list[str]:
    if not (entry.sources or entry.destinations):
        return [nft.protocols(entry.protocols, entry.ports)]
    found = []
    for family in _families(entry, profile):
        names = [name for name in entry.protocols if FAMILY_OF.get(name, family) == family]
        if entry.protocols and not names:
            continue
        for source in nft.addresses("saddr", entry.sources, family, profile.sets):
            for destination in nft.addresses("daddr", entry.destinations, family, profile.sets):
                found.append(rule(source, destination, nft.protocols(names, entry.ports)))
    return found
