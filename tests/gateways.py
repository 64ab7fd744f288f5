"""Random gateways and random packets for them. Everything comes from one random.Random, so that a seed says it all."""

import random
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, ip_address

import yaml

from gwimage import compile as compiler
from gwimage import profile as profiles
from gwimage import source
from gwimage.explain.packet import Packet

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example"
# words of nft's own among them
NAMES = "lan iot guests dmz wan fibre cable ct set fwd vlan map office tv b-2 counter".split()
POOLS = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "203.0.113.0/24", "198.51.100.0/24", "100.64.0.0/10")]
PORTS = (22, 53, 67, 80, 443, 445, 8000, 8443, 65535, 1)
ODD = ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "224.0.0.5", "239.1.2.3", "169.254.9.9", "240.0.0.1", "0.0.0.9", "192.0.2.7")


@dataclass(frozen=True)
class Sample:
    """A profile that compiles; leases: what DHCP gives its WANs; nets: (zone, the gateway's address there);
    routed: what lies behind other routers."""

    text: str
    files: dict
    plan: object
    leases: dict[str, IPv4Interface]
    nets: tuple[tuple[str, IPv4Interface], ...]
    routed: tuple[IPv4Network, ...]

    @property
    def given(self) -> dict:
        """As `explain` takes it."""
        return {(name, lease.version): lease for name, lease in self.leases.items()}


def sample(rng: random.Random) -> Sample:
    """One that the checks accept; nearly every attempt is."""
    while True:
        data, leases = _profile(rng)
        text = yaml.safe_dump(data, sort_keys=False)
        read = source.parse(text, "random.yaml")
        files, _ = compiler.compile(read)
        if files:
            plan = profiles.plan(compiler.load(read)[0])
            return Sample(text, files, plan, leases, tuple(_nets(data, leases)), _routed(data))


def _profile(rng: random.Random) -> tuple[dict, dict[str, IPv4Interface]]:
    names = rng.sample(NAMES, 7)
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
    routes = _routes(rng, wans, lans, taken) if rng.random() < 0.5 else []
    ssh = [zone for zone in (*list(wans)[:1], *lans) if rng.random() < 0.4]
    data = {"version": 1, "name": "random", "release": "1.0.0", "wans": wans, "lans": lans}
    if routes:
        data["routes"] = routes
    if ssh:
        data |= {"system": {"admin": {"ssh_keys": [KEY]}}, "services": {"ssh": {"from": ssh}}}
    return data, leases


def _fixed(rng: random.Random, wan: dict, taken: list[IPv4Network]) -> None:
    """A fixed address, perhaps a single one whose router is in no subnet; perhaps more; perhaps the LANs are hidden behind one."""
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
    lan["internet"] = rng.random() < 0.85
    if rng.random() < 0.3:
        lan["extra_addresses"] = [str(_address(rng, taken, (24, 28)))]
    if rng.random() < 0.4:
        net = IPv4Interface(lan["address"])
        free = [str(ip) for ip in list(net.network.hosts())[:9] if ip != net.ip]
        lan["dhcp"] = {"pool": f"{free[0]}-{free[0]}"}


def _routes(rng: random.Random, wans: dict, lans: dict, taken: list[IPv4Network]) -> list[dict]:
    """Networks behind neighbours, some of them twice with another metric."""
    own = [lan["address"] for lan in lans.values()]
    own += [wan["ipv4"]["address"] for wan in wans.values() if wan["ipv4"] != "dhcp" and not wan["ipv4"]["address"].endswith("/32")]
    found = []
    for _ in range(rng.choice((1, 2, 3))):
        to = str(_address(rng, taken, (16, 24, 29, 32)).network)
        for metric in rng.sample((None, 50, 500), rng.choice((1, 1, 2))):
            here = IPv4Interface(rng.choice(own))
            via = str(_host(rng, here.network, here.ip))
            found.append({"to": to, "via": via} | ({"metric": metric} if metric else {}))
    return found


def _address(rng: random.Random, taken: list[IPv4Network], lengths: tuple[int, ...]) -> IPv4Interface:
    """A host of a subnet that overlaps none of `taken`."""
    while True:
        pool, length = rng.choice(POOLS), rng.choice(lengths)
        start = rng.getrandbits(32) & int(pool.hostmask) | int(pool.network_address)
        net = IPv4Network((start, max(length, pool.prefixlen)), strict=False)
        if not any(net.overlaps(other) for other in taken):
            taken.append(net)
            return IPv4Interface((_host(rng, net), net.prefixlen))


def _host(rng: random.Random, net: IPv4Network, but=None):
    """One of its hosts, also the first and the last, but not that one."""
    if net.prefixlen >= 31:
        return rng.choice([ip for ip in net if ip != but] or [net[0]])
    found = net[rng.choice((1, net.num_addresses - 2, rng.randrange(1, net.num_addresses - 1)))]
    return found if found != but else _host(rng, net, but)


def _nets(data: dict, leases: dict[str, IPv4Interface]):
    for name, wan in data["wans"].items():
        fixed = wan["ipv4"] if name not in leases else {"address": str(leases[name])}
        for text in (fixed["address"], *fixed.get("extra_addresses", ())):
            yield name, IPv4Interface(text)
    for name, lan in data["lans"].items():
        for text in (lan["address"], *lan.get("extra_addresses", ())):
            yield name, IPv4Interface(text)


def _routed(data: dict) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(route["to"]) for route in data.get("routes", ()))


def packets(rng: random.Random, of: Sample, count: int) -> list[Packet]:
    """The first packets of `count` flows, none of which can be taken for another's or for an answer."""
    found, alone = [], set()
    while len(found) < count:
        link, here = rng.choice(of.nets)
        src = _host(rng, here.network, here.ip) if rng.random() < 0.8 else _any(rng, of)
        dst = _any(rng, of)
        protocol = rng.choice((6, 6, 6, 17, 17, 17, 1, 1, 47, 50, 253))
        packet = Packet(link, src, dst, protocol)
        if protocol in (6, 17):
            port = rng.choice(PORTS) if rng.random() < 0.9 else rng.randrange(1, 65536)
            sport = 68 if protocol == 17 and port == 67 and rng.random() < 0.7 else 20000 + len(found)
            packet = Packet(link, src, dst, protocol, sport, port)
            if sport == 68:
                # behind a masquerade a second one to the same server would get another port
                if {(17, src), (17, dst)} & alone:
                    continue
                alone |= {(17, src), (17, dst)}
        elif protocol == 1:
            packet = Packet(link, src, dst, protocol, icmp_type=rng.choice((8, 8, 8, 8, 13, 0, 3, 5, 9, 10, 11, 12, 17, 30)))
        else:
            # conntrack tells such flows apart by their addresses alone, also behind a masquerade
            if {(protocol, src), (protocol, dst)} & alone:
                continue
            alone |= {(protocol, src), (protocol, dst)}
        found.append(packet)
    return found


def _any(rng: random.Random, of: Sample):
    """An address of any kind: a host inside, the gateway's, a network's ends, outside, odd."""
    _, net = rng.choice(of.nets)
    if of.routed and rng.random() < 0.2:
        return _host(rng, rng.choice(of.routed))
    kind = rng.random()
    if kind < 0.35:
        return _host(rng, net.network, net.ip)
    if kind < 0.5:
        return net.ip
    if kind < 0.57:
        return rng.choice((net.network.network_address, net.network.broadcast_address))
    if kind < 0.65:
        return ip_address(rng.choice(ODD))
    return ip_address(rng.choice(("9.9.9.9", "8.8.4.4", str(ip_address(rng.randrange(1 << 24, 223 << 24))))))
