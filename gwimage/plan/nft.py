"""Matches of nft rules, only in the forms that gwimage writes and `explain` parses.

A match without a condition is empty text.
"""

from collections.abc import Iterable, Sequence

from gwimage.values.address_lists import FAMILY, Items, Sets, set_name
from gwimage.values.ranges import Ports, Range, ports_text

ICMP = {4: "icmp", 6: "icmpv6"}
ICMP_LIMIT = "limit rate 100/second burst 100 packets"  # nft's default burst is 5, too few for pings from several hosts


def rule(*parts: str) -> str:
    """The text of a rule; empty parts are left out."""
    return " ".join(part for part in parts if part)


def interfaces(field: str, names: Sequence[str]) -> str:
    """A match on interface names; field: iifname or oifname."""
    return f"{field} " + one_of(f'"{name}"' for name in names)


def addresses(field: str, items: Items, family: int, sets: Sets) -> list[str]:
    """Alternative matches for the items of one family; empty if none is of the family.

    Several, since nft allows no named set inside an anonymous one. field: saddr or daddr. No items: one match, without a
    condition.
    """
    if not items:
        return [""]
    word = f"{FAMILY[family]} {field}"
    named = [name for name in items if isinstance(name, str) and family in sets[name].families]
    plain = [item.text for item in items if isinstance(item, Range) and item.family == family]
    return [f"{word} @{set_name(family, name)}" for name in named] + [f"{word} {one_of(plain)}"] * bool(plain)


def protocols(names: Sequence[str], ports: Sequence[Ports]) -> str:
    """A match on protocols and destination ports (tcp and udp only); no names: every protocol."""
    if not ports:
        return f"meta l4proto {one_of(names)}" if names else ""
    listed = one_of([ports_text(pair) for pair in ports])
    return f"{names[0]} dport {listed}" if len(names) == 1 else f"meta l4proto {one_of(names)} th dport {listed}"


def one_of(values: Iterable[str]) -> str:
    values = list(values)
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"
