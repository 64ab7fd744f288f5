"""`wans`: the networks outside, and how the gateway gets its address there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from gwimage.profile import link
from gwimage.profile.link import Link


@dataclass(frozen=True)
class DhcpAddress:
    """The provider leases out the address and names its router: nobody knows either beforehand."""


@dataclass(frozen=True)
class StaticAddress:
    """Address and router as the profile has them; extra_addresses are further ones of the gateway."""

    address: IPv4Interface
    gateway: IPv4Address
    extra_addresses: tuple[IPv4Interface, ...] = ()


@dataclass(frozen=True)
class Wan:
    """ipv4: how it gets its address; mss_clamp True is to the MTU of the path, else bytes.

    Ask by type, and for what is meant: an address known beforehand is a StaticAddress, a DHCP client a DhcpAddress.
    """

    name: str
    link: Link
    ipv4: DhcpAddress | StaticAddress
    dns: tuple[IPv4Address, ...] = ()
    snat: IPv4Address | None = None
    mss_clamp: bool | int = True


def parse(data: dict) -> tuple[Wan, ...]:
    return tuple(_parse_one(name, wan) for name, wan in data["wans"].items())


def _parse_one(name: str, data: dict) -> Wan:
    return Wan(
        name,
        link.parse(data),
        _ipv4(data["ipv4"]),
        dns=tuple(map(IPv4Address, data.get("dns", ()))),
        snat=IPv4Address(data["snat"]) if "snat" in data else None,
        mss_clamp=data.get("mss_clamp", True),
    )


def _ipv4(data: str | dict) -> DhcpAddress | StaticAddress:
    if data == "dhcp":
        return DhcpAddress()
    extra = tuple(map(IPv4Interface, data.get("extra_addresses", ())))
    return StaticAddress(IPv4Interface(data["address"]), IPv4Address(data["gateway"]), extra)
