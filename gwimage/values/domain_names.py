"""DNS names: syntax, reserved names, and the wire format that DHCP uses. Must not know any section of the profile."""

import re
from ipaddress import ip_address

from gwimage.problem import Path, Problem

DOMAIN = "home.arpa"  # RFC 8375: reserved for home networks
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RESERVED = {
    "local": "belongs to multicast DNS",
    "localhost": "is the loopback name of every machine",
    "invalid": "never exists",
    "onion": "is not in the DNS",
    "in-addr.arpa": "holds addresses, not hosts",
    "ip6.arpa": "holds addresses, not hosts",
}
# single labels that will never be delegated on the internet (RFC 6761, RFC 6762 appendix G, ICANN)
PRIVATE = frozenset("corp home internal intranet lan localdomain private test".split())


def is_label(text: str) -> bool:
    """Whether the text is one lower-case label that cannot be mistaken for an address."""
    return bool(LABEL.fullmatch(text)) and not text.isdigit()


def is_domain(text: str) -> bool:
    """Whether the text is lower-case labels separated by dots, at most 253 characters, the last label not a number."""
    labels = text.split(".")
    return len(text) <= 253 and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address without a scope (%)."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_host(text: str) -> bool:
    """Whether the text is an address or a domain name."""
    return is_address(text) or is_domain(text)


def is_upstream(text: str) -> bool:
    """Whether the text is a DNS server as systemd-resolved takes it: ADDRESS or ADDRESS#NAME."""
    address, mark, name = text.partition("#")
    return is_address(address) and (not mark or is_domain(name))


def check(path: Path, name: str, hint: str, on_key: bool = False) -> list[Problem]:
    """A problem if the name is in a special-use domain (`RESERVED`), which every machine treats differently."""
    for end, reason in RESERVED.items():
        if name == end or name.endswith(f".{end}"):
            return [Problem(path, f"{name!r} cannot be used: {end} {reason}", hint, on_key=on_key)]
    return []


def check_domain(path: Path, domain: str) -> list[Problem]:
    """Problems of a local domain for the hosts inside; a warning if it may exist on the internet."""
    if "." in domain or domain in RESERVED or domain in PRIVATE:
        return check(path, domain, f"{DOMAIN} is made for this")
    message = f"{domain!r} is or may become a domain of the internet, whose names would be hidden or asked for outside"
    return [Problem(path, message, f"{DOMAIN} is made for this, or use a domain of your own", "warning")]


def wire(domain: str) -> bytes:
    """The domain in DNS wire format (RFC 1035 3.1), as in DHCP option 119 (RFC 3397)."""
    return b"".join(bytes([len(label)]) + label.encode() for label in domain.split(".")) + b"\0"


def unwire(value: bytes) -> list[str]:
    """Decodes names in wire format, one after another; a truncated last name is left out."""
    found, labels = [], []
    while value:
        size, label, value = value[0], value[1 : 1 + value[0]], value[1 + value[0] :]
        if size:
            labels.append(label.decode(errors="replace"))
        else:
            found.append(".".join(labels))
            labels = []
    return found
