"""IPv4 host addresses: those no host can have, and checks of the gateway's own address on a network."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address

from gwimage.problem import Path, Problem
from gwimage.values import ipv6 as inet6

THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122, 3.2.1.3

# listed here because ipaddress.is_private differs between Python versions (RFC 1918, 6598, 2544, 5737)
PRIVATE_NETS = tuple(
    IPv4Network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
    + ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)

# as sold: most brands have one of the first two; Speedport and Belkin, ASUS, MikroTik, cable modems (what they lease while they
# have no line), FRITZ!Box. Not 10.0.0.0/24 (Xfinity): too many gateways have it inside on purpose
HOME_ROUTERS = tuple(IPv4Network(f"192.168.{number}.0/24") for number in (0, 1, 2, 50, 88, 100, 178))


def of_home_routers(net: IPv4Network) -> IPv4Network | None:
    """The first usual subnet of home routers that overlaps this one."""
    return next((usual for usual in HOME_ROUTERS if usual.overlaps(net)), None)


# not globally reachable in IANA's IPv4 Special-Purpose Address Registry, which hosts or routers outside may have all the
# same; without those for documentation, which nobody has and which stand for public addresses in the lab and in `explain`
NOT_PUBLIC = tuple(
    IPv4Network(net)
    for net in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")
    + ("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "240.0.0.0/4")
)


def is_public(address: IPv4Address) -> bool:
    """Whether the address is one that `internet: public` leads to."""
    return not any(address in net for net in NOT_PUBLIC)


def is_private(address: IPv4Address) -> bool:
    """Whether the address is in a range that is never used on the internet."""
    return any(address in net for net in PRIVATE_NETS)


def unusable(address: IPv4Address) -> str:
    """Reason why no host can have this IPv4 address; empty if one can."""
    if address.is_loopback:
        return "is a loopback address"
    if address.is_multicast:
        return "is a multicast address"
    if address.is_link_local:
        return "is a link-local address"
    if address in THIS_NETWORK or address.is_reserved:
        return "is not an address that a host can have"
    return ""


def why_unusable(address: IPv4Address | IPv6Address) -> str:
    """Reason as in `unusable`, prefixed with the address, for IPv4 and IPv6."""
    if isinstance(address, IPv6Address):
        return inet6.unusable(address)[0]
    reason = unusable(address)
    return f"{address} {reason}" if reason else ""


def is_valid(address: IPv4Interface, narrowest: int = 30) -> bool:
    """Whether `check_host` accepts the address; later checks skip one that it does not."""
    return not check_host((), address, narrowest=narrowest)


def check_host(path: Path, address: IPv4Interface, widest: int = 8, narrowest: int = 30) -> list[Problem]:
    """Problems of the gateway's own address on a network.

    A host must be able to have it, and the prefix length must be widest..narrowest.
    """
    net, ip = address.network, address.ip
    if reason := unusable(ip):
        return [Problem(path, f"{ip} {reason}")]
    if not widest <= net.prefixlen <= narrowest:
        hint = f"use a prefix length of {widest} to {narrowest}; /24 is usual"
        return [Problem(path, f"a subnet of /{net.prefixlen} does not work here", hint)]
    if net.prefixlen >= 31 or ip not in (net.network_address, net.broadcast_address):
        return []
    kind = "network" if ip == net.network_address else "broadcast"
    host = net.network_address + 1 if kind == "network" else net.broadcast_address - 1
    hint = f"did you mean {host}/{net.prefixlen}?"
    return [Problem(path, f"{ip} is the {kind} address of {net}, no host can have it", hint)]


def check_dns(path: Path, servers: Iterable[IPv4Address]) -> list[Problem]:
    """Problems of DNS server addresses that no host can have."""
    problems = []
    for index, server in enumerate(servers):
        if reason := unusable(server):
            problems.append(Problem((*path, index), f"{server} {reason}", "give the address of a DNS server"))
    return problems
