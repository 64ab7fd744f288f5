"""Formats of the DHCP options that have a fixed one: which value of a profile can hold it, and whether bytes are well-formed.

RFC 2132 where no other is named. Options that are not here have no format that we know, or none at all.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from gwimage.values import domain_names

PREFIXES = range(33)
ROUTES = (121, 249)  # RFC 3442; 249: Microsoft's number for the same


class Format(NamedTuple):
    """A format: what it is in words; the type that holds it, "" if only hex does.

    fits: whether a value's bytes are of this format. read: its bytes from how people write it; raises ValueError.
    """

    what: str
    type: str
    fits: Callable[[bytes], bool]
    read: Callable[[str], bytes]


def of(code: int) -> Format | None:
    return _FORMATS.get(code)


def routes(value: bytes) -> list[tuple[IPv4Network, IPv4Address]]:
    """Destination and router of classless static routes (RFC 3442); raises ValueError for other bytes."""
    found = []
    while value:
        size = (value[0] + 7) // 8
        if value[0] not in PREFIXES or len(value) < 1 + size + 4:
            raise ValueError("truncated")
        destination = value[1 : 1 + size].ljust(4, b"\0")
        found.append((IPv4Network((destination, value[0])), IPv4Address(value[1 + size : 5 + size])))
        value = value[5 + size :]
    return found


def _are_routes(value: bytes) -> bool:
    try:
        return bool(routes(value))
    except ValueError:
        return False


def _are_names(value: bytes) -> bool:
    """Names in DNS wire format without compression, which a client need not be able to read in every option."""
    names = domain_names.unwire(value)
    return bool(names) and all(names) and b"".join(map(domain_names.wire, names)) == value


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _addresses(text: str) -> bytes:
    return b"".join(IPv4Address(word).packed for word in _words(text))


def _routes(text: str) -> bytes:
    """DESTINATION ROUTER, as dhcpd and dnsmasq have them, with the prefix length after the destination."""
    words, found = _words(text), b""
    for net, router in zip(words[::2], words[1::2], strict=True):
        network = IPv4Network(net)
        size = (network.prefixlen + 7) // 8
        found += bytes([network.prefixlen]) + network.network_address.packed[:size] + IPv4Address(router).packed
    return found


def _names(text: str) -> bytes:
    return b"".join(map(domain_names.wire, filter(domain_names.is_domain, _words(text))))


def from_hex(text: str) -> bytes:
    """Bytes of pairs of hexadecimal digits, with colons or blanks between them, or without."""
    return bytes.fromhex(text.replace(":", " "))


def _number(size: int) -> Callable[[str], bytes]:
    return lambda text: int(text).to_bytes(size)


def _sized(size: int) -> Callable[[bytes], bool]:
    return lambda value: len(value) == size


def _multiple(size: int) -> Callable[[bytes], bool]:
    return lambda value: bool(value) and len(value) % size == 0


_ADDRESS = Format("one address", "ipv4", _sized(4), _addresses)
_ADDRESSES = Format("addresses (4 bytes each)", "ipv4", _multiple(4), _addresses)
_PAIRS = Format("pairs of addresses (8 bytes each)", "", _multiple(8), _addresses)
_FLAG = Format("a flag (0 or 1)", "uint8", lambda value: value in (b"\0", b"\1"), _number(1))
_BYTE = Format("a number of one byte", "uint8", _sized(1), _number(1))
_SHORT = Format("a number of two bytes", "uint16", _sized(2), _number(2))
_LONG = Format("a number of four bytes", "uint32", _sized(4), _number(4))
_SHORTS = Format("numbers of two bytes", "uint16", _multiple(2), _number(2))
_TEXT = Format("text", "string", bool, str.encode)
VENDOR = Format("data that the clients' vendor defines", "string", bool, from_hex)
_NAMES = Format("domain names in DNS wire format", "", _are_names, _names)
_ROUTES = Format("routes (prefix length, destination, router)", "", _are_routes, _routes)
_BYTES = Format("data with a structure of its own", "", bool, from_hex)

_CODES: Sequence[tuple[Format, tuple[int, ...]]] = (
    (_ADDRESS, (16, 28, 32)),
    # 89: RFC 4280; 136: RFC 5192; 138: RFC 5417; 142: RFC 6153; 150: RFC 5859
    (_ADDRESSES, (4, 5, 7, 8, 9, 10, 11, 41, 44, 45, 48, 49, 65, *range(68, 77), 85, 89, 112, 136, 138, 142, 150)),
    (_PAIRS, (21, 33)),
    (_FLAG, (19, 20, 27, 29, 30, 31, 34, 36, 39, 116)),
    (_BYTE, (23, 37, 46)),
    (_SHORT, (13, 22, 26)),
    (_SHORTS, (25, 117)),  # 117: RFC 2937
    (_LONG, (2, 24, 35, 38, 58, 59, 108, 211)),  # 108: RFC 8925; 211: RFC 5071
    # 100 and 101: RFC 4833; 114: RFC 8910; 209 and 210: RFC 5071
    (_TEXT, (12, 14, 17, 18, 40, 47, 60, 62, 64, 66, 86, 87, 98, 100, 101, 113, 114, 209, 210)),
    (VENDOR, (43,)),
    (_NAMES, (88, 137, 141, 213)),  # RFC 4280, 5223, 6011, 5986
    (_ROUTES, ROUTES),
    # RFC 3004, 2610, 4174, 3361, 3495, 3925, 5678, 8572, 6225, 6731, 9463, 5969
    (_BYTES, (77, 78, 79, 83, 120, 122, 123, 124, 125, 139, 140, 143, 144, 146, 162, 212, 220, 221)),
)
_FORMATS = {code: form for form, codes in _CODES for code in codes}
