"""`firewall.sets`: named address lists of both families."""

from gwimage.values import ranges
from gwimage.values.ranges import AddressSet


def parse(data: dict) -> dict[str, AddressSet]:
    """Sets by name."""
    return {name: _parse_one(items) for name, items in data.get("firewall", {}).get("sets", {}).items()}


def _parse_one(items: list[str]) -> AddressSet:
    members = tuple(map(ranges.parse, items))
    return AddressSet(members, frozenset(one.family for one in members))
