"""`wans`: the networks outside, and how the gateway gets its address there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from gwimage.profile import link
from gwimage.profile.link import Link


@dataclass(frozen=True)
class Wan:
    """address and gateway are None where DHCP gives them; mss_clamp True is to the MTU of the path, else bytes."""

    name: str
    link: Link
    address: IPv4Interface | None = None
    gateway: IPv4Address | None = None
    extra_addresses: tuple[IPv4Interface, ...] = ()
    dns: tuple[IPv4Address, ...] = ()
    snat: IPv4Address | None = None
    mss_clamp: bool | int = True


def parse(data: dict) -> tuple[Wan, ...]:
    return tuple(_parse_one(name, wan) for name, wan in data["wans"].items())


def _parse_one(name: str, data: dict) -> Wan:
    fixed = data["ipv4"] if isinstance(data["ipv4"], dict) else {}
    return Wan(
        name,
        link.parse(data),
        address=IPv4Interface(fixed["address"]) if fixed else None,
        gateway=IPv4Address(fixed["gateway"]) if fixed else None,
        extra_addresses=tuple(map(IPv4Interface, fixed.get("extra_addresses", ()))),
        dns=tuple(map(IPv4Address, data.get("dns", ()))),
        snat=IPv4Address(data["snat"]) if "snat" in data else None,
        mss_clamp=data.get("mss_clamp", True),
    )
