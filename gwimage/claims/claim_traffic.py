"""Claims about forwarding: MTU, MSS, rate limits, and the flowtable fast path of established connections."""

from typing import NamedTuple


class MssClamp(NamedTuple):
    """Both sides of a TCP connection from LAN to WAN receive an MSS of at most this many bytes."""

    lan: str
    wan: str
    size: int


class Mtu(NamedTuple):
    """Packets of exactly this size pass from LAN to WAN; for longer ones the gateway reports this MTU (RFC 1191).

    Without a WAN: the gateway's own packets to the LAN are fragmented to this size.
    """

    lan: str
    wan: str
    size: int


class RateLimit(NamedTuple):
    """A client's upload by that WAN runs at about `upload` bits per second without delaying other hosts' packets."""

    lan: str
    wan: str
    upload: int


class Offloaded(NamedTuple):
    """Most packets of a TCP and a UDP flow between that LAN and an outside server bypass the gateway's IP layer, both ways."""

    lan: str
