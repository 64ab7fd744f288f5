"""What `verify` claims of how packets pass: their size, their rate, and the short way of established connections."""

from typing import NamedTuple


class MssClamp(NamedTuple):
    """Both sides of a TCP connection from LAN to WAN are told segments of at most so many bytes."""

    lan: str
    wan: str
    size: int


class Mtu(NamedTuple):
    """Packets of exactly so many bytes pass from LAN to WAN, and for longer ones the gateway tells that size (RFC 1191).

    Without a WAN: what the gateway itself sends to the LAN comes in pieces of that size.
    """

    lan: str
    wan: str
    size: int


class RateLimit(NamedTuple):
    """A client's upload by that WAN is about as fast as `upload`, in bits per second, and delays nobody else's packets."""

    lan: str
    wan: str
    upload: int


class Offloaded(NamedTuple):
    """Most packets of a TCP connection and a UDP exchange of that LAN with a server outside pass by the gateway's IP layer, both ways."""

    lan: str
