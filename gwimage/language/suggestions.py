"""Guesses of what was meant by a value that the schema rejects.

Must know ways of writing only, not the profile: the schema decides which guess is valid, and no value is changed for the user.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Interface

LONGEST = 100
BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
TO = re.compile(r"\s*(?:[-\u2010-\u2015\u2212]|\.\.+|\bto\b)\s*")
SHORT_RANGE = re.compile(r"(\d+\.\d+\.\d+\.\d+)-(\d+(?:\.\d+){0,2})")
NETMASK = re.compile(r"(\d+\.\d+\.\d+\.\d+)[/\s]+(\d+\.\d+\.\d+\.\d+)")
NUMBER = re.compile(r"(\d{1,9})(?:\.0+|\s*[A-Za-z]+|/(?:tcp|udp))?")
UNIT = re.compile(r"(\d{1,9})\s*(?!ms)([A-Za-z])[A-Za-z]*(?:/s)?")
VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,2})")
RATE = re.compile(r"(\d{1,9})\s*(?:/|per )\s*([smhd])[a-z]*")
RATES = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
FULL_NAME = re.compile(r"([a-z0-9-]+)(?:\.[a-z0-9-]+)*\.[a-z]{2,}")
CARD = re.compile(r"(net|eth|nic|vtnet|ens|enp\d+s)[-_ ]?(\d{1,2})")
FIRST_SLOT = 18  # Proxmox's net0 is device 18, so Linux calls it ens18


def guesses(value: object) -> Iterator[object]:
    """Other ways to write the value, the likeliest first."""
    if isinstance(value, str):
        if len(value) <= LONGEST:
            yield from _of_text(value.strip())
    elif value is True:
        yield from ("auto", "delegated")  # IPv6, outside and inside
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (str(value), f"{value}s", f"{value}M", f"{value}.0.0")
    elif isinstance(value, list) and len(value) == 1:
        yield value[0]
    elif isinstance(value, dict):
        yield list(value)
    if isinstance(value, (str, int, dict)):
        yield [value]


def _of_text(text: str) -> Iterator[object]:
    lower = text.lower()
    yield from (text, lower)
    if lower in BOOLEANS:
        yield BOOLEANS[lower]
    if match := NUMBER.fullmatch(text):
        yield int(match[1])
    if match := UNIT.fullmatch(text):
        number, unit = int(match[1]), match[2]
        yield from (f"{number}{unit.lower()}", f"{number}{unit.upper()}")
        yield {"w": f"{7 * number}d", "g": number * 1024}.get(unit.lower(), number)
    if match := VERSION.fullmatch(lower):
        yield ".".join((match[1].split(".") + ["0", "0"])[:3])
    if match := RATE.fullmatch(lower):
        yield f"{match[1]}/{RATES[match[2]]}"
    yield from _of_addresses(text)
    if match := CARD.fullmatch(lower):
        yield f"net{int(match[2]) - (FIRST_SLOT if match[1].startswith('en') else 0)}"
    yield lower.strip(".")
    if match := FULL_NAME.fullmatch(lower):
        yield match[1]  # a label is wanted
    if not re.fullmatch(r"[\d.]+|.*\..*\s.*|.*\s.*\..*", lower):  # not a misspelt name if it is an address or several words
        yield re.sub(r"[\s_.-]+", "-", lower).strip("-")
    words = re.split(r"[,\s]+", text)
    if len(words) > 1:
        yield words


def _of_addresses(text: str) -> Iterator[str]:
    digits = re.sub(r"[^0-9A-Fa-f]", "", text).lower()
    if len(digits) == 12 and re.fullmatch(r"[0-9A-Fa-f.:-]+", text):
        yield ":".join(digits[n : n + 2] for n in range(0, 12, 2))
    plain = re.sub(r"(?<!\d)0+(?=\d)", "", TO.sub("-", text))
    yield plain
    if match := SHORT_RANGE.fullmatch(plain):
        first = match[1].split(".")
        yield f"{match[1]}-{'.'.join(first[: 3 - match[2].count('.')])}.{match[2]}"
    if match := NETMASK.fullmatch(text):
        try:
            yield IPv4Interface(f"{match[1]}/{match[2]}").with_prefixlen
        except ValueError:
            pass
    if re.search(r"[.:]", plain):  # not tcp/udp, which means both
        yield plain.partition("/")[0]
    if re.fullmatch(r"\d+:\d+", plain):
        yield plain.replace(":", "-")
    yield from _of_endpoint(text)
    if "/" in plain:
        try:
            yield str(IPv4Interface(plain).network)
        except ValueError:
            pass


def _of_endpoint(text: str) -> Iterator[str]:
    head, _, port = text.rpartition(":")
    if port.isdigit() and ":" not in head:
        yield head
    yield from (f"[{head}]:{port}", f"{text}:51820", f"[{text}]:51820")
