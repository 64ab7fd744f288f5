"""DHCP options: free codes, encoding for networkd's SendOption=, and the space available in a reply.

What an option means is left to the user; its format, where it has a fixed one, is in dhcp_formats.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.problem import Path, Problem
from gwimage.values import dhcp_formats, domain_names
from gwimage.values.dhcp_formats import Format

ROUTER, DNS, DOMAIN, NTP, FILE, SEARCH = 3, 6, 15, 42, 67, 119  # RFC 2132, RFC 3397
TFTP_NAME, TFTP_ADDRESSES = 66, 150  # RFC 2132, RFC 5859
BYTES = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){2,}")  # how bytes are written, never a text that a client wants
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
    """One option; type: uint8, uint16, uint32, ipv4, string or hex (bytes), with a value that fits it."""

    code: int
    type: str
    value: int | str | bytes | IPv4Address


def parse(data: dict) -> Option:
    read = {"ipv4": IPv4Address, "hex": dhcp_formats.from_hex}.get(data["type"], lambda value: value)
    return Option(data["code"], data["type"], read(data["value"]))


def check(path: Path, options: Iterable[Option]) -> list[Problem]:
    """Problems for reserved and duplicate codes, of which networkd would send only the last, and for values in a wrong format."""
    problems, seen = [], set()
    for index, option in enumerate(options):
        problems += _check_format((*path, index), option) if option.code not in OWN else []
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


def _check_format(path: Path, option: Option) -> list[Problem]:
    form = dhcp_formats.of(option.code)
    if form and option.type not in (form.type, "hex"):
        message = f"option {option.code} holds {form.what}: type {option.type} does not fit"
        return [Problem((*path, "type"), message, _other_form(form, option))]
    if form and not form.fits(raw(option)):
        given = "these bytes are not" if option.type == "hex" else f"{option.value} is not"
        message = f"option {option.code} holds {form.what}, which {given}"
        return [Problem((*path, "value"), message, "compare with its RFC, or the client's manual")]
    if option.type == "string" and BYTES.fullmatch(option.value):
        message = "this is sent as text, digits and colons"
        return [Problem((*path, "value"), message, "if it means bytes, write type: hex", "warning")]
    return []


def _other_form(form: Format, option: Option) -> str:
    """Hint with the value as it should be written, where its text can be read."""
    try:
        value = form.read(str(option.value))
    except (ValueError, OverflowError):  # OverflowError: a number with too many bytes
        value = b""
    if not form.fits(value) or form is dhcp_formats.VENDOR:
        return f"write type: {form.type}, or its bytes with type: hex" if form.type else "give its bytes, with type: hex"
    if form.type == "string":
        return f"write type: string, value: '{option.value}'"
    if form.type and len(value) <= SIZES.get(form.type, 4):
        return f"write type: {form.type}, value: {option.value}"
    return f"write type: hex, value: '{value.hex(':')}'"


def size(options: Iterable[tuple[int, bytes]]) -> int:
    """Bytes that the options take in a reply: code, length and value of each."""
    return sum(2 + len(value) for _, value in options)


def raw(option: Option) -> bytes:
    """The option's value in wire format."""
    if option.type == "hex":
        return option.value
    if option.type == "ipv4":
        return option.value.packed
    return option.value.encode() if option.type == "string" else option.value.to_bytes(SIZES[option.type])


def tftp_servers(option: Option) -> list[IPv4Address]:
    """The TFTP servers of which the option tells by address."""
    if option.code == TFTP_ADDRESSES and option.type in ("ipv4", "hex"):
        return addresses(raw(option))
    try:
        return [IPv4Address(raw(option).decode())] if option.code == TFTP_NAME else []
    except ValueError:
        return []


def addresses(value: bytes) -> list[IPv4Address]:
    """Whole addresses, one after another."""
    return [IPv4Address(value[at : at + 4]) for at in range(0, len(value) - 3, 4)]


def send(option: Option) -> str:
    """The option as the value of networkd's SendOption=."""
    if option.type in ("string", "hex"):
        return text(option.code, raw(option))
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
    """The value for people, as its format says; hexadecimal digits where it has none or another."""
    form = dhcp_formats.of(code)
    if code in (ROUTER, DNS, NTP) or (form and form.type == "ipv4"):
        return " ".join(map(str, addresses(value))) if value and len(value) % 4 == 0 else value.hex(":")
    if code == SEARCH:
        return " ".join(domain_names.unwire(value))
    plain = code in (DOMAIN, FILE) or (form and form.type == "string")
    return value.decode() if plain and value.isascii() and value.decode().isprintable() else value.hex(":")
