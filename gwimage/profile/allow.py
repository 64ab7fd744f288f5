"""`firewall.allow`: what may reach what, by zone, protocol, port and address."""

from __future__ import annotations

from dataclasses import dataclass

from gwimage.values import ranges
from gwimage.values.address_lists import Items
from gwimage.values.ranges import Ports


@dataclass(frozen=True)
class Allow:
    """From each of one to each of the other zones. No protocols, ports, sources or destinations: all of them."""

    from_zones: tuple[str, ...]
    to_zones: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    ports: tuple[Ports, ...] = ()
    sources: Items = ()
    destinations: Items = ()
    log: bool = False


def parse(data: dict) -> tuple[Allow, ...]:
    return tuple(map(_parse_one, data.get("firewall", {}).get("allow", ())))


def _parse_one(data: dict) -> Allow:
    return Allow(
        tuple(data["from"]),
        tuple(data["to"]),
        tuple(data.get("protocols", ())),
        tuple(map(ranges.parse_ports, data.get("ports", ()))),
        ranges.parse_items(data.get("sources", ())),
        ranges.parse_items(data.get("destinations", ())),
        data.get("log", False),
    )
