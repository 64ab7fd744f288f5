"""Claims about WireGuard tunnels."""

from typing import NamedTuple

from gwimage.values.lab_host import LabHost


class Handshake(NamedTuple):
    """Peer and gateway complete a handshake; the peer initiates to this WAN's address, without a WAN the gateway does."""

    peer: LabHost
    wan: str | None


class TunnelServices(NamedTuple):
    """The peer pings the gateway's tunnel address and resolves the gateway's own name, both through the tunnel."""

    peer: LabHost
    name: str


class UnknownPeer(NamedTuple):
    """The VPN's port on the WAN's address never answers a sender without a known key."""

    vpn: str
    wan: str
