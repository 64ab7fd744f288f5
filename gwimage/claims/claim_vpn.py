"""What `verify` claims of WireGuard tunnels, as data."""

from typing import NamedTuple

from gwimage.values.lab_host import LabHost


class Handshake(NamedTuple):
    """The peer and the gateway agree on keys; the peer calls this WAN's address, or without a WAN waits to be called."""

    peer: LabHost
    wan: str | None


class TunnelServices(NamedTuple):
    """Through the tunnel the peer pings the gateway's address in it, and resolves the gateway's own name."""

    peer: LabHost
    name: str


class UnknownPeer(NamedTuple):
    """Who has no key that the VPN knows hears nothing from its port on the WAN's address, whatever it sends."""

    vpn: str
    wan: str
