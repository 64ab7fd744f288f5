"""Random gateways and random packets for them, from one random.Random, so that a seed reproduces them."""

import base64
import random
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address, ip_network

import yaml

from gwimage import compiler, features
from gwimage.compiler import loading
from gwimage.explain.packet import Packet
from gwimage.language import source

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example"
# some are keywords of nft
NAMES = "lan iot guests dmz wan fibre cable ct set fwd vlan map office tv b-2 counter".split()
POOLS = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 203.0.113.0/24 198.51.100.0/24 100.64.0.0/10".split()
FIXED6, LOCAL6 = IPv6Network("2001:db8:1::/48"), IPv6Network("fd12:3456:789a::/48")
DELEGATED = IPv6Network("2001:db8:aa00::/56")
PORTS = (22, 53, 67, 80, 440, 443, 445, 460, 463, 480, 8000, 8003, 8020, 8443, 65535, 1)
ODD = (
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "224.0.0.5",
    "239.1.2.3",
    "169.254.9.9",
    "240.0.0.1",
    "0.0.0.9",
    "192.0.2.7",
    "192.168.178.1",
    "100.127.0.1",
)
# not ff02::1:ff00:0 and the like: cards without ARP do not join solicited-node multicast groups
ODD6 = (
    "::1",
    "::",
    "ff02::1",
    "ff02::2",
    "ff02::5",
    "ff05::2",
    "ff01::1",
    "ff0e::5",
    "fe80::9",
    "fe80::200:ff:fe00:0",
    "2001:db8:aa00:77::9",
    "fd00::9",
    "2001:db8:aa00::",
    "2001:db8:aa00:1::",
    "::ffff:10.0.0.1",
    "64:ff9b::808:808",
    # on the link of the first WAN and of the second that listen to routers
    "2001:db8:fffe::9",
    "2001:db8:fffe:1::9",
)
FILTER = (
    "ip saddr 10.0.0.0/8 tcp dport 8000-8100 counter drop",
    "ip dscp 46 counter",
    "udp dport 53 counter",
    "ip daddr 9.9.9.9 meta l4proto { udp, icmp } drop",
    "ip6 daddr 2620:fe::/16 drop",
)
# no other packet goes to the translated address
RAW = {
    "prerouting": FILTER,
    "input": FILTER,
    "forward": FILTER,
    "dstnat": ("tcp dport 8000-8100 drop", "ip daddr 8.8.4.4 dnat ip to 192.88.99.9", "udp dport 443 accept"),
    "srcnat": ("udp dport 8000-8100 drop", "ip daddr 9.9.9.9 snat ip to 203.0.113.77", "tcp dport 443 accept"),
}
FAR = ("9.9.9.9", "8.8.4.4")
FAR6 = ("2620:fe::fe", "2001:4860:4860::8888")


@dataclass(frozen=True)
class Sample:
    """A profile that compiles.

    leases: DHCP leases of the WANs; given: the same and a prefix, as `explain` takes it; nets: (zone, the gateway's
    address there); routed: networks behind other routers; peers: the addresses behind each tunnel.
    """

    text: str
    data: dict
    files: dict
    plan: object
    leases: dict[str, IPv4Interface]
    given: dict
    nets: tuple[tuple[str, IPv4Interface | IPv6Interface], ...]
    routed: tuple[IPv4Network, ...]
    peers: dict[str, tuple[IPv4Network, ...]]


def sample(rng: random.Random) -> Sample:
    """A sample that the checks accept; nearly every attempt is."""
    while True:
        data, leases = _profile(rng)
        text = yaml.safe_dump(data, sort_keys=False)
        read = source.parse(text, "random.yaml")
        files, _ = compiler.compile(read)
        if not files:
            continue
        plan = features.plan(loading.load(read)[0])
        given = {(name, 4): lease for name, lease in leases.items()} | {(name, 6): DELEGATED for name in data["wans"]}
        routed = [ip_network(route["to"]) for route in data.get("routes", ())]
        peers = {name: _behind(vpn) for name, vpn in data.get("vpn", {}).items()}
        routed += [net for nets in peers.values() for net in nets if net.prefixlen < 32]
        return Sample(text, data, files, plan, leases, given, tuple(_nets(data, leases)), tuple(routed), peers)


def _profile(rng: random.Random) -> tuple[dict, dict[str, IPv4Interface]]:
    names = rng.sample(NAMES, 9)
    taken: list[IPv4Network] = []
    wans = {names.pop(): {"nic": f"net{index}"} for index in range(rng.choice((1, 1, 2, 3)))}
    lans = {names.pop(): {"nic": f"net{len(wans) + index}"} for index in range(rng.choice((1, 2, 2, 3)))}
    leases = {}
    for name, wan in wans.items():
        if rng.random() < 0.4:
            wan["ipv4"], leases[name] = "dhcp", _address(rng, taken, (24, 22, 29, 30, 31))
        else:
            _fixed(rng, wan, taken)
    for lan in lans.values():
        _inside(rng, lan, taken)
    if rng.random() < 0.5:
        _ipv6(rng, wans, lans)
    data = {"version": 1, "name": "random", "release": "1.0.0", "wans": wans, "lans": lans}
    if rng.random() < 0.5:
        data["routes"] = _routes(rng, wans, lans, taken)
    if rng.random() < 0.4:
        data["vpn"] = {names.pop(): _vpn(rng, taken, index) for index in range(rng.choice((1, 1, 2)))}
    if rng.random() < 0.8:
        data["firewall"] = _firewall(rng, data, leases)
    if ssh := [zone for zone in (*wans, *lans) if rng.random() < 0.4]:
        data |= {"system": {"admin": {"ssh_keys": [KEY]}}, "services": {"ssh": {"from": ssh}}}
    return data, leases


def _fixed(rng: random.Random, wan: dict, taken: list[IPv4Network]) -> None:
    """Adds a static address, perhaps a /32 with its router off-subnet; perhaps more addresses, and the LANs behind one."""
    address = _address(rng, taken, (24, 22, 29, 30, 31, 32))
    router = _host(rng, address.network, address.ip) if address.network.prefixlen < 32 else _address(rng, taken, (32,)).ip
    wan["ipv4"] = {"address": str(address), "gateway": str(router)}
    more = [_address(rng, taken, (24, 29, 32)) for _ in range(rng.choice((0, 0, 1, 2)))]
    if address.network.prefixlen < 29 and rng.random() < 0.5:
        more.append(IPv4Interface((_host(rng, address.network, address.ip), address.network.prefixlen)))
    if more := [each for each in more if each.ip != router]:
        wan["ipv4"]["extra_addresses"] = list(map(str, more))
    if rng.random() < 0.4:
        wan["snat"] = str(rng.choice([address, *more]).ip)
    wan["mss_clamp"] = rng.choice((True, False, 1400))


def _inside(rng: random.Random, lan: dict, taken: list[IPv4Network]) -> None:
    lan["address"] = str(_address(rng, taken, (24, 24, 16, 23, 28, 30)))
    lan["masquerade"] = rng.random() < 0.7
    lan["internet"] = rng.choice((True, True, True, "public", "public", False))
    if rng.random() < 0.3:
        lan["extra_addresses"] = [str(_address(rng, taken, (24, 28)))]
    if rng.random() < 0.4:
        net = IPv4Interface(lan["address"])
        free = [str(ip) for ip in list(net.network.hosts())[:9] if ip != net.ip]
        lan["dhcp"] = {"pool": f"{free[0]}-{free[0]}"}


def _ipv6(rng: random.Random, wans: dict, lans: dict) -> None:
    for number, wan in enumerate(wans.values()):
        if rng.random() < 0.75:
            net = FIXED6[number << 64].exploded[:19] + "::"
            fixed = {"address": f"{net}2/{rng.choice((64, 128))}", "gateway": rng.choice(("fe80::1", f"{net}1"))}
            wan["ipv6"] = "auto" if rng.random() < 0.5 else fixed
    auto = any(wan.get("ipv6") == "auto" for wan in wans.values())
    for number, lan in enumerate(lans.values(), 16):
        fixed = rng.choice((FIXED6, LOCAL6))[number << 64].exploded[:19] + f"::{rng.choice(('1', 'ff', 'a:1'))}/64"
        if rng.random() < 0.8:
            lan["ipv6"] = rng.choice(("delegated", {"delegated": True, "address": fixed})) if auto else {"address": fixed}


def _routes(rng: random.Random, wans: dict, lans: dict, taken: list[IPv4Network]) -> list[dict]:
    """Routes to networks behind neighbours, some twice with another metric."""
    own = [lan["address"] for lan in lans.values()]
    fixed = [wan["ipv4"]["address"] for wan in wans.values() if wan["ipv4"] != "dhcp"]
    own += [address for address in fixed if not address.endswith("/32")]
    found = []
    for _ in range(rng.choice((1, 2, 3))):
        to = str(_address(rng, taken, (16, 24, 29, 32)).network)
        for metric in rng.sample((None, 50, 500), rng.choice((1, 1, 2))):
            here = IPv4Interface(rng.choice(own))
            via = str(_host(rng, here.network, here.ip))
            found.append({"to": to, "via": via} | ({"metric": metric} if metric else {}))
    return found


def _vpn(rng: random.Random, taken: list[IPv4Network], number: int) -> dict:
    own = _address(rng, taken, (24, 28))
    peers = {}
    for name in rng.sample(("phone", "laptop", "branch"), rng.choice((1, 2))):
        used = [own.ip, *(ip_address(peer["address"]) for peer in peers.values())]
        address = next(ip for ip in own.network.hosts() if ip not in used)
        peers[name] = {"public_key": base64.b64encode(rng.randbytes(32)).decode(), "address": str(address)}
        if name == "branch":
            peers[name]["networks"] = [str(_address(rng, taken, (16, 24)).network)]
    return {"address": str(own), "port": 51820 + number, "peers": peers}


def _firewall(rng: random.Random, data: dict, leases: dict) -> dict:
    nets = list(_nets(data, leases))
    inside = [*data["lans"], *data.get("vpn", {})]
    zones = [*data["wans"], *inside]
    found = {"allow": [_allow(rng, zones, nets, inside) for _ in range(rng.choice((0, 1, 2, 4)))]}
    found["forwards"] = {f"f{index}": _forward(rng, data, nets, index) for index in range(rng.choice((0, 1, 2, 3)))}
    if rng.random() < 0.5:
        found["sets"] = {f"s{index}": _some(rng, nets, inside, 3) for index in range(2)}
        for entry in (*found["allow"], *found["forwards"].values()):
            if rng.random() < 0.3:
                entry["sources"] = [rng.choice(("s0", "s1")), *entry.get("sources", [])[:1]]
    if rng.random() < 0.3:
        found["log"] = {"dropped": True}
    if rng.random() < 0.3:
        found["raw"] = {chain: [rng.choice(rules) for _ in range(2)] for chain, rules in rng.sample(list(RAW.items()), 2)}
    return found


def _allow(rng: random.Random, zones: list[str], nets: list, inside: list[str]) -> dict:
    start, end = rng.sample(zones, rng.choice((1, 2))), rng.sample([*zones, "gateway", "gateway"], rng.choice((1, 2)))
    entry = {"from": start, "to": list(dict.fromkeys(end))}
    kind = rng.random()
    if kind < 0.6:
        entry |= {"protocols": rng.choice((["tcp"], ["udp"], ["tcp", "udp"])), "ports": _ports(rng)}
    elif kind < 0.8:
        entry["protocols"] = rng.sample(("tcp", "udp", "icmp", "icmpv6", "esp", "gre"), 2)
    if rng.random() < 0.35:
        entry["sources"] = _some(rng, nets, start if set(start) <= set(inside) else (), 2)
    if rng.random() < 0.35 and "gateway" not in end:
        entry["destinations"] = _some(rng, nets, end if set(end) <= set(inside) else (), 2)
    if rng.random() < 0.2:
        entry["log"] = True
    return entry


def _forward(rng: random.Random, data: dict, nets: list, index: int) -> dict:
    home = rng.choice([net for name, net in nets if name in (*data["lans"], *data.get("vpn", {})) and net.version == 4])
    entry = {"ports": [20 * index + 440], "to": str(_host(rng, home.network, home.ip))}
    if rng.random() < 0.5:
        entry["protocols"] = rng.choice((["udp"], ["tcp", "udp"]))
    kind = rng.random()
    if kind < 0.3:
        first = 20 * index + 8000
        entry |= {"ports": [f"{first}-{first + 9}"], "to_port": rng.choice((80, 9000, first))}
    elif kind < 0.5:
        entry["ports"] = [20 * index + 443, f"{20 * index + 450}-{20 * index + 455}"]
    elif kind < 0.7:
        entry["to_port"] = rng.choice((22, 8443))
    if rng.random() < 0.4:
        entry["from"] = rng.sample(list(data["wans"]), rng.randrange(1, len(data["wans"]) + 1))
    if rng.random() < 0.25:
        entry["sources"] = rng.sample((*FAR, "9.9.0.0/16", "8.0.0.0/7"), rng.choice((1, 2)))
    if rng.random() < 0.3:
        entry["hairpin"] = False
    return entry


def _ports(rng: random.Random) -> list:
    return rng.sample((*PORTS, "440-500", "8000-8010", "20000-30000"), rng.choice((1, 2)))


def _some(rng: random.Random, nets: list, zones, count: int) -> list[str]:
    """Addresses, prefixes and ranges, of hosts in these zones or outside."""
    here = [net for name, net in nets if name in zones]
    found = set()
    for _ in range(rng.randrange(1, count + 1)):
        if not here:
            found.add(rng.choice((*FAR, *FAR6, "9.9.0.0/16", "8.0.0.0/7", "8.8.0.0-8.8.4.4", "2620:fe::/32")))
            continue
        net = rng.choice(here)
        first, last = sorted((_host(rng, net.network), _host(rng, net.network)))
        found.add(rng.choice((str(first), f"{first}-{last}" if first != last else str(first), str(net.network))))
    return sorted(found)


def _behind(vpn: dict) -> tuple[IPv4Network, ...]:
    peers = vpn["peers"].values()
    return tuple(ip_network(text) for peer in peers for text in (peer["address"], *peer.get("networks", ())))


def _nets(data: dict, leases: dict[str, IPv4Interface]):
    for name, wan in data["wans"].items():
        fixed = wan["ipv4"] if name not in leases else {"address": str(leases[name])}
        for text in (fixed["address"], *fixed.get("extra_addresses", ())):
            yield name, IPv4Interface(text)
        if isinstance(wan.get("ipv6"), dict):
            yield name, IPv6Interface(wan["ipv6"]["address"])
    for name, lan in data["lans"].items():
        for text in (lan["address"], *lan.get("extra_addresses", ())):
            yield name, IPv4Interface(text)
        if isinstance(lan.get("ipv6"), dict):
            yield name, IPv6Interface(lan["ipv6"]["address"])
    delegated = [(name, lan["ipv6"]) for name, lan in data["lans"].items() if "delegated" in lan.get("ipv6", ())]
    for number, (name, _) in enumerate(delegated):
        yield name, IPv6Interface((DELEGATED.network_address + (number << 64) + 1, 64))
    for name, vpn in data.get("vpn", {}).items():
        yield name, IPv4Interface(vpn["address"])


def _address(rng: random.Random, taken: list[IPv4Network], lengths: tuple[int, ...]) -> IPv4Interface:
    """A host of a subnet that overlaps none of `taken`."""
    while True:
        pool, length = IPv4Network(rng.choice(POOLS)), rng.choice(lengths)
        start = rng.getrandbits(32) & int(pool.hostmask) | int(pool.network_address)
        net = IPv4Network((start, max(length, pool.prefixlen)), strict=False)
        if not any(net.overlaps(other) for other in taken):
            taken.append(net)
            return IPv4Interface((_host(rng, net), net.prefixlen))


def _host(rng: random.Random, net, but=None):
    """A host of a network, also the first or the last, but not `but`."""
    if net.num_addresses <= 2:
        return rng.choice([ip for ip in net if ip != but] or [net[0]])
    found = net[rng.choice((1, net.num_addresses - 2, rng.randrange(1, net.num_addresses - 1)))]
    return found if found != but else _host(rng, net, but)


def packets(rng: random.Random, of: Sample, count: int) -> list[Packet]:
    """The first packets of `count` flows, distinct from each other's and from answers.

    The n-th, from 1 on, has source port 20000 + n.
    """
    found, alone = [], set()
    while len(found) < count:
        sport = 20001 + len(found)
        packet = _aimed(rng, of, sport) if rng.random() < 0.3 else _wild(rng, of, sport)
        if not packet:
            continue
        link = packet.iif
        if link in of.peers and not any(packet.src.version == 4 and packet.src in net for net in of.peers[link]):
            continue  # WireGuard itself would drop these; here tunnels are cables
        if packet.sport is None and packet.icmp_type is None or packet.sport == 68:
            # conntrack distinguishes such flows by addresses alone, also behind masquerade
            keys = {(packet.protocol, packet.src), (packet.protocol, packet.dst)}
            if keys & alone:
                continue
            alone |= keys
        found.append(packet)
    return found


def _wild(rng: random.Random, of: Sample, sport: int) -> Packet:
    """A packet from anywhere to anywhere, though mostly from an existing host."""
    link, here = rng.choice(of.nets)
    src = _host(rng, here.network, here.ip) if rng.random() < 0.8 else _any(rng, of, here.version)
    dst = _any(rng, of, here.version)
    if rng.random() < 0.03:  # also without IPv6
        src, dst = ip_address(rng.choice(("fe80::9", "::", "2001:db8:77::9"))), ip_address(rng.choice(ODD6))
    return _packet(rng, Packet(link, src, dst), sport)


def _aimed(rng: random.Random, of: Sample, sport: int) -> Packet | None:
    """A packet that nearly or fully matches a forward or an entry of firewall.allow; or SSH."""
    firewall, wans = of.data.get("firewall", {}), list(of.data["wans"])
    entry = rng.choice([*firewall.get("forwards", {}).values(), *firewall.get("allow", ()), {"ports": [22]}])
    if "to" not in entry or isinstance(entry["to"], str):
        start = rng.choice(wans) if rng.random() < 0.6 else rng.choice(of.nets)[0]
        dst = rng.choice([net.ip for name, net in of.nets if name in wans and net.version == 4])
    else:
        start, end = rng.choice(entry["from"]), rng.choice(entry["to"])
        nets = [net for name, net in of.nets if end in (name, "gateway")]
        there = [net.ip if end == "gateway" else _host(rng, net.network, net.ip) for net in nets]
        dst = _one_of(rng, of, entry.get("destinations", ())) or rng.choice(there)
    here = [net for name, net in of.nets if name == start and net.version == dst.version]
    src = _one_of(rng, of, entry.get("sources", ()))
    if not src and start in wans and rng.random() < 0.7:
        src = ip_address(rng.choice(FAR if dst.version == 4 else FAR6))
    elif not src and here:
        net = rng.choice(here)
        src = _host(rng, net.network, net.ip)
    if src is None or src.version != dst.version:
        return None
    if "ports" not in entry:
        return _packet(rng, Packet(start, src, dst), sport)
    port = rng.choice(entry["ports"])
    first, _, last = str(port).partition("-")
    protocol = {"tcp": 6, "udp": 17}[rng.choice(entry.get("protocols", ("tcp", "udp")))]
    return Packet(start, src, dst, protocol, sport, rng.randrange(int(first), int(last or first) + 1))


def _one_of(rng: random.Random, of: Sample, items):
    """An address out of a list of addresses, prefixes, ranges and sets."""
    if not items:
        return None
    item = rng.choice(items)
    if item in of.data["firewall"].get("sets", {}):
        return _one_of(rng, of, of.data["firewall"]["sets"][item])
    if "-" in item:
        return ip_address(rng.choice(item.split("-")))
    return _host(rng, ip_network(item, strict=False))


def _packet(rng: random.Random, ends: Packet, sport: int) -> Packet:
    version, link, src, dst = ends.src.version, ends.iif, ends.src, ends.dst
    icmp = 1 if version == 4 else 58
    protocol = rng.choice((6, 6, 6, 17, 17, 17, icmp, icmp, 47, 50, 253))
    hops = rng.choice((64, 64, 255))
    if protocol in (6, 17):
        port = rng.choice(PORTS) if rng.random() < 0.9 else rng.randrange(1, 65536)
        sport = 68 if (protocol, port) == (17, 67) and rng.random() < 0.7 else sport
        return Packet(link, src, dst, protocol, sport, port, hop_limit=hops)
    if protocol == icmp:
        types = {4: (8, 8, 8, 8, 13, 0, 3, 5, 9, 10, 11, 12, 17, 30), 6: (*[128] * 9, *range(129, 138), 1, 2, 3, 143, 200)}
        return Packet(link, src, dst, protocol, icmp_type=rng.choice(types[version]), hop_limit=hops)
    return Packet(link, src, dst, protocol, hop_limit=hops)


def _any(rng: random.Random, of: Sample, version: int):
    """An address of any kind: a host inside, the gateway's, a network's ends, outside, odd."""
    _, net = rng.choice([each for each in of.nets if each[1].version == version])
    if version == 4 and of.routed and rng.random() < 0.2:
        return _host(rng, rng.choice(of.routed))
    kind = rng.random()
    if kind < 0.35:
        return _host(rng, net.network, net.ip)
    if kind < 0.5:
        return net.ip
    if kind < 0.57:
        return rng.choice((net.network.network_address, net.network.broadcast_address))
    if kind < 0.65:
        return ip_address(rng.choice(ODD if version == 4 else ODD6))
    if version == 6:
        return ip_address(rng.choice(FAR6))
    return ip_address(rng.choice((*FAR, str(ip_address(rng.randrange(1 << 24, 223 << 24))))))
