"""What `verify` claims of addresses that change on the way: masquerade and port forwards."""

from ipaddress import IPv4Address
from typing import NamedTuple

from gwimage.values.lab_host import LabHost


class SourceAddress(NamedTuple):
    """A server outside sees TCP, UDP and ping from a client come from the WAN's address (masquerade) or the client's own.

    address: the one of the WAN's addresses that the server must see, where the profile fixes it.
    host: the address of who asks, in another subnet of the LAN or behind a router on it; else the client's.
    wan: the server is a neighbour on that WAN; else beyond the ISP, by the WAN whose default route wins.
    lan: may be a VPN's name too; then host is the address of the peer that asks.
    """

    lan: str
    masquerade: bool
    address: IPv4Address | None = None
    host: IPv4Address | None = None
    wan: str = ""


class Forwarded(NamedTuple):
    """What src sends to the WAN's current address and port arrives at to:to_port on the LAN, or behind a VPN.

    From outside the listener sees src's own address; from the LAN itself (hairpin) the gateway's.
    source: the address of src where the forward names some, else whichever it has.
    """

    src: LabHost
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address
    to_port: int
    source: IPv4Address | None = None


class NotForwarded(NamedTuple):
    """What src sends to these ports of the WAN's address is not answered, though the server listens.

    called: addresses of the gateway in place of the WAN's.
    ports: (port that is called, port of the server to:port that it would be). The control is a Forwarded of the same
    way, which the claim needs.
    """

    src: LabHost
    wan: str
    protocol: str
    ports: tuple[tuple[int, int], ...]
    lan: str
    to: IPv4Address
    source: IPv4Address | None = None
    called: tuple[IPv4Address, ...] = ()


class SpoofedForward(NamedTuple):
    """Of what src sends to a forwarded port of the WAN's address only that with its own address arrives, none with those of the LAN."""

    src: str
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address
