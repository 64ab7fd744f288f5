"""WireGuard tunnels for roaming devices and other sites; each is a zone, isolated like a LAN.

Keys are given by reference only. Private and preshared keys are written only as credentials in the configuration layer;
systemd-networkd.service imports network.wireguard.*, and credentials of the hypervisor override built-in ones.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from gwimage.claims import vpn as claims
from gwimage.plan import Element, File, Plan, Rule, Setting, any_of, links, settings
from gwimage.plan.nft import ICMP_LIMIT
from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile, subnets
from gwimage.profile.vpn import Peer, Vpn
from gwimage.values import host_address, nic, wireguard
from gwimage.values.ports import DHCP, DHCP6, DHCP6_CLIENT, DHCP_CLIENT, DNS, NTP

OWN_NAME = re.compile(r"wg[0-9]+")  # the customary name; the kernel never assigns it itself
LONGEST_KEEPALIVE = 65535
USUAL_MTU = 1500
OVERHEAD, OVERHEAD6 = 60, 80  # bytes of WireGuard, UDP and IPv4 or IPv6 around a packet
WIDEST = 8
# UDP ports on which the gateway itself may listen
TAKEN = {DNS: "DNS", DHCP: "DHCP", DHCP_CLIENT: "DHCP", NTP: "time", DHCP6_CLIENT: "DHCPv6", DHCP6: "DHCPv6"}
CLAMP = "tcp option maxseg size set rt mtu"
RULES = (
    Rule("input.icmp", f"iifname @vpns icmp type echo-request {ICMP_LIMIT} accept", "vpn"),
    # LAN hosts do not know the smaller MTU of the tunnel
    Rule("clamp.segments", f"oifname @vpns {CLAMP}", "vpn"),
    Rule("clamp.segments", f"iifname @vpns {CLAMP}", "vpn"),
)


def check(profile: Profile) -> list[Problem]:
    problems, ports = _overlaps(profile), {}
    own = {entry.address.ip for entry in subnets.own(profile)}
    for vpn in profile.vpn:
        path = ("vpn", vpn.name)
        problems += _check_name(path, vpn.name, profile)
        wrong = host_address.check_host((*path, "address"), vpn.address, WIDEST, narrowest=31)
        problems += wrong or subnets.check_home_router((*path, "address"), vpn.address.network, profile)
        problems += _check_port((*path, "port"), vpn, ports.setdefault(vpn.port, vpn))
        problems += _check_mtu((*path, "mtu"), vpn.mtu, profile)
        problems += wireguard.check_secret((*path, "private_key_file"), vpn.private_key)
        problems += _check_keys(path, vpn)
        for peer in vpn.peers:
            problems += _check_peer((*path, "peers", peer.name), peer, vpn, own)
            for index, net in enumerate(peer.networks):
                place = (*path, "peers", peer.name, "networks", index)
                problems += _check_network(place, net) or subnets.check_home_router(place, net, profile)
        if not vpn.peers:
            hint = "make a key with `gwimage wg genkey`, and name it under peers"
            problems.append(Problem(path, f"nobody can connect to {vpn.name}: it has no peers", hint, "warning", on_key=True))
    return problems


def _check_name(path: Path, name: str, profile: Profile) -> list[Problem]:
    problems = [] if OWN_NAME.fullmatch(name) else nic.check_name(path, name)
    for kind, networks in (("WAN", profile.wans), ("LAN", profile.lans)):
        if any(net.name == name for net in networks):
            hint = "the name is the interface's: give each network its own"
            problems.append(Problem(path, f"a {kind} is called {name!r} too", hint, on_key=True))
    return problems


def _check_port(path: Path, vpn: Vpn, first: Vpn) -> list[Problem]:
    """Problems of the listen port; first: the first VPN with this port."""
    if vpn.port is None:
        return []
    hint = "choose another, such as 51821"
    if vpn.port in TAKEN:
        return [Problem(path, f"UDP port {vpn.port} is the gateway's own, for {TAKEN[vpn.port]}", hint)]
    if first is not vpn:
        return [Problem(path, f"{first.name} listens on UDP port {vpn.port} already", hint)]
    return []


def _check_mtu(path: Path, mtu: int, profile: Profile) -> list[Problem]:
    room, wan = min((wan.link.mtu or USUAL_MTU, wan.name) for wan in profile.wans)
    if mtu + OVERHEAD <= room:
        return []
    message = (
        f"packets of {mtu} bytes are {mtu + OVERHEAD} with the tunnel around them, and {wan} takes {room}: they will be cut up"
    )
    return [Problem(path, message, f"{room - OVERHEAD6} fits, also where the tunnel runs over IPv6", "warning")]


def _check_keys(path: Path, vpn: Vpn) -> list[Problem]:
    """Public keys that cannot be a peer's."""
    problems, seen = [], {}
    own = wireguard.public(vpn.private_key) if vpn.private_key and wireguard.is_key(vpn.private_key) else None
    for peer in vpn.peers:
        key, place = peer.public_key, (*path, "peers", peer.name, "public_key")
        hint = f"give the public key of {peer.name}"
        if key == wireguard.ZERO:
            problems.append(Problem(place, "this key is all zero", hint))
        elif key == own:
            problems.append(Problem(place, "this is the gateway's own public key", hint))
        elif key in (vpn.private_key, peer.preshared_key):
            problems.append(Problem(place, "this is one of the secret keys", hint))
        elif key in seen:
            message = f"{seen[key]} has this key too: WireGuard would know only one of them"
            problems.append(Problem(place, message, "each peer needs a key of its own"))
        seen.setdefault(key, peer.name)
    return problems


def _check_peer(path: Path, peer: Peer, vpn: Vpn, own: set[IPv4Address]) -> list[Problem]:
    problems = _check_address((*path, "address"), peer, vpn) if host_address.is_valid(vpn.address, narrowest=31) else []
    problems += _check_endpoint((*path, "endpoint"), peer, vpn, own)
    problems += wireguard.check_secret((*path, "preshared_key_file"), peer.preshared_key)
    if peer.keepalive is not None and not 1 <= peer.keepalive <= LONGEST_KEEPALIVE:
        message = f"a keepalive is sent every 1s to {LONGEST_KEEPALIVE}s"
        problems.append(Problem((*path, "keepalive"), message, "25s is usual"))
    if vpn.port is None and peer.endpoint is None:
        hint = f"give {vpn.name} a port, or {peer.name} an endpoint"
        message = f"neither side can call the other: {vpn.name} has no port, and {peer.name} no endpoint"
        problems.append(Problem(path, message, hint, on_key=True))
    return problems


def _check_address(path: Path, peer: Peer, vpn: Vpn) -> list[Problem]:
    net, address = vpn.address.network, peer.address
    if address not in net:
        return [Problem(path, f"{address} is not in {net}, the subnet of {vpn.name}", f"{vpn.name} is {vpn.address}")]
    if address == vpn.address.ip:
        return [Problem(path, f"{address} is the gateway's own address", "give each peer another")]
    if net.prefixlen < 31 and address in (net.network_address, net.broadcast_address):
        return [Problem(path, f"{address} is the network or broadcast address of {net}", "give another")]
    if (first := next(other for other in vpn.peers if other.address == address)) is not peer:
        return [Problem(path, f"{first.name} has {address} already", "give each peer an address of its own")]
    return []


def _check_endpoint(path: Path, peer: Peer, vpn: Vpn, own: set[IPv4Address]) -> list[Problem]:
    """Endpoint addresses that the gateway cannot reach; own: its addresses outside the tunnels."""
    host, _ = wireguard.endpoint(peer.endpoint or "")
    if not isinstance(host, IPv4Address):
        return []
    hint = "give the address that the peer has outside the tunnel"
    if reason := host_address.unusable(host):
        return [Problem(path, f"{host} {reason}", hint)]
    if host in own:
        return [Problem(path, f"{host} is the gateway itself", hint)]
    behind = (vpn.address.network, *peer.networks)
    if inside := [net for net in behind if host in net]:
        return [Problem(path, f"{host} is in {inside[0]}, which is reached through the tunnel only", hint)]
    return []


def _check_network(path: Path, net: IPv4Network) -> list[Problem]:
    if net.prefixlen < WIDEST:
        hint = "name the subnets behind the peer; sending everything through a tunnel is not supported"
        return [Problem(path, f"{net} is too large: {WIDEST} is the shortest prefix length", hint)]
    if reason := host_address.unusable(net.network_address):
        return [Problem(path, f"{net.network_address} {reason}", "name the subnets behind the peer")]
    return []


def _overlaps(profile: Profile) -> list[Problem]:
    return [
        Problem(later, f"the subnet {net} overlaps {other} of {dotted(first)}", "each network needs a subnet of its own")
        for first, other, later, net in subnets.overlapping([*_subnets(profile)])
        if later[0] == "vpn"
    ]


def _subnets(profile: Profile) -> Iterator[tuple[Path, IPv4Network]]:
    """Subnets valid by themselves; VPNs last, so that an overlap is reported at the VPN."""
    sane = (entry for entry in subnets.own(profile) if host_address.is_valid(entry.address, narrowest=32))
    yield from ((entry.zone, entry.address.network) for entry in sane)
    yield from ((("routes", index), route.to.network) for index, route in enumerate(profile.routes))
    for vpn in profile.vpn:
        if host_address.is_valid(vpn.address, narrowest=31):
            yield ("vpn", vpn.name, "address"), vpn.address.network
        for peer in vpn.peers:
            path = ("vpn", vpn.name, "peers", peer.name, "networks")
            yield from (((*path, index), net) for index, net in enumerate(peer.networks) if not _check_network((), net))


def plan(profile: Profile) -> Plan:
    if not profile.vpn:
        return Plan()
    return sum((_plan_one(vpn, profile) for vpn in profile.vpn), Plan(rules=RULES, claims=claims.claims(profile)))


def _plan_one(vpn: Vpn, profile: Profile) -> Plan:
    path, zone = f"vpn.{vpn.name}", f'"{vpn.name}"'
    networks = [(str(net), f"{path}.peers.{peer.name}.networks") for peer in vpn.peers for net in peer.networks]
    behind = any_of(vpn.networks)
    rules = (
        Rule("spoof.sources", f"iifname {zone} ip saddr != {behind} counter drop", path),
        # not IPMasquerade=, which ignores routed subnets and destinations: it would masquerade
        # phones towards servers on a LAN, and towards each other
        Rule("srcnat.routed", f"oifname @wans ip saddr {behind} masquerade", path),
    )
    elements = [
        Element("vpns", zone, path),
        Element("inside", str(vpn.address.network), f"{path}.address"),
        Element("own", str(vpn.address.ip), f"{path}.address"),
        *(Element("inside", net, origin) for net, origin in networks),
        Element("gateway_open", f"{zone} . udp . 53", path),
        Element("gateway_open", f"{zone} . tcp . 53", path),
    ]
    if vpn.port:
        # from the LANs too: a phone at home uses the same endpoint as when roaming
        callers = (*profile.wans, *profile.lans)
        elements += [Element("gateway_open", f'"{net.name}" . udp . {vpn.port}', f"{path}.port") for net in callers]
    return Plan(
        network=(*_netdev(vpn, path), *_network(vpn, path, networks)),
        resolved=(Setting("resolved.conf", "Resolve", "DNSStubListenerExtra", str(vpn.address.ip), f"{path}.address"),),
        rules=rules,
        elements=tuple(elements),
        files=tuple((f"etc/credstore/{name}", File(key, mode=0o600)) for name, key in _secrets(vpn)),
    )


def _credential(vpn: Vpn, peer: Peer | None = None) -> str:
    """Credential name of a key; unique, since names contain no dot."""
    return f"network.wireguard.{vpn.name}" + (f".{peer.name}" if peer else "")


def _secrets(vpn: Vpn) -> Iterator[tuple[str, str]]:
    if vpn.private_key is not None:
        yield _credential(vpn), vpn.private_key
    yield from ((_credential(vpn, peer), peer.preshared_key) for peer in vpn.peers if peer.preshared_key is not None)


def _netdev(vpn: Vpn, path: str) -> Iterator[Setting]:
    file = f"30-{vpn.name}.netdev"
    yield from settings(file, "NetDev", path, [("Name", vpn.name), ("Kind", "wireguard")])
    yield Setting(file, "NetDev", "MTUBytes", str(vpn.mtu), f"{path}.mtu")
    yield Setting(file, "WireGuard", "PrivateKey", f"@{_credential(vpn)}", f"{path}.private_key_file")
    if vpn.port:
        yield Setting(file, "WireGuard", "ListenPort", str(vpn.port), f"{path}.port")
    for peer in vpn.peers:
        own = f"{path}.peers.{peer.name}"
        values = [("PublicKey", peer.public_key, "public_key")]
        if peer.preshared_key is not None:
            values.append(("PresharedKey", f"@{_credential(vpn, peer)}", "preshared_key_file"))
        values.append(("AllowedIPs", f"{peer.address}/32", "address"))
        values += [("AllowedIPs", str(net), "networks") for net in peer.networks]
        if peer.endpoint:
            values.append(("Endpoint", peer.endpoint, "endpoint"))
        if peer.keepalive:
            values.append(("PersistentKeepalive", str(peer.keepalive), "keepalive"))
        yield from (Setting(file, "WireGuardPeer", key, value, f"{own}.{why}", peer.name) for key, value, why in values)


def _network(vpn: Vpn, path: str, networks: list[tuple[str, str]]) -> Iterator[Setting]:
    file = f"30-{vpn.name}.network"
    yield Setting(file, "Match", "Name", vpn.name, path)
    yield Setting(file, "Link", "RequiredForOnline", "no", path)
    yield Setting(file, "Network", "Address", str(vpn.address), f"{path}.address")
    yield from links.no_discovery(file, path)
    # not [WireGuard] RouteTable=, which would also add a route for every peer's single address
    for net, origin in networks:
        yield Setting(file, "Route", "Destination", net, origin, net)
