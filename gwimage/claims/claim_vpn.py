"""What `verify` claims of WireGuard tunnels, as data."""

from typing import NamedTuple


class Handshake(NamedTuple):
    """The peer and the gateway agree on keys; the peer calls this WAN's address, or without a WAN waits to be called."""

    peer: str
    wan: str | None


class TunnelServices(NamedTuple):
    """Through the tunnel the peer pings the gateway's address in it, and resolves the gateway's own name."""

    peer: str
    name: str


class UnknownPeer(NamedTuple):
    """Who has no key that the VPN knows hears nothing from its port on the WAN's address, whatever it sends."""

    vpn: str
    wan: str
