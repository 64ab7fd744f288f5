"""What lines of a profile let through, as boxes that can be compared: whether earlier ones leave nothing to a later one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gwimage.ranges import EVERY, LAST_PORT, Axis, Ports
from gwimage.zones import GATEWAY

if TYPE_CHECKING:
    from gwimage.features.allow import Allow
    from gwimage.profile import Profile

PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "esp", "gre")
REST = "the rest"  # of the protocols
WITH_PORTS = ("tcp", "udp")
SSH, DNS, DHCP, NTP = 22, 53, 67, 123
SERVICES = (DNS, DHCP, NTP)  # of the gateway, that networks inside may use
LISTENER = 8080  # TCP and UDP port of the lab's hosts, which claim.Unreachable asks
ASKED = ("tcp", "udp", "icmp")  # by claim.Unreachable


@dataclass(frozen=True)
class Opening:
    """New connections from one of the zones to another by one of the protocols. The bits come from `ranges`."""

    path: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    protocols: tuple[str, ...] = (*PROTOCOLS, REST)
    ports: int = EVERY
    saddr: int = EVERY
    daddr: int = EVERY


def closed(entries: Iterable[Allow], start: str, end: str) -> tuple[str, ...]:
    """By which protocols none of the entries lets the lab reach a listener on the other zone.

    The addresses that entries name are not looked at: those of the lab's hosts come by DHCP.
    """
    between = [entry for entry in entries if start in entry.from_zones and end in entry.to_zones]
    return tuple(name for name in ASKED if not any(_includes_listener(entry, name) for entry in between))


def of_gateway(entries: Iterable[Allow], zone: str) -> tuple[Ports, ...]:
    """The gateway's own TCP ports that the entries open to the zone."""
    found = []
    for entry in entries:
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or "tcp" in entry.protocols):
            found += entry.ports or [(1, LAST_PORT)]
    return tuple(found)


def declared(port: int, protocol: str, zone: str, profile: Profile, allow: bool = True) -> bool:
    """Whether the profile opens this port of the gateway to the zone, for anything; allow: entries of firewall.allow count."""
    opened = [one.ports for one in profile.forwards if zone in one.wans and protocol in one.protocols]
    opened += [((service, service),) for service in SERVICES if zone not in {wan.name for wan in profile.wans}]
    for entry in profile.allow if allow else ():
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or protocol in entry.protocols):
            opened.append(entry.ports or ((1, LAST_PORT),))
    own = {("udp", vpn.port) for vpn in profile.vpn} | ({("tcp", SSH)} if zone in profile.services.ssh_from else set())
    return (protocol, port) in own or any(first <= port <= last for ports in opened for first, last in ports)


def mute(profile: Profile) -> set[int]:
    """The gateway's UDP ports whose servers say nothing to who does not ask as their clients do."""
    found = {vpn.port for vpn in profile.vpn if vpn.port}
    return found | ({NTP} if profile.ntp.serves else set()) | ({DHCP} if profile.dhcp else set())


def _includes_listener(entry: Allow, protocol: str) -> bool:
    ports = not entry.ports or any(first <= LISTENER <= last for first, last in entry.ports)
    return ports and (not entry.protocols or protocol in entry.protocols)


@dataclass
class _Left:
    """Pairs of zones, as bits, that nothing opens so far: by family and protocol."""

    pairs: dict[tuple[int, str], int]
    by: list[str] = field(default_factory=list)


def hidden(openings: Sequence[Opening], axis: Axis) -> Iterable[tuple[Opening, tuple[str, ...]]]:
    """Each opening all of whose parts an earlier one opens already, with the paths of those.

    A part is one pair of zones, one family and one protocol; what only several earlier ones cover together is not found.
    """
    pairs = _pairs(openings)
    for index, one in enumerate(openings):
        left = _Left({(family, name): pairs[index] for family in _families(one, axis) for name in one.protocols})
        for other in range(index):
            if pairs[other] & pairs[index]:
                _take(left, one, openings[other], pairs[other], axis)
        if left.pairs and not any(left.pairs.values()):
            yield one, tuple(dict.fromkeys(left.by))


def _take(left: _Left, one: Opening, other: Opening, pairs: int, axis: Axis) -> None:
    """Takes away what the other one opens of this one."""
    protocols = [name for name in one.protocols if name in other.protocols]
    for family in _families(one, axis):
        if one.saddr & axis.family[family] & ~other.saddr or one.daddr & axis.family[family] & ~other.daddr:
            continue
        for name in protocols:
            if left.pairs[family, name] & pairs and not (name in WITH_PORTS and one.ports & ~other.ports):
                left.pairs[family, name] &= ~pairs
                left.by.append(other.path)


def _families(one: Opening, axis: Axis) -> list[int]:
    return [family for family, bits in axis.family.items() if one.saddr & bits and one.daddr & bits]


def _pairs(openings: Sequence[Opening]) -> list[int]:
    """For each opening one bit for each of its pairs of zones."""
    zones = {zone: None for one in openings for zone in (*one.sources, *one.targets)}
    number = {zone: index for index, zone in enumerate(zones)}
    found = []
    for one in openings:
        row = sum(1 << number[zone] for zone in set(one.targets))
        found.append(sum(row << number[zone] * len(number) for zone in set(one.sources)))
    return found
