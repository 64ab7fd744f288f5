"""Addresses and ports as people write them: one, a prefix, a range. Read here, compared, and written for nft.

Both families stand on one axis: what overlaps, covers or fits becomes arithmetic on bits (`Axis`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from gwimage.problem import Path, Problem

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
PORTS = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
LAST_PORT = 65535
MOST_OVERLAPS = 10  # that are told of one list
EVERY = -1  # as bits: all that there is

Ports = tuple[int, int]  # first and last


@dataclass(frozen=True)
class Range:
    """Addresses first..last, as integers, of one family (4 or 6); `text` is how nft takes them."""

    family: int
    first: int
    last: int
    text: str


@dataclass(frozen=True)
class AddressSet:
    """A list of addresses that has a name; families: those that it has addresses of."""

    ranges: tuple[Range, ...]
    families: frozenset[int]


class Wrong(ValueError):
    """Why it cannot be read, in words for people."""


WHOLE = {4: Range(4, 0, 2**32 - 1, "0.0.0.0/0"), 6: Range(6, 0, 2**128 - 1, "::/0")}


def parse(text: str) -> Range:
    """An address, a prefix or FIRST-LAST. Raises ValueError, which is Wrong where there is more to say."""
    if "%" in text:
        raise Wrong("leave the interface after % out")
    if "/" in text:
        return _prefix(text)
    first, hyphen, last = text.partition("-")
    low = ip_address(first)
    high = ip_address(last) if hyphen else low
    if low.version != high.version:
        raise Wrong("a range is of one family")
    if low > high:
        raise Wrong(f"the range ends before it starts: write {high}-{low}")
    _not_mapped(low, high)
    return Range(low.version, int(low), int(high), f"{low}-{high}" if hyphen else str(low))


def _prefix(text: str) -> Range:
    address, _, length = text.partition("/")
    network = ip_network(text, strict=False)
    if length != str(network.prefixlen):  # ipaddress also takes netmasks and leading zeros
        raise Wrong(f"write {network}")
    if ip_address(address) != network.network_address:
        raise Wrong(f"write {network} for the whole subnet, {ip_address(address)} for one address")
    _not_mapped(network[0], network[-1])
    return Range(network.version, int(network[0]), int(network[-1]), str(network))


def _not_mapped(*addresses) -> None:
    """Their text differs between versions of Python, and no packet carries one."""
    for address in addresses:
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            raise Wrong(f"write the IPv4 address: {address.ipv4_mapped}")


def parse_items(texts: Iterable[str]) -> tuple[Range | str, ...]:
    """Addresses, and names of sets as they are."""
    return tuple(text if NAME.fullmatch(text) else parse(text) for text in texts)


def fault(text: str) -> str:
    """More words about what is wrong with addresses or ports, where there are any."""
    if found := PORTS.fullmatch(text):
        return f"the range ends before it starts: write {found[2]}-{found[1]}" if found[2] and not is_ports(text) else ""
    try:
        parse(text)
    except Wrong as error:
        return str(error)
    except ValueError:
        return ""
    return ""


def is_addresses(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def is_addresses_or_set(text: str) -> bool:
    return bool(NAME.fullmatch(text)) or is_addresses(text)


def is_ports(text: str) -> bool:
    found = PORTS.fullmatch(text)
    return bool(found) and int(found[1]) <= int(found[2] or found[1]) <= LAST_PORT


def parse_ports(value: int | str) -> Ports:
    first, _, last = str(value).partition("-")
    return int(first), int(last or first)


def ports_text(ports: Ports) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def port_bits(ports: Iterable[Ports]) -> int:
    """One bit for each port; no ports means every one."""
    bits = 0
    for first, last in ports:
        bits |= (1 << last + 1) - (1 << first)
    return bits or EVERY


def check_ports(path: Path, ports: Sequence[Ports]) -> list[Problem]:
    return _overlaps(path, [(first, last, ports_text((first, last))) for first, last in ports])


def check(path: Path, items: Sequence[Range | str]) -> list[Problem]:
    """Addresses that are in the list twice; nft refuses them in a set. Names of sets are not looked at."""
    problems = []
    for family in WHOLE:
        mine = [(index, item) for index, item in enumerate(items) if isinstance(item, Range) and item.family == family]
        found = _overlaps((), [(item.first, item.last, item.text) for _, item in mine])
        problems += [Problem((*path, mine[one.path[0]][0]), one.message, one.hint) for one in found]
    return problems


def _overlaps(path: Path, items: list[tuple[int, int, str]]) -> list[Problem]:
    """Each (first, last, text) that shares something with one that comes before it in order of size."""
    problems, end, widest = [], -1, ""
    for index in sorted(range(len(items)), key=lambda index: (items[index][0], -items[index][1], index)):
        first, last, text = items[index]
        if first <= end:
            message = f"{text} is here twice" if text == widest else f"{text} overlaps {widest}"
            hint = f"remove it: {widest} contains it" if last <= end else "write ranges that do not overlap"
            problems.append(Problem((*path, index), message, "remove one" if text == widest else hint))
        if len(problems) == MOST_OVERLAPS:
            break
        if last > end:
            end, widest = last, text
    return problems


class IntervalIndex:
    """Turns addresses into bits, one for each stretch between two edges of all the ranges it was made of."""

    def __init__(self, ranges: Iterable[Range]):
        edges = {edge for one in (*ranges, *WHOLE.values()) for edge in _edges(one)}
        self._place = {edge: index for index, edge in enumerate(sorted(edges))}
        self.family = {family: self.bits([whole]) for family, whole in WHOLE.items()}

    def bits(self, ranges: Iterable[Range]) -> int:
        bits = 0
        for one in ranges:
            first, end = _edges(one)
            bits |= (1 << self._place[end]) - (1 << self._place[first])
        return bits


def _edges(one: Range) -> tuple[tuple[int, int], tuple[int, int]]:
    return (one.family, one.first), (one.family, one.last + 1)
