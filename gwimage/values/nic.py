"""Network cards (NICs): their names in a profile, interface names, and checks of MAC addresses and network names.

Shared by wans and lans; must not know either.
"""

import re
from dataclasses import dataclass

from gwimage.problem import Path, Problem

FIRST_SLOT = 0x12  # Proxmox puts net0 ... net5 at PCI device 0x12 ... 0x17, on i440fx and q35 alike
RESERVED = {"all", "any", "default", "gateway", "host", "lo", "local", "none", "self"}
KERNEL = re.compile(
    r"(eth|wlan|wwan|usb|net|br|vmbr|virbr|docker|veth|tap|tun|bond|team|dummy|ifb|sit|gre|gretap|erspan|tunl|wg"
    r"|vlan|vxlan|macvlan|macvtap|ipvlan|ppp|can|vcan|lxc|nlmon|teql|vrf)[0-9]+"
    r"|(en|wl|ww|ib|sl)[bcopsxavud]?[0-9][a-z0-9]*|enx[0-9a-f]+"
)


@dataclass(frozen=True)
class Nic:
    """A NIC by exactly one of: slot N of Proxmox's netN, or lower-case MAC address."""

    slot: int | None = None
    mac: str | None = None


def parse(text: str) -> Nic:
    """A NIC from netN or a MAC address, in the form that the schema accepted."""
    return Nic(mac=text.lower()) if ":" in text else Nic(int(text.removeprefix("net")))


def name(nic: Nic) -> str:
    """The NIC's name for messages: its MAC address, or net1."""
    return nic.mac or f"net{nic.slot}"


def interface(nic: Nic) -> str:
    """Interface name in the gateway if the NIC is shared (VLANs, bridge); at most 15 characters (IFNAMSIZ)."""
    return f"enx{nic.mac.replace(':', '')}" if nic.mac else f"net{nic.slot}"


def check_mac(path: Path, mac: str) -> list[Problem]:
    """A problem unless the MAC address is unicast and not zero."""
    if not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00":
        return []
    kind = "no card's address: it is all zero" if mac[:2] == "00" else "a multicast address, not a card's"
    return [Problem(path, f"{mac} is {kind}", "copy it from the VM's hardware page")]


def check_name(path: Path, name: str) -> list[Problem]:
    """A problem if a network's name collides with names that the kernel, udev or systemd assign or reserve."""
    if name not in RESERVED and not KERNEL.fullmatch(name):
        return []
    hint = "choose a name that says what it is for, such as wan, lan, guests"
    return [Problem(path, f"the name {name!r} is reserved by the system", hint, on_key=True)]
