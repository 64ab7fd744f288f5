"""As advice.py, for what of the gateway is exposed, and for packets made by hand."""

from __future__ import annotations

from gwimage.claims import claim
from gwimage.lab.hosts import PORT
from gwimage.verify.evidence import Wire


def _closed_udp(probe: claim.GatewayClosedUdp, wire: Wire) -> str:
    zone = probe.zone_host.network
    return (
        f"The list of ports says which is not as expected, and what listens there: `gwimage explain PROFILE --from {zone} --to gateway "
        "--udp PORT` says what the rules do with it. `refused` means that the firewall lets the packet pass and nobody listens; "
        "so do packets that were let in for nobody."
    )


def _others(probe: claim.OtherAddresses, wire: Wire) -> str:
    zone = probe.zone_host.network
    return (
        f"The list says which address of the gateway answers {zone}, and on which port: `gwimage explain PROFILE --from {zone} "
        "--to ADDRESS --tcp PORT` says by which rule."
    )


def _spoofed(probe: claim.Spoofed, wire: Wire) -> str:
    start, end = probe.src.network, probe.zone
    if wire.arrived(end, PORT):
        return f"It arrived on {end}: look at the rules of chain spoof that compare source addresses, for {start}."
    return (
        f"Nothing of it arrived on {end}: the gateway, or the host there, could not be reached (see the other failed claims)."
    )


def _spoofed_forward(probe: claim.SpoofedForward, wire: Wire) -> str:
    return f"If nothing arrived, see the claims of the forward itself; else look at the rules of chain spoof for {probe.wan}."


def _segments(probe: claim.MssClamp, wire: Wire) -> str:
    if not wire.arrived(probe.wan, PORT):
        return f"The question did not come out of the gateway on {probe.wan}: see what {probe.lan} reaches at all."
    return f"Compare the rules with `maxseg` for {probe.wan}, one for each way, with wans.{probe.wan}.mss_clamp and mtu."


def _mtu(probe: claim.Mtu, wire: Wire) -> str:
    network = probe.wan or probe.lan
    return f"Look for MTUBytes= in the files of {network}, and whether the gateway may send ICMP errors to {probe.lan}."


def _admitted(probe: claim.AllowedToGateway, wire: Wire) -> str:
    zone, port = probe.src.network, probe.ways[0].port
    asked = f"--{probe.protocol} {port or 'echo-request'}"
    return (
        f"`gwimage explain PROFILE --from {zone}:SOURCE --to gateway {asked}` says what the rules do with it; "
        "`silent` means that the firewall dropped it."
    )


KINDS = {
    claim.AllowedToGateway: (
        "a host calls the gateway; whoever is let in is answered or refused, others hear nothing",
        _admitted,
    ),
    claim.GatewayClosedUdp: (
        "usual UDP ports are asked twice what their servers would answer, every other one gets a packet; the kernel counts",
        _closed_udp,
    ),
    claim.OtherAddresses: (
        "TCP and UDP ports of the gateway's addresses on other networks are asked by way of the near one",
        _others,
    ),
    claim.Spoofed: ("a packet with each false address is sent to a host, and listened for there", _spoofed),
    claim.SpoofedForward: (
        "packets with false addresses, and one with the true one, go to the forwarded port",
        _spoofed_forward,
    ),
    claim.MssClamp: ("a SYN for the longest segments there are goes out, and its answer comes back", _segments),
    claim.Mtu: ("a client sends echo requests that must not be fragmented", _mtu),
}
