"""Claims about NAT: masquerade and port forwards."""

from ipaddress import IPv4Address
from typing import NamedTuple

from gwimage.values.lab_host import LabHost


class SourceAddress(NamedTuple):
    """An outside server sees a client's TCP, UDP and ping from the WAN's address (masquerade) or the client's own.

    address: the WAN address that the server must see, if the profile fixes it.
    host: the sender's address, in another subnet of the LAN or behind a router on it; default: the client's.
    wan: the server is a neighbour on that WAN; default: beyond the ISP, by the WAN whose default route wins.
    lan: may be a VPN too; host is then the address of the sending peer.
    """

    lan: str
    masquerade: bool
    address: IPv4Address | None = None
    host: IPv4Address | None = None
    wan: str = ""


class Forwarded(NamedTuple):
    """Traffic from src to the WAN's current address and port arrives at to:to_port on the LAN, or behind a VPN.

    The listener sees src's own address from outside, the gateway's from its own LAN (hairpin).
    source: the address of src if the forward names sources, otherwise whichever it has.
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
    """Traffic from src to these ports of the WAN's address gets no answer, though the server listens.

    called: addresses of the gateway to use in place of the WAN's.
    ports: (destination port, port of the server `to` that it would map to). The control is a Forwarded of the same
    flow, which the claim needs.
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
    """A forwarded port of the WAN's address accepts packets with src's own address, and none with spoofed LAN addresses."""

    src: str
    wan: str
    protocol: str
    port: int
    lan: str
    to: IPv4Address
