"""The lab that a profile asks for, as data: cards of the gateway, and who sits on each segment.

Pure: nothing here touches the host. Real addresses of other people are safe to use, since
nothing leaves the lab.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import chain
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from gwimage.profile import Profile

# Networks for documentation (RFC 5737), for benchmarks (RFC 2544), of providers (RFC 6598).
_SPARE = [IPv4Network(n) for n in ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24")]
_MORE = [IPv4Network("198.18.0.0/15"), IPv4Network("100.64.0.0/10")]


@dataclass(frozen=True)
class Card:
    """A network card of the gateway: PVE's netN, plugged into the segment of one WAN or LAN."""

    slot: int
    mac: str
    segment: str


@dataclass(frozen=True)
class WanSide:
    """`static` is the gateway's own address; without it the ISP leases out `first`-`last`."""

    name: str
    card: Card
    isp: IPv4Interface
    attacker: IPv4Interface
    static: IPv4Address | None
    first: IPv4Address | None = None
    last: IPv4Address | None = None


@dataclass(frozen=True)
class LanSide:
    """`spare` is an address for the client when no lease gives it one."""

    name: str
    card: Card
    gateway: IPv4Interface
    spare: IPv4Interface
    dhcp: bool


@dataclass(frozen=True)
class Topology:
    """`outside` is an address beyond the ISP that no network of the profile has."""

    wans: tuple[WanSide, ...]
    lans: tuple[LanSide, ...]
    outside: IPv4Address

    @property
    def cards(self) -> list[Card]:
        return sorted((side.card for side in (*self.wans, *self.lans)), key=lambda c: c.slot)


def derive(profile: Profile) -> Topology:
    """The lab for a checked profile."""
    cards = _cards(profile)
    static = [wan.address.network for wan in profile.wans if wan.address]
    spare = _apart([lan.address.network for lan in profile.lans] + static)
    outside = next(spare)[-2]
    return Topology(
        wans=tuple(
            _static_side(wan, cards[wan.name], spare) if wan.address
            else _leased_side(wan.name, cards[wan.name], next(spare))
            for wan in profile.wans
        ),
        lans=tuple(_lan_side(lan, cards[lan.name], profile.dhcp.get(lan.name)) for lan in profile.lans),
        outside=outside,
    )  # fmt: skip


def _cards(profile: Profile) -> dict[str, Card]:
    """A nic named by its MAC alone gets the lowest slot that no other one claims."""
    zones = [*profile.wans, *profile.lans]
    nics = {zone.name: zone.link.cards[0] for zone in zones}
    taken = {nic.slot for nic in nics.values()}
    free = iter([slot for slot in range(len(zones) + 6) if slot not in taken])
    cards = {}
    for zone in zones:
        nic = nics[zone.name]
        slot = next(free) if nic.slot is None else nic.slot
        mac = nic.mac or f"52:54:00:67:77:{slot:02x}"
        cards[zone.name] = Card(slot, mac, zone.name)
    return cards


def _apart(used: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    used = list(used)
    for network in chain(_SPARE, *(block.subnets(new_prefix=24) for block in _MORE)):
        if not any(network.overlaps(other) for other in used):
            yield network


def _leased_side(name: str, card: Card, network: IPv4Network) -> WanSide:
    return WanSide(
        name, card, isp=_at(network, 1), attacker=_at(network, 66),
        static=None, first=network[100], last=network[199],
    )  # fmt: skip


def _static_side(wan, card: Card, spare: Iterator[IPv4Network]) -> WanSide:
    """In a network too small for a third host, the attacker has an address of its own."""
    network = wan.address.network
    isp = wan.gateway
    attacker = next(_hosts(network, {wan.address.ip, isp}), None)
    return WanSide(
        wan.name, card, isp=IPv4Interface((isp, network.prefixlen)),
        attacker=IPv4Interface((attacker, network.prefixlen)) if attacker else _at(next(spare), 66),
        static=wan.address.ip,
    )  # fmt: skip


def _lan_side(lan, card: Card, dhcp) -> LanSide:
    pool = (dhcp.first, dhcp.last) if dhcp else (lan.address.ip, lan.address.ip)
    hosts = [host for host, _ in zip(_hosts(lan.address.network, {lan.address.ip}), range(512))]
    outside_pool = [host for host in hosts if not pool[0] <= host <= pool[1]]
    spare = (outside_pool or hosts)[0]
    return LanSide(
        lan.name, card, lan.address,
        IPv4Interface((spare, lan.address.network.prefixlen)), dhcp is not None,
    )  # fmt: skip


def _hosts(network: IPv4Network, taken: set[IPv4Address]) -> Iterator[IPv4Address]:
    """From the top, since people number from the bottom."""
    edge = 1 if network.prefixlen < 31 else 0
    for number in range(network.num_addresses - 1 - edge, edge - 1, -1):
        if network[number] not in taken:
            yield network[number]


def _at(network: IPv4Network, number: int) -> IPv4Interface:
    return IPv4Interface((network[number], network.prefixlen))
