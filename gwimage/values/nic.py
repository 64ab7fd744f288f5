"""Network cards: how a profile names one, how udev finds it, what an address of a host must not be.

Below the features, since wans and lans both stand on it; knows neither of them.
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
