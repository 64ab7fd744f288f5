"""Lists of addresses as a rule names them: addresses, ranges, and sets by name."""

from collections.abc import Mapping, Sequence

from gwimage.values.ranges import AddressSet, Range

FAMILY = {4: "ip", 6: "ip6"}

Sets = Mapping[str, AddressSet]  # by name
Items = Sequence[Range | str]  # addresses, and names of sets


def set_name(family: int, name: str) -> str:
    """The nft set that holds the addresses of one family of a set of the profile."""
    return f"set{family}-{name}"


def families(items: Items, sets: Sets) -> list[int]:
    """The families that the items have addresses of; without items both."""
    found = {one for item in items for one in (sets[item].families if isinstance(item, str) else (item.family,))}
    return [family for family in FAMILY if family in found or not items]


def resolved(items: Items, sets: Sets) -> list[Range]:
    """All addresses, those of the sets included."""
    return [one for item in items for one in (sets[item].ranges if isinstance(item, str) else (item,))]
