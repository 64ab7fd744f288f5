"""Network cards: how a profile names one, how udev finds it, what an address of a host must not be.

Below the features, since wans and lans both stand on it; knows neither of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address

from gwimage import inet6
from gwimage.plan import Setting, settings
from gwimage.problem import Path, Problem

FIRST_SLOT = 0x12  # Proxmox puts net0 ... net5 at PCI device 0x12 ... 0x17, on i440fx and q35 alike
RESERVED = {"all", "any", "default", "gateway", "host", "lo", "local", "none", "self"}
THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122, 3.2.1.3
KERNEL = re.compile(
    r"(eth|wlan|wwan|usb|net|br|vmbr|virbr|docker|veth|tap|tun|bond|team|dummy|ifb|sit|gre|gretap|erspan|tunl|wg"
    r"|vlan|vxlan|macvlan|macvtap|ipvlan|ppp|can|vcan|lxc|nlmon|teql|vrf)[0-9]+"
    r"|(en|wl|ww|ib|sl)[bcopsxavud]?[0-9][a-z0-9]*|enx[0-9a-f]+"
)


@dataclass(frozen=True)
class Nic:
    """Exactly one of: slot N of Proxmox's netN, or a lower-case MAC address."""

    slot: int | None = None
    mac: str | None = None


def parse(text: str) -> Nic:
    """netN or a MAC address, as the schema took it."""
    return Nic(mac=text.lower()) if ":" in text else Nic(int(text.removeprefix("net")))


def name(nic: Nic) -> str:
    """What people call it: net1, or its MAC address."""
    return nic.mac or f"net{nic.slot}"


def interface(nic: Nic) -> str:
    """What it is called in the gateway if no network has the card for itself; 15 characters at most."""
    return f"enx{nic.mac.replace(':', '')}" if nic.mac else f"net{nic.slot}"


def check_mac(path: Path, mac: str) -> list[Problem]:
    """An address that one machine can have: neither of a group nor zero."""
    if not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00":
        return []
    kind = "no card's address: it is all zero" if mac[:2] == "00" else "a multicast address, not a card's"
    return [Problem(path, f"{mac} is {kind}", "copy it from the VM's hardware page")]


def check_name(path: Path, name: str) -> list[Problem]:
    """Names that the kernel, udev or systemd give or reserve would collide with ours."""
    if name not in RESERVED and not KERNEL.fullmatch(name):
        return []
    hint = "choose a name that says what it is for, such as wan, lan, guests"
    return [Problem(path, f"the name {name!r} is reserved by the system", hint, on_key=True)]


def match(file: str, nic: Nic, path: str) -> Setting:
    """How udev knows the card, whatever its name is when it appears."""
    if nic.mac is None:
        return Setting(file, "Match", "Path", f"pci-*:{FIRST_SLOT + nic.slot:x}.0", path)
    return Setting(file, "Match", "PermanentMACAddress", nic.mac, path)


NO_IPV6 = (("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"))
# no discovery protocols
QUIET = (
    ("LLMNR", "no"),
    ("MulticastDNS", "no"),
    ("LLDP", "no"),
    ("EmitLLDP", "no"),
)


def quiet(file: str, path: str, ipv6: bool = False) -> tuple[Setting, ...]:
    """A link that says nothing by itself, and has no IPv6 unless the profile asks for it."""
    return settings(file, "Network", path, QUIET if ipv6 else NO_IPV6 + QUIET)


# written down, since what ipaddress calls private differs between versions of Python (RFC 1918, 6598, 2544, 5737)
NOBODYS = tuple(
    IPv4Network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
    + ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)


def is_private(address: IPv4Address) -> bool:
    """Whether nobody on the internet has it."""
    return any(address in net for net in NOBODYS)


def unusable(address: IPv4Address) -> str:
    """Why no host can have this address; empty if one can."""
    if address.is_loopback:
        return "is a loopback address"
    if address.is_multicast:
        return "is a multicast address"
    if address.is_link_local:
        return "is a link-local address"
    if address in THIS_NETWORK or address.is_reserved:
        return "is not an address that a host can have"
    return ""


def unfit(address: IPv4Address | IPv6Address) -> str:
    """As `unusable`, for both families, with the address."""
    if isinstance(address, IPv6Address):
        return inet6.unusable(address)[0]
    reason = unusable(address)
    return f"{address} {reason}" if reason else ""


def sane(address: IPv4Interface, narrowest: int = 30) -> bool:
    """Whether `check_host` would let it pass: later checks say nothing about a wrong one."""
    return not check_host((), address, narrowest=narrowest)


def check_host(path: Path, address: IPv4Interface, widest: int = 8, narrowest: int = 30) -> list[Problem]:
    """The gateway's own address on a network: one that a host can have, in a subnet of sane size."""
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
    problems = []
    for index, server in enumerate(servers):
        if reason := unusable(server):
            problems.append(Problem((*path, index), f"{server} {reason}", "give the address of a DNS server"))
    return problems
