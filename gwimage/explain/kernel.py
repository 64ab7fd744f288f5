"""The kernel's routing decision between the hooks: local input, forward, or drop; Linux 6.12 without rp_filter.

Checks are in the order of ip_route_input_rcu and ip_forward (IPv4), ip6_rcv and ip6_forward (IPv6).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from gwimage.explain.packet import Address, Packet
from gwimage.explain.routing import LocalAddress, RouteEntry, RoutingTable

ALL_ONES, ALL_HOSTS = IPv4Address("255.255.255.255"), IPv4Address("224.0.0.1")
SOLICITED_NODE = IPv6Network("ff02::1:ff00:0/104")
ALL_NODES, ROUTERS = IPv6Address("ff02::1"), [IPv6Address("ff02::2"), IPv6Address("ff05::2")]


@dataclass(frozen=True)
class Decision:
    """A routing decision; to: input, forward or drop; via: the next hop; path: the profile path of its cause."""

    to: str
    text: str
    route: RouteEntry | None = None
    via: Address | None = None
    path: str = ""


def martian(packet: Packet) -> str:
    """Reason why the kernel drops the IPv6 packet before prerouting (ip6_rcv_core); empty if it does not."""
    src, dst = packet.src, packet.dst
    if packet.family == 4:
        return ""
    if src.is_multicast:
        return f"{src} is not a valid source address"
    if src.is_loopback or dst.is_loopback:
        return f"{dst if dst.is_loopback else src} is never valid on a link"
    if dst.is_multicast and dst.packed[1] & 15 < 2:
        return f"{dst} has interface-local scope and never leaves its host"
    return ""


def decide(network: RoutingTable, packet: Packet) -> Decision:
    """The routing decision for a packet after the prerouting hooks."""
    return _ipv4(network, packet) if packet.family == 4 else _ipv6(network, packet)


def _ipv4(network: RoutingTable, packet: Packet) -> Decision:
    src, dst = packet.src, packet.dst
    if dst.is_multicast:
        if dst != ALL_HOSTS:
            return Decision("drop", f"multicast to {dst} is not routed, and the gateway does not listen to it")
        wrong = _martian_source(network, packet, None)
        return Decision("drop", wrong) if wrong else Decision("input", f"{dst} is every host of this network")
    if int(src) == 0 and not (dst == ALL_ONES or int(dst) == 0):
        return Decision("drop", "0.0.0.0 is not a valid source address")
    if dst.is_loopback or (int(dst) == 0 and int(src) != 0):
        return Decision("drop", f"{dst} is never valid on a link")
    if dst == ALL_ONES or int(dst) == 0:
        wrong = _martian_source(network, packet, None)
        return Decision("drop", wrong) if wrong else Decision("input", f"{dst} is a broadcast")
    kind, route = network.kind(dst), network.route(dst, mark=packet.mark)
    if kind == "unicast" and route is None:
        return Decision("drop", f"there is no route to {dst}")
    if wrong := _martian_source(network, packet, route.link if kind == "unicast" else None):
        return Decision("drop", wrong)
    if kind == "unicast":
        return _forward(packet, route)
    own = next((own for own in network.own if own.interface.ip == dst), None)
    return _local_input(own) if own else Decision("input", f"{dst} is the broadcast address of a network here")


def _martian_source(network: RoutingTable, packet: Packet, oif: str | None) -> str:
    """Reason why the kernel rejects the source as martian (IPv4); empty if it accepts it."""
    src = packet.src
    if src.is_multicast or src == ALL_ONES or src.is_loopback:
        return f"{src} is not a valid source address"
    kind = network.kind(src)
    # the kernel checks for broadcast sources only with routing policy rules, or if the packet leaves by the link it came in on
    if kind == "local" or (kind == "broadcast" and (network.lookups or oif == packet.iif)):
        return f"{src} is {'an address of the gateway itself' if kind == 'local' else 'a broadcast address'}, not a host's"
    return ""


def _ipv6(network: RoutingTable, packet: Packet) -> Decision:
    src, dst = packet.src, packet.dst
    if dst.is_multicast:
        groups = [ALL_NODES, *(ROUTERS if 6 in network.forwarding else ())]
        groups += [_solicited_node(own) for own in network.own if own.link == packet.iif]
        if dst in groups:
            return Decision("input", f"{dst} is a group of this gateway")
        return Decision("drop", f"multicast to {dst} is not routed, and the gateway does not listen to it")
    if 6 not in network.forwarding and not any(own.interface.version == 6 for own in network.own):
        return Decision("drop", "IPv6 is off")
    near = [packet.iif] if dst.is_link_local else None
    if own := next((own for own in network.own if own.interface.ip == dst and (near is None or own.link in near)), None):
        return _local_input(own)
    if network.kind(dst) == "anycast":
        return Decision("input", f"{dst} is every router of its network")
    route = network.route(dst, near, packet.mark)
    if route is None or 6 not in network.forwarding:
        return Decision("drop", f"there is no route to {dst}")
    if route.link != packet.iif and (int(src) == 0 or src.is_link_local):
        return Decision("drop", f"{src} is not valid beyond its own network")
    return _forward(packet, route)


def _solicited_node(own: LocalAddress) -> Address | None:
    """Solicited-node multicast group of an IPv6 address (RFC 4291 2.7.1)."""
    if own.interface.version == 4:
        return None
    return SOLICITED_NODE.network_address + (int(own.interface.ip) & 0xFFFFFF)


def _local_input(own: LocalAddress) -> Decision:
    return Decision("input", f"{own.interface.ip} is the gateway's address on {own.link}", path=own.path)


def _forward(packet: Packet, route: RouteEntry) -> Decision:
    where = f"{route.via} on {route.link}" if route.via else f"its neighbour {packet.dst} on {route.link}"
    way = route.to if route.to.prefixlen else "the default route"
    return Decision("forward", f"by {way} to {where}", route, route.via or packet.dst, route.path)
