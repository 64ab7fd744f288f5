"""DHCP options: free codes, encoding for networkd's SendOption=, and the space available in a reply.

The meaning of an option (RFC 2132) is left to the user; it is not checked here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.problem import Path, Problem
from gwimage.values import domain_names

ROUTER, DNS, DOMAIN, NTP, FILE, SEARCH = 3, 6, 15, 42, 67, 119  # RFC 2132, RFC 3397
TFTP_NAME, TFTP_ADDRESSES = 66, 150  # RFC 2132, RFC 5859
SIZES = {"uint8": 1, "uint16": 2, "uint32": 4}
# codes that gwimage or networkd send themselves: what each is, and the `dhcp` key to use instead
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
PROTOCOL = frozenset({50, 52, 53, 54, 55, 56, 57, 61, 80, 82, 118})  # DHCP's own signalling between client and server
# Bytes for options. If they do not all fit, networkd answers no client at all, and a text of 256 bytes makes it exit. A reply
# of 576 bytes has 336 for options; message type, lease time, mask, server, end and rapid commit take 24 of them.
ROOM = 336 - 24


@dataclass(frozen=True)
class Option:
    """One option; type: uint8, uint16, uint32, ipv4 or string, with a value that fits it."""

    code: int
    type: str
    value: int | str | IPv4Address


def parse(data: dict) -> Option:
    value = IPv4Address(data["value"]) if data["type"] == "ipv4" else data["value"]
    return Option(data["code"], data["type"], value)


def check(path: Path, options: Iterable[Option]) -> list[Problem]:
    """Problems for reserved and duplicate codes; of duplicates networkd would send only the last."""
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
    """Bytes that the options take in a reply: code, length and value of each."""
    return sum(2 + len(value) for _, value in options)


def raw(option: Option) -> bytes:
    """The option's value in wire format."""
    if option.type == "ipv4":
        return option.value.packed
    return option.value.encode() if option.type == "string" else option.value.to_bytes(SIZES[option.type])


def tftp_server(option: Option) -> IPv4Address | None:
    """The TFTP server of which the option tells by address."""
    try:
        return IPv4Address(option.value) if option.code in (TFTP_NAME, TFTP_ADDRESSES) else None
    except ValueError:
        return None


def send(option: Option) -> str:
    """The option as the value of networkd's SendOption=."""
    if option.type == "string":
        return text(option.code, option.value.encode())
    return f"{option.code}:{'ipv4address' if option.type == 'ipv4' else option.type}:{option.value}"


def text(code: int, value: bytes) -> str:
    """Bytes as a string value of SendOption=, escaped where networkd needs it.

    A backslash begins an escape; networkd drops leading colons, and blanks at both ends.
    """
    plain = [chr(byte) if 32 <= byte < 127 and byte != 0x5C else f"\\x{byte:02x}" for byte in value]
    for end in {0, len(plain) - 1}:
        if plain[end] in (" ", ":"):
            plain[end] = f"\\x{value[end]:02x}"
    return f"{code}:string:{''.join(plain)}"


def shown(code: int, value: bytes) -> str:
    """The value as text for `claim_dhcp.DhcpOptions`: addresses or names for codes known to hold them, else hex."""
    if code in (ROUTER, DNS, NTP):
        return " ".join(str(IPv4Address(value[at : at + 4])) for at in range(0, len(value) - 3, 4))
    if code == SEARCH:
        return " ".join(domain_names.unwire(value))
    return value.decode(errors="replace") if code in (DOMAIN, FILE) else value.hex()
