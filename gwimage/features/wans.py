"""WANs: address by DHCP or static, default route, DNS servers."""

from collections.abc import Iterator

from gwimage.claims import prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_services import WanAddress
from gwimage.claims.claim_traffic import MssClamp, Mtu
from gwimage.plan import Element, Plan, Rule, Setting, antispoof, any_of, links, settings
from gwimage.problem import Path, Problem
from gwimage.profile import Profile, link, subnets
from gwimage.profile.wans import DhcpAddress, StaticAddress, Wan
from gwimage.values import host_address, nic

HEADERS = 40  # bytes of IPv4 and TCP


def check(profile: Profile) -> list[Problem]:
    problems = []
    for wan in profile.wans:
        path = ("wans", wan.name)
        problems += nic.check_name(path, wan.name)
        problems += host_address.check_dns((*path, "dns"), wan.dns)
        problems += _own_servers((*path, "dns"), wan, profile)
        problems += _check_clamp((*path, "mss_clamp"), wan)
        problems += _check_snat((*path, "snat"), wan)
        if isinstance(wan.ipv4, StaticAddress):
            problems += _check_static((*path, "ipv4"), wan.ipv4, profile)
    return problems


def _check_static(path: Path, ipv4: StaticAddress, profile: Profile) -> list[Problem]:
    problems = host_address.check_host((*path, "address"), ipv4.address, narrowest=32)
    problems = problems or _gateway((*path, "gateway"), ipv4, profile)
    for index, address in enumerate(ipv4.extra_addresses):
        problems += host_address.check_host((*path, "extra_addresses", index), address, narrowest=32)
    return problems


def _check_clamp(path: Path, wan: Wan) -> list[Problem]:
    room = (wan.link.mtu or link.USUAL_MTU) - HEADERS
    if wan.mss_clamp is True or wan.mss_clamp <= room:
        return []
    message = f"segments of {wan.mss_clamp} bytes do not fit into packets of {room + HEADERS}: {HEADERS} are headers"
    return [Problem(path, message, f"{room} at most, or true to let the gateway reckon")]


def _check_snat(path: Path, wan: Wan) -> list[Problem]:
    own = [address.ip for address in subnets.addresses(wan)]
    if wan.snat is None or wan.snat in own:
        return []
    if not own:
        hint = "leave snat out: the LANs are hidden behind the address of the lease anyway"
        return [Problem(path, "a fixed source address needs a fixed address here, not dhcp", hint)]
    hint = f"one of {', '.join(map(str, own))}, or add it to ipv4.extra_addresses"
    return [Problem(path, f"{wan.snat} is no address of {wan.name}", hint)]


def _gateway(path: Path, ipv4: StaticAddress, profile: Profile) -> list[Problem]:
    net, gateway = ipv4.address.network, ipv4.gateway
    if gateway in [address.ip for address in (ipv4.address, *ipv4.extra_addresses)]:
        return [Problem(path, f"{gateway} is this gateway's own address", "give the address of the provider's router")]
    if net.prefixlen == 32:
        if reason := host_address.unusable(gateway):
            return [Problem(path, f"{gateway} {reason}", "give the address of the provider's router")]
        if inside := [lan for lan in profile.lans if any(gateway in other for other in subnets.connected(lan))]:
            return [Problem(path, f"{gateway} is on {inside[0].name}, a network inside", "check both addresses")]
        return []
    if gateway not in net:
        return [Problem(path, f"{gateway} is not in {net}, the subnet of {ipv4.address}", "check both addresses")]
    if net.prefixlen < 31 and gateway in (net.network_address, net.broadcast_address):
        return [Problem(path, f"{gateway} is the network or broadcast address of {net}", "check the prefix length")]
    return []


def _own_servers(path: Path, wan: Wan, profile: Profile) -> list[Problem]:
    own = {address.ip for net in (*profile.wans, *profile.lans) for address in subnets.addresses(net)}
    routed, problems = subnets.routed(profile) if wan.dns else {}, []
    for index, server in enumerate(wan.dns):
        hint = "name a server outside; clients use the gateway without being told here"
        if server in own:
            problems.append(Problem((*path, index), f"{server} is the gateway itself: it would ask itself", hint))
        for lan in profile.lans:
            if any(server in net for net in (*subnets.connected(lan), *routed.get(lan.name, ()))) and server not in own:
                hint = f"clients may use it: lans.{lan.name}.dhcp.dns"
                message = f"{server} is on {lan.name}, but servers of a WAN are asked through the WAN"
                problems.append(Problem((*path, index), message, hint))
    return problems


def plan(profile: Profile) -> Plan:
    parts = sum((_plan_one(wan, index, profile) for index, wan in enumerate(profile.wans)), Plan())
    return parts + Plan(claims=tuple(_sizes(profile)))


def _plan_one(wan: Wan, index: int, profile: Profile) -> Plan:
    path, file = f"wans.{wan.name}", f"10-{wan.name}.network"
    metric = 100 * (index + 1)
    match wan.ipv4:
        case DhcpAddress():
            text, ipv4 = f"{wan.name} gets an address by DHCP", _dhcp(file, path, wan, metric, profile)
            refused = _refused(wan, profile)
        case StaticAddress(address):
            text, ipv4 = f"{wan.name} has its address {address}", _static(file, path, wan, wan.ipv4, metric)
            refused = ()
    network = (
        Setting(file, "Match", "Name", wan.name, path),
        # LANs must not wait for a WAN
        Setting(file, "Link", "RequiredForOnline", "no", path),
        *ipv4,
        *links.no_discovery(file, path, wan.name in profile.ipv6.wans),
    )
    claim = Claim(f"{path}.address", f"{path}.ipv4", text, WanAddress(wan.name))
    elements = (Element("wans", f'"{wan.name}"', path),)
    rules = _clamp(wan, f"{path}.mss_clamp") + refused
    return Plan(network=network, rules=rules, elements=elements, claims=(claim,))


def _refused(wan: Wan, profile: Profile) -> tuple[Rule, ...]:
    """Log rules for DHCP servers that networkd silently refuses (DenyList=); shown on the console too.

    They run before routing, since the kernel drops packets with one of its own addresses as source, which a home router with
    the gateway's own address sends. A NAT chain (`antispoof.chain`) misses an answer while conntrack has the same addresses and
    ports from elsewhere, such as after a broadcast of our own server, and sees the next ones.
    """
    wrong = f"gwimage: no address taken on {wan.name} from a DHCP server in a subnet of ours; give that network another: "
    said = f'log prefix "{wrong}" level err'
    match = f'iifname "{wan.name}" udp dport 68 ip saddr {any_of(subnets.all_inside(profile))}'
    return (
        Rule(
            f"{antispoof.chain(profile)}.dhcp", f"{match} limit rate 1/minute burst 1 packets {said}", f"wans.{wan.name}.ipv4"
        ),
    )


def _clamp(wan: Wan, path: str) -> tuple[Rule, ...]:
    """MSS clamp in both directions, since each side's SYN carries its own MSS."""
    if wan.mss_clamp is False:
        return ()
    size = "rt mtu" if wan.mss_clamp is True else wan.mss_clamp
    return tuple(
        Rule("clamp.segments", f'{side} "{wan.name}" tcp option maxseg size set {size}', path)
        for side in ("oifname", "iifname")
    )


def _dhcp(file: str, path: str, wan: Wan, metric: int, profile: Profile) -> tuple[Setting, ...]:
    client = [
        # client id from the MAC address, so that a provider's reservation always matches; a DUID depends on
        # the machine id, which changes when the state volume is lost
        ("ClientIdentifier", "mac"),
        ("RouteMetric", str(metric)),
        ("UseHostname", "no"),
        ("UseDomains", "no"),
        ("UseTimezone", "no"),
        # refuse an outside router that uses our own subnets: its addresses would hide hosts inside
        ("DenyList", " ".join(map(str, subnets.all_inside(profile)))),
    ]
    if wan.dns:
        client.append(("UseDNS", "no"))
    return (
        # with prefix delegation the DHCPv6 client does not wait for a router advertisement
        Setting(file, "Network", "DHCP", "yes" if wan.name == profile.ipv6.uplink else "ipv4", f"{path}.ipv4"),
        *_dns(file, path, wan),
        *settings(file, "DHCPv4", f"{path}.ipv4", client),
    )


def _static(file: str, path: str, wan: Wan, ipv4: StaticAddress, metric: int) -> tuple[Setting, ...]:
    on_link = ()
    if ipv4.address.network.prefixlen == 32:  # the router is on-link, though in none of our subnets
        on_link = (Setting(file, "Route", "GatewayOnLink", "yes", f"{path}.ipv4.gateway"),)
    return (
        Setting(file, "Network", "Address", str(ipv4.address), f"{path}.ipv4.address"),
        *(Setting(file, "Network", "Address", str(extra), f"{path}.ipv4.extra_addresses") for extra in ipv4.extra_addresses),
        *_dns(file, path, wan),
        Setting(file, "Route", "Gateway", str(ipv4.gateway), f"{path}.ipv4.gateway"),
        *on_link,
        Setting(file, "Route", "Metric", str(metric), path),
    )


def _dns(file: str, path: str, wan: Wan) -> tuple[Setting, ...]:
    return tuple(Setting(file, "Network", "DNS", str(server), f"{path}.dns") for server in wan.dns)


def _sizes(profile: Profile) -> Iterator[Claim]:
    """Claims of MTU and MSS, from the first LAN with internet access."""
    lan = next((lan for lan in profile.lans if lan.internet), None)
    for index, wan in enumerate(profile.wans if lan else ()):
        if index and not subnets.has_free_host(wan):
            continue
        path, needs = f"wans.{wan.name}", prerequisites.of(profile, lan.name, wan.name)
        outer, inner = wan.link.mtu or link.USUAL_MTU, lan.link.mtu or link.USUAL_MTU
        if wan.mss_clamp:
            size = min(outer, inner) - HEADERS if wan.mss_clamp is True else wan.mss_clamp
            text = f"TCP between {lan.name} and {wan.name} agrees on segments of {size} bytes at most"
            probe = MssClamp(lan.name, wan.name, size)
            yield Claim(f"{path}.mss", f"{path}.mss_clamp", text, probe, needs, closed=True)
        if outer < min(inner, link.USUAL_MTU):
            text = f"packets of {outer} bytes pass from {lan.name} to {wan.name}, and longer ones are told so"
            yield Claim(f"{path}.mtu", f"{path}.mtu", text, Mtu(lan.name, wan.name, outer), needs)
