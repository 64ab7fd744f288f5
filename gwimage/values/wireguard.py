"""WireGuard keys and endpoints, for the schema, the checks and the client configuration. Must not know any feature.

Curve25519 (RFC 7748) comes from `cryptography`, imported late since most profiles need no keys.
"""

import base64
import binascii
import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from gwimage.problem import Path, Problem

SIZE = 32
ZERO = base64.b64encode(bytes(SIZE)).decode()
LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
PORT = re.compile(r"[1-9][0-9]{0,4}")
LONGEST_NAME = 253


def is_key(text: str) -> bool:
    """Whether the text is 32 bytes in the canonical base64 form that wg(8) and networkd take."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == SIZE and base64.b64encode(raw).decode() == text


def generate() -> str:
    """A new private key, in base64."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    raw = X25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return base64.b64encode(raw).decode()


def public(private: str) -> str:
    """The public key of a private key, both in base64."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = X25519PrivateKey.from_private_bytes(base64.b64decode(private)).public_key()
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def check_secret(path: Path, key: str | None) -> list[Problem]:
    """Problems of the content of a private or preshared key file; messages never repeat it."""
    if key is None:
        return []
    if not is_key(key):
        hint = "it should hold the key and nothing else: one line of 44 characters, as `gwimage wg genkey` writes it"
        return [Problem(path, "this file holds no WireGuard key", hint)]
    if key == ZERO:
        return [Problem(path, "the key in this file is all zero", "make one with `gwimage wg genkey`")]
    hint = "keep it as you keep the key"
    return [Problem(path, "whoever can read the image, or the seed, can read this key", hint, "warning")]


def is_endpoint(text: str) -> bool:
    """Whether the text is HOST:PORT with both parts present."""
    host, port = endpoint(text)
    return bool(host) and port is not None


def endpoint(text: str) -> tuple[IPv4Address | IPv6Address | str, int | None]:
    """Host and port of HOST, HOST:PORT, [IPV6] or [IPV6]:PORT.

    The port is None if missing; ("", None) if the text is not an endpoint.
    """
    bracketed, bracket, rest = text[1:].partition("]") if text.startswith("[") else ("", "", text)
    host, colon, port = rest.partition(":")
    if (bracket and host) or (colon and not (PORT.fullmatch(port) and int(port) < 65536)):
        return "", None
    return _host(bracketed, host), int(port) if colon else None


def _host(bracketed: str, host: str) -> IPv4Address | IPv6Address | str:
    try:
        if bracketed:
            return "" if "%" in bracketed else IPv6Address(bracketed)
        return IPv4Address(host)
    except AddressValueError:
        labels = host.split(".")  # a last label that begins with a digit is a malformed address
        named = len(host) <= LONGEST_NAME and all(map(LABEL.fullmatch, labels)) and not labels[-1][0].isdigit()
        return host if named and not bracketed else ""
