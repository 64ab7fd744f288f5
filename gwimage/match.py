"""Matches of nft rules, in the few forms that gwimage writes and `explain` reads. Without a condition a match is empty text."""

from collections.abc import Iterable, Mapping, Sequence

from gwimage.ranges import AddressSet, Ports, Range, ports_text

FAMILY = {4: "ip", 6: "ip6"}
ICMP = {4: "icmp", 6: "icmpv6"}
LIMITED = "limit rate 100/second burst 100 packets"  # nft's own burst is 5: one ping too many from a few hosts

Sets = Mapping[str, AddressSet]  # by name
Items = Sequence[Range | str]  # addresses, and names of sets


def rule(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def interfaces(field: str, names: Sequence[str]) -> str:
    """field: iifname or oifname."""
    return f"{field} " + one_of(f'"{name}"' for name in names)


def addresses(field: str, items: Items, family: int, sets: Sets) -> list[str]:
    """Each way to match one of the items, since nft names no set inside a list; none if none is of the family.

    field: saddr or daddr. No items: one way, without a condition.
    """
    if not items:
        return [""]
    word = f"{FAMILY[family]} {field}"
    named = [name for name in items if isinstance(name, str) and family in sets[name].families]
    plain = [item.text for item in items if isinstance(item, Range) and item.family == family]
    return [f"{word} @{set_name(family, name)}" for name in named] + [f"{word} {one_of(plain)}"] * bool(plain)


def protocols(names: Sequence[str], ports: Sequence[Ports]) -> str:
    """No names: every protocol. Ports stand with tcp and udp only."""
    if not ports:
        return f"meta l4proto {one_of(names)}" if names else ""
    listed = one_of([ports_text(pair) for pair in ports])
    return f"{names[0]} dport {listed}" if len(names) == 1 else f"meta l4proto {one_of(names)} th dport {listed}"


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


def one_of(values: Iterable[str]) -> str:
    values = list(values)
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"
