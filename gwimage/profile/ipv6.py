"""`wans.NAME.ipv6` and `lans.NAME.ipv6`: addresses, delegated prefixes, router advertisements."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Interface

from gwimage.values import ipv6 as inet6


@dataclass(frozen=True)
class Outside:
    """IPv6 of a WAN; address and gateway are None if they come from router advertisements and DHCPv6."""

    address: IPv6Interface | None = None
    gateway: IPv6Address | None = None


@dataclass(frozen=True)
class Inside:
    """IPv6 of a LAN; subnet: number of the /64 in the delegated prefix, set for every delegated LAN after `parse`."""

    delegated: bool = False
    subnet: int | None = None
    address: IPv6Interface | None = None


@dataclass(frozen=True)
class Ipv6:
    """Networks with IPv6, by name.

    uplink: the WAN that requests a delegated prefix (DHCPv6-PD), if a LAN needs one.
    """

    wans: dict[str, Outside]
    lans: dict[str, Inside]
    uplink: str | None = None

    def leaves(self, inside: Inside) -> bool:
        """Whether the LAN's clients have an address with which they can reach something outside."""
        local = any(inet6.local(outside.address) for outside in self.wans.values())
        return bool(self.wans) and (inside.delegated or local or not inet6.local(inside.address))


def parse(data: dict) -> Ipv6:
    wans = {name: _outside(wan["ipv6"]) for name, wan in data["wans"].items() if "ipv6" in wan}
    lans = _numbered({name: _inside(lan["ipv6"]) for name, lan in data["lans"].items() if "ipv6" in lan})
    wanted = any(inside.delegated for inside in lans.values())
    uplink = next((name for name, outside in wans.items() if wanted and not outside.address), None)
    return Ipv6(wans, lans, uplink)


def _outside(data: str | dict) -> Outside:
    return Outside() if data == "auto" else Outside(IPv6Interface(data["address"]), IPv6Address(data["gateway"]))


def _inside(data: str | dict) -> Inside:
    if data == "delegated":
        return Inside(delegated=True)
    address = IPv6Interface(data["address"]) if "address" in data else None
    return Inside(data.get("delegated", False), data.get("subnet"), address)


def _numbered(lans: dict[str, Inside]) -> dict[str, Inside]:
    """Assigns subnet ids to delegated LANs without one.

    networkd would assign them in the order in which links come up, which may change at each boot.
    """
    taken = {inside.subnet for inside in lans.values()}
    free = (number for number in range(1 << 16) if number not in taken)
    return {
        name: replace(inside, subnet=next(free)) if inside.delegated and inside.subnet is None else inside
        for name, inside in lans.items()
    }
