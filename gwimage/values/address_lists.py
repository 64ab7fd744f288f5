"""Address lists of firewall rules: addresses, ranges, and named sets."""

from collections.abc import Mapping, Sequence

from gwimage.values.ranges import AddressSet, Range

FAMILY = {4: "ip", 6: "ip6"}

Sets = Mapping[str, AddressSet]  # by set name
Items = Sequence[Range | str]  # addresses and ranges, or names of sets


def set_name(family: int, name: str) -> str:
    """Name of the nft set with one family's addresses of a profile set."""
    return f"set{family}-{name}"


def families(items: Items, sets: Sets) -> list[int]:
    """Address families (4, 6) present in the items; both if there are no items."""
    found = {one for item in items for one in (sets[item].families if isinstance(item, str) else (item.family,))}
    return [family for family in FAMILY if family in found or not items]


def resolved(items: Items, sets: Sets) -> list[Range]:
    """All ranges of the items, with sets expanded."""
    return [one for item in items for one in (sets[item].ranges if isinstance(item, str) else (item,))]
