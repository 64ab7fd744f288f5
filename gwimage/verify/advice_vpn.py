"""As advice.py: what to look at first where a tunnel, an upload or a port beside a forward is in question.

What passes inside a tunnel is not to be seen on the wires, so this looks at none.
"""

from __future__ import annotations

from gwimage.claims import claim
from gwimage.lab.hosts import Hosts
from gwimage.values.lab_host import LabHost

_OWN = (claim.Handshake, claim.TunnelServices, claim.UnknownPeer)


def handshake(probe: claim.Handshake, wire: object) -> str:
    vpn = probe.peer.network
    where = f"30-{vpn}.netdev" + (
        ": ListenPort=, and PublicKey= of this peer" if probe.wan else ": Endpoint= and PublicKey= of this peer"
    )
    more = (
        f"; then whether the firewall lets the port in from {probe.wan}" if probe.wan else "; can the gateway look the name up"
    )
    return f"Look at {where}{more}. Without the gateway's own key {vpn} is not there at all: console.log says so."


def services(probe: claim.TunnelServices, wire: object) -> str:
    vpn = probe.peer.network
    return (
        f"The tunnel is up: look at AllowedIPs= of this peer and Address= of {vpn}, then at what the firewall opens to {vpn}."
    )


def strangers(probe: claim.UnknownPeer, wire: object) -> str:
    return f"Something answers on the port of {probe.vpn} that is not WireGuard, or a rule rejects instead of dropping."


def shaped(probe: claim.RateLimit, wire: object) -> str:
    return f"Compare [CAKE] in 10-{probe.wan}.network with qos.{probe.wan}; did networkd take it (console.log)?"


def not_forwarded(probe: claim.NotForwarded, wire: object) -> str:
    return "A rule takes more ports than the profile names: look at the chain dstnat of the image's rules."


def through(probe: claim.Probe, hosts: Hosts) -> str:
    """For other kinds of claims, when a VPN is one end; else nothing."""
    if isinstance(probe, _OWN):
        return ""
    vpns = {one.played.vpn.name for one in hosts.tunnels}
    ends = [value.network if isinstance(value, LabHost) else value for value in probe]
    if end := next((end for end in ends if end in vpns), ""):
        return (
            f"What passes inside {end} is not seen on the wires. `gwimage explain PROFILE --from {end} --to ...` says what the "
            f"rules do with it; then look at AllowedIPs= in 30-{end}.netdev and [Route] in 30-{end}.network."
        )
    return ""
