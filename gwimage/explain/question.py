"""Turns a question on the command line into a packet: --from iot --to lan:10.0.0.5 --tcp 445.

Raises ProfileError, positioned at the option, for invalid words.
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv4Network, IPv6Network, ip_address, ip_interface, ip_network

from gwimage.explain.networkd import PLACEHOLDERS, Given
from gwimage.explain.nft_rules import PORTED
from gwimage.explain.packet import ICMP, ICMP_TYPES, ICMPV6, ICMPV6_TYPES, NAMES, PROTOCOLS, Address, Packet
from gwimage.explain.routing import RouteEntry, RoutingTable
from gwimage.problem import Place, Problem, ProfileError
from gwimage.profile import zones

GATEWAY, OUTSIDE = "gateway", "wan"
SOURCE_PORT = 49152  # the first dynamic port (RFC 6335)
USUAL_HOST = 10
UNIQUE_LOCAL = ip_network("fc00::/7")
OUTSIDE6 = ip_address("2001:db8:ffff::10")


@dataclass(frozen=True)
class Words:
    """The question as typed: source and target (zone[:address] or address), protocol name, ports or ICMP type."""

    source: str
    target: str
    protocol: str
    port: int | None = None
    icmp_type: str = ""
    sport: int | None = None


@dataclass(frozen=True)
class Question:
    """The packet asked about, with the routing table to use and notes on assumptions.

    target: zone, `gateway`, `wan`, or empty if only an address was given; given: which of source and target had an address.
    """

    packet: Packet
    network: RoutingTable
    target: str
    notes: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def leases(words: tuple[str, ...], network: RoutingTable) -> Given:
    """Parses --lease words: WAN=ADDRESS/PREFIX (IPv4), or WAN=PREFIX/LENGTH for a delegated IPv6 prefix."""
    found: Given = {}
    wans = [name for name, kind in network.zones.items() if kind == "wans"]
    for word in words:
        name, _, text = word.partition("=")
        if name not in wans:
            raise wrong("--lease", *_unknown(name, wans, "WAN"))
        try:
            lease = ip_network(text) if ":" in text else ip_interface(text)
        except ValueError:
            lease = None
        if lease is None or lease.max_prefixlen - (lease if lease.version == 6 else lease.network).prefixlen < 1:
            raise wrong("--lease", f"{text!r} is not an address with its prefix length", f"write {name}=203.0.113.7/24")
        if (name, lease.version) not in network.leases:
            raise wrong("--lease", *_not_leased(name, lease.version, network))
        _not_inside(name, lease, network)
        found[name, lease.version] = lease
    return found


def _not_leased(wan: str, version: int, network: RoutingTable) -> tuple[str, str]:
    if version == 4:
        return f"{wan} has a fixed address", "leave --lease out, or write ipv4: dhcp"
    uplink = next((name for name, asked in network.leases if asked == 6), "")
    return f"{wan} is asked for no IPv6 prefix", f"{uplink} is" if uplink else "no LAN has ipv6: delegated"


def _not_inside(wan: str, lease: IPv4Interface | IPv6Network, network: RoutingTable) -> None:
    """Raises ProfileError for an IPv4 lease in a subnet inside.

    networkd refuses the DHCP server, not the lease, if it names itself with an address in there (DenyList=).
    """
    inside = (route for route in network.routes if network.zones.get(route.link, "wans") != "wans")
    met = next((route for route in inside if lease.version == 4 and lease.ip in route.to), None)
    if met:
        refused = (
            f"{wan} takes nothing from a DHCP server in there; given by one elsewhere, two networks have the same addresses"
        )
        raise wrong(
            "--lease", f"{lease} lies in {met.to} of {met.link}: {refused}", f"give that network another subnet, at {met.path}"
        )


def question(words: Words, network: RoutingTable) -> Question:
    """The packet that the words describe, with plausible values for what they leave open."""
    start, src = _parse_end("--from", words.source, network, ())
    target, dst = _parse_end("--to", words.target, network, (GATEWAY, OUTSIDE))
    family = (dst or src).version if dst or src else 4
    if dst and src and dst.version != src.version:
        raise wrong("--to", f"{dst} and {src} are not of the same IP version", "give both as IPv4 or both as IPv6")
    given = tuple(name for name, address in (("source", src), ("target", dst)) if address)
    if not start:
        start = _zone_of("--from", src, network)
    notes: list[str] = []
    if target in network.zones:
        network, dst = _towards(target, dst, family, network, notes)
    elif not dst:
        dst = _outside(network, family) if target == OUTSIDE else _gateway(start, family, network)
    src = src or _host("--from", start, family, network, dst)
    packet = _protocol(words, Packet(start, src, dst))
    return Question(packet, network, target, tuple(notes), given)


def zone(option: str, name: str, names: list[str]) -> str:
    """The zone name if it is known; else raises ProfileError."""
    if name in names:
        return name
    if ":" in name or _address(name) is not None:
        hint = "add --tcp PORT, --udp PORT, --icmp or --proto NAME"
        raise wrong(option, f"{name} is an address, but no packet was asked about", hint)
    raise wrong(option, *_unknown(name, names, "network"))


def _parse_end(option: str, word: str, network: RoutingTable, more: tuple[str, ...]) -> tuple[str, Address | None]:
    """One end of the packet: (zone, gateway, wan or empty; address or None)."""
    if (address := _address(word)) is not None:
        return "", address
    name, _, text = word.partition(":")
    names = [*network.zones, *(word for word in more if word not in network.zones)]
    if name not in names:
        if option == "--from" and name == GATEWAY:
            raise wrong(option, "what the gateway itself sends is never held back", "ask from one of its networks")
        raise wrong(option, *_unknown(name, names, "network"))
    if not text:
        return name, None
    if (address := _address(text.strip("[]"))) is None:
        raise wrong(option, f"{text!r} is not an address", f"write {name}, or {name}:ADDRESS")
    if name == GATEWAY and network.kind(address) != "local":
        own = ", ".join(str(own.interface.ip) for own in network.own)
        raise wrong(option, f"{address} is not an address of the gateway", f"it has {own}")
    return name, address


def _address(text: str) -> Address | None:
    try:
        return ip_address(text) if "%" not in text else None
    except ValueError:
        return None


def _unknown(name: str, names: list[str], what: str) -> tuple[str, str]:
    near = zones.like(name, names) or next((word for word in names if name and word.startswith(name)), "")
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(names) or 'none'}"
    return f"no {what} is called {name[:40]!r}", hint


def wrong(option: str, message: str, hint: str) -> ProfileError:
    """A ProfileError positioned at an option."""
    return ProfileError([Problem((), message, hint, place=Place(option))])


def _zone_of(option: str, address: Address, network: RoutingTable) -> str:
    """The zone of an address: the link of the route to it."""
    route = network.route(address)
    if route is None:
        raise wrong(option, f"no network here leads to {address}", f"say which one it comes from: NETWORK:{address}")
    return route.link


def _towards(
    zone: str, dst: Address | None, family: int, network: RoutingTable, notes: list[str]
) -> tuple[RoutingTable, Address]:
    """Routing table in which packets to the zone leave by its link (other WANs down if needed), and the destination."""
    if network.zones[zone] == "wans":
        dst = dst or _outside(network, family)
        used = network.route(dst)
        if used and used.link != zone and network.zones.get(used.link) == "wans":
            notes.append(f"packets to {dst} leave by {used.link}; this is the answer for when {used.link} is down")
            network = _only_wan(network, zone)
    dst = dst or _host("--to", zone, family, network)
    route = network.route(dst)
    if network.kind(dst) == "unicast" and (route is None or route.link != zone):
        leave = f"packets to it leave by {route.link}" if route else "there is no route to it"
        raise wrong("--to", f"{dst} is not on {zone}: {leave}", f"ask with --to {dst}")
    return network, dst


def _only_wan(network: RoutingTable, wan: str) -> RoutingTable:
    """The routing table with all other WANs down."""

    def stays(route: RouteEntry) -> bool:
        return network.zones.get(route.link) != "wans" or route.link == wan

    return replace(network, routes=tuple(filter(stays, network.routes)))


def _gateway(start: str, family: int, network: RoutingTable) -> Address:
    """The gateway's address on the start zone, else on any other."""
    for link in (start, *network.zones):
        for own in network.own:
            if own.link == link and own.interface.version == family:
                return own.interface.ip
    hint = "turn it on in the profile, or ask with the other version"
    raise wrong("--to", f"the gateway has no IPv{family} address", hint)


def _host(option: str, zone: str, family: int, network: RoutingTable, other: Address | None = None) -> Address:
    """A plausible host address in a zone: unicast, not the gateway's, not the other end's."""
    if network.zones[zone] == "wans":
        return _outside(network, family)
    # behind a tunnel only addresses of its peers exist
    subnets = network.peers.get(zone, network.subnets(zone, family))
    if other is not None and other.version == 6:
        # source address selection prefers the destination's kind (RFC 6724)
        subnets = sorted(subnets, key=lambda net: (net.network_address in UNIQUE_LOCAL) != (other in UNIQUE_LOCAL))
    for net in subnets:
        numbers = (USUAL_HOST, *range(1, 6)) if net.num_addresses > 2 else range(net.num_addresses)
        near = [net.network_address + number for number in numbers if number < net.num_addresses]
        for address in near if net.version == family else ():
            if network.kind(address) == "unicast" and address != other:
                return address
    raise wrong(option, f"{zone} has no IPv{family} address for this", f"give one: {zone}:ADDRESS")


def _outside(network: RoutingTable, family: int) -> Address:
    """An outside address: in none of the gateway's networks."""
    if family == 6:
        return OUTSIDE6
    taken = [own.interface.network for own in network.own if own.interface.version == 4]
    taken += [route.to for route in network.routes if route.to.version == 4 and route.to.prefixlen]
    for wide in reversed(PLACEHOLDERS):
        for net in reversed(list(wide.subnets(new_prefix=27))):
            if not any(net.overlaps(other) for other in taken):
                return net.network_address + USUAL_HOST
    return IPv4Network("192.88.99.0/24")[USUAL_HOST]


def _protocol(words: Words, packet: Packet) -> Packet:
    name = words.protocol
    number = PROTOCOLS.get(name, int(name) if name.isascii() and name.isdigit() else None)
    if number is None or number > 255:
        raise wrong("--proto", *_unknown(name, list(PROTOCOLS), "protocol"))
    if name == "icmp" and packet.family == 6:
        number = ICMPV6
    if number in (ICMP, ICMPV6):
        return replace(packet, protocol=number, icmp_type=_icmp_type(words.icmp_type or "echo-request", number))
    if number not in PORTED:
        return replace(packet, protocol=number)
    if words.port is None:
        name = NAMES[number]
        hint = "explain takes ports of tcp and udp: ask about one of these"
        raise wrong("--proto", f"{name} has ports", f"ask with --{name} PORT" if name in ("tcp", "udp") else hint)
    return replace(packet, protocol=number, sport=words.sport or SOURCE_PORT, dport=words.port)


def _icmp_type(word: str, protocol: int) -> int:
    names = ICMP_TYPES if protocol == ICMP else ICMPV6_TYPES
    if word in names:
        return names[word]
    if word.isascii() and word.isdigit() and int(word) < 256:
        return int(word)
    raise wrong("--icmp", *_unknown(word, list(names), "ICMP type"))
