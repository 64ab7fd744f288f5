"""Addresses and ports as single values, prefixes and ranges: parsed, compared, and written for nft.

`IntervalIndex` puts both families on one axis, so that overlap and containment become arithmetic on bits.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gwimage.problem import Path, Problem

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
PORTS = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
LAST_PORT = 65535
MOST_OVERLAPS = 10  # reported for one list
EVERY = -1  # as bits: everything

Ports = tuple[int, int]  # first and last


@dataclass(frozen=True)
class Range:
    """Addresses first..last, as integers, of one family (4 or 6); `text` is their form for nft."""

    family: int
    first: int
    last: int
    text: str


@dataclass(frozen=True)
class AddressSet:
    """A named list of addresses; families: those (4, 6) present in it."""

    ranges: tuple[Range, ...]
    families: frozenset[int]


class Wrong(ValueError):
    """A parse error whose message is meant for the user."""


WHOLE = {4: Range(4, 0, 2**32 - 1, "0.0.0.0/0"), 6: Range(6, 0, 2**128 - 1, "::/0")}


def parse(text: str) -> Range:
    """Parses an address, a prefix or FIRST-LAST; raises ValueError, as `Wrong` where a message can say what to write."""
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


def of(one: IPv4Address | IPv4Network | IPv6Address | IPv6Network) -> Range:
    """The range of one address or network."""
    first, last = (one[0], one[-1]) if isinstance(one, (IPv4Network, IPv6Network)) else (one, one)
    return Range(one.version, int(first), int(last), str(one))


def _prefix(text: str) -> Range:
    address, _, length = text.partition("/")
    if ":" in address and (length.startswith("-") or ":" in length):  # as other firewalls write the end of an address
        raise Wrong("an entry cannot name the end of an address: firewall.raw can, as docs/ipv6.md shows")
    network = ip_network(text, strict=False)
    if length != str(network.prefixlen):  # ipaddress also takes netmasks and leading zeros
        raise Wrong(f"write {network}")
    if ip_address(address) != network.network_address:
        raise Wrong(f"write {network} for the whole subnet, {ip_address(address)} for one address")
    _not_mapped(network[0], network[-1])
    return Range(network.version, int(network[0]), int(network[-1]), str(network))


def _not_mapped(*addresses) -> None:
    """Raises Wrong for IPv4-mapped addresses: their text differs between Python versions, and no packet carries one."""
    for address in addresses:
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            raise Wrong(f"write the IPv4 address: {address.ipv4_mapped}")


def parse_items(texts: Iterable[str]) -> tuple[Range | str, ...]:
    """Parsed addresses; names of sets stay as text."""
    return tuple(text if NAME.fullmatch(text) else parse(text) for text in texts)


def fault(text: str) -> str:
    """Details of what is wrong with addresses or ports; empty if there is nothing to add."""
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
    """Whether the text is an address, a prefix or a range of addresses."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def is_addresses_or_set(text: str) -> bool:
    return bool(NAME.fullmatch(text)) or is_addresses(text)


def is_ports(text: str) -> bool:
    """Whether the text is a port or FIRST-LAST, within 1..65535."""
    found = PORTS.fullmatch(text)
    return bool(found) and int(found[1]) <= int(found[2] or found[1]) <= LAST_PORT


def parse_ports(value: int | str) -> Ports:
    first, _, last = str(value).partition("-")
    return int(first), int(last or first)


def ports_text(ports: Ports) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def port_bits(ports: Iterable[Ports]) -> int:
    """A bit set with one bit for each port; no ports means every one."""
    bits = 0
    for first, last in ports:
        bits |= (1 << last + 1) - (1 << first)
    return bits or EVERY


def check_ports(path: Path, ports: Sequence[Ports]) -> list[Problem]:
    return _overlaps(path, [(first, last, ports_text((first, last))) for first, last in ports])


def check(path: Path, items: Sequence[Range | str]) -> list[Problem]:
    """Problems for addresses that are in the list twice, which nft refuses in a set; names of sets are ignored."""
    problems = []
    for family in WHOLE:
        mine = [(index, item) for index, item in enumerate(items) if isinstance(item, Range) and item.family == family]
        found = _overlaps((), [(item.first, item.last, item.text) for _, item in mine])
        problems += [Problem((*path, mine[one.path[0]][0]), one.message, one.hint) for one in found]
    return problems


def _overlaps(path: Path, items: list[tuple[int, int, str]]) -> list[Problem]:
    """Problems for each (first, last, text) that overlaps one before it, sorted by first value, the widest first."""
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
    """Maps ranges to bit sets: one bit for each interval between neighbouring edges of the ranges it was made of."""

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
