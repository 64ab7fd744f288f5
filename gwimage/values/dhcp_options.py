"""DHCP options: which codes are free, how SendOption= writes one that networkd has no key for, and the room for all.

What RFC 2132 says of an option's meaning is the user's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.problem import Path, Problem
from gwimage.values import domain_names

ROUTER, DNS, DOMAIN, NTP, FILE, SEARCH = 3, 6, 15, 42, 67, 119  # RFC 2132, RFC 3397
SIZES = {"uint8": 1, "uint16": 2, "uint32": 4}
# codes that gwimage or networkd write themselves: what they are, and the key of `dhcp` that is for it
OWN = {
    1: ("the subnet mask", "it follows from the network's address"),
    ROUTER: ("the router", "use router"),
    DNS: ("the DNS servers", "use dns"),
    DOMAIN: ("the domain", "use domain"),
    NTP: ("the NTP servers", "use ntp"),
    51: ("the lease time", "use lease_time"),
    FILE: ("the file of a network boot", "use pxe"),
    SEARCH: ("the search domain", "use domain"),
}
PROTOCOL = frozenset({50, 52, 53, 54, 55, 56, 57, 61, 80, 82, 118})  # said between client and server alone
# Without room for all of them networkd answers nobody, and a text of 256 bytes ends it. Options have 336 bytes of an
# answer of 576; message type, lease time, mask, server, end and rapid commit take 24 of them.
ROOM = 336 - 24


@dataclass(frozen=True)
class Option:
    """type: uint8, uint16, uint32, ipv4 or string, and a value that fits."""

    code: int
    type: str
    value: int | str | IPv4Address


def parse(data: dict) -> Option:
    value = IPv4Address(data["value"]) if data["type"] == "ipv4" else data["value"]
    return Option(data["code"], data["type"], value)


def check(path: Path, options: Iterable[Option]) -> list[Problem]:
    """Codes that are not free, or used twice: networkd would send the last one only."""
    problems, seen = [], set()
    for index, option in enumerate(options):
        place = (*path, index, "code")
        if option.code in OWN:
            what, hint = OWN[option.code]
            problems.append(Problem(place, f"option {option.code} is {what}", hint))
        elif option.code in PROTOCOL:
            message = f"option {option.code} is part of the protocol itself, not of what clients are told"
            problems.append(Problem(place, message, "leave it out"))
        elif option.code in seen:
            problems.append(Problem(place, f"option {option.code} is here twice", "an option has one value"))
        seen.add(option.code)
    return problems


def size(options: Iterable[tuple[int, bytes]]) -> int:
    """Bytes that they take in an answer."""
    return sum(2 + len(value) for _, value in options)


def raw(option: Option) -> bytes:
    """The value as it goes over the wire."""
    if option.type == "ipv4":
        return option.value.packed
    return option.value.encode() if option.type == "string" else option.value.to_bytes(SIZES[option.type])


def send(option: Option) -> str:
    """The value of SendOption=."""
    if option.type == "string":
        return text(option.code, option.value.encode())
    return f"{option.code}:{'ipv4address' if option.type == 'ipv4' else option.type}:{option.value}"


def text(code: int, value: bytes) -> str:
    """SendOption= with bytes. A backslash begins an escape; networkd drops colons in front and blanks at the ends."""
    plain = [chr(byte) if 32 <= byte < 127 and byte != 0x5C else f"\\x{byte:02x}" for byte in value]
    for end in {0, len(plain) - 1}:
        if plain[end] in (" ", ":"):
            plain[end] = f"\\x{value[end]:02x}"
    return f"{code}:string:{''.join(plain)}"


def shown(code: int, value: bytes) -> str:
    """As `claim_dhcp.DhcpOptions` has it: addresses and names in clear where the code says that it has some, else hex."""
    if code in (ROUTER, DNS, NTP):
        return " ".join(str(IPv4Address(value[at : at + 4])) for at in range(0, len(value) - 3, 4))
    if code == SEARCH:
        return " ".join(domain_names.unwire(value))
    return value.decode(errors="replace") if code in (DOMAIN, FILE) else value.hex()
