"""`firewall.allow`: allowed connections by zone, protocol, port and address."""

from dataclasses import dataclass

from gwimage.values import ranges
from gwimage.values.address_lists import Items
from gwimage.values.ranges import Ports

FAMILY_OF = {"icmp": 4, "icmpv6": 6}


@dataclass(frozen=True)
class Allow:
    """Allows connections from each of from_zones to each of to_zones; an empty condition matches everything."""

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
