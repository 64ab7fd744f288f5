"""Checks a DHCP pool against its subnet, where networkd would silently hand out wrong addresses or fail."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Interface

from gwimage.problem import Path, Problem


def check(
    path: Path, first: IPv4Address, last: IPv4Address, address: IPv4Interface, own: Collection[IPv4Address]
) -> list[Problem]:
    """Problems of the pool first..last.

    address: the gateway's address on this network; own: all its addresses.
    """
    net = address.network
    lowest, highest = net.network_address, net.broadcast_address
    outside = [str(ip) for ip in (first, last) if ip not in net]
    if outside:
        hint = f"the subnet's hosts are {lowest + 1} to {highest - 1}"
        what = f"{' and '.join(outside)} {'is' if len(outside) == 1 else 'are'} not in {net}"
        return [Problem(path, f"{what}, the subnet of this network", hint)]
    if first > last:
        return [Problem(path, "the pool ends before it starts", f"write {last}-{first}")]
    if first == lowest or last == highest:
        ip, kind = (first, "network") if first == lowest else (last, "broadcast")
        hint = f"the subnet's hosts are {lowest + 1} to {highest - 1}"
        return [Problem(path, f"the pool contains {ip}, the {kind} address of {net}", hint)]
    inside = sorted(ip for ip in own if first <= ip <= last)
    return (
        [Problem(path, f"the pool contains {inside[0]}, the gateway's own address", _hint(first, last, inside))]
        if inside
        else []
    )


def _hint(first: IPv4Address, last: IPv4Address, inside: list[IPv4Address]) -> str:
    """Suggests the largest part of the pool without the addresses `inside`."""
    ends = [first - 1, *inside, last + 1]
    parts = [(below + 1, above - 1) for below, above in zip(ends, ends[1:])]
    better = max(parts, key=lambda part: int(part[1]) - int(part[0]))
    return f"write {better[0]}-{better[1]}" if better[0] <= better[1] else "choose addresses beside it"
