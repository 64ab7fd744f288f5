"""advice.py for what is claimed about IPv6: how it is asked, and what to look at first when it failed."""

from __future__ import annotations

from collections.abc import Callable

from gwimage.claims import claim_ipv6
from gwimage.claims.flow import Flow
from gwimage.lab.hosts import PORT
from gwimage.profile.zones import GATEWAY


def first(probe: claim_ipv6.Probe6) -> str:
    return KINDS[type(probe)][1](probe)


def _explain(start: str, end: str, what: str) -> str:
    return f"`gwimage explain PROFILE --from {start} --to {end} {what}`"


def _wan_address(probe: claim_ipv6.WanAddress6) -> str:
    return (
        f"Does networkd take router advertisements or the fixed address (IPv6AcceptRA=, Address= in 10-{probe.wan}.network), "
        "and does the firewall let nd-router-advert and neighbour solicitations in?"
    )


def _delegated(probe: claim_ipv6.Delegated) -> str:
    return (
        f"Does the DHCPv6 client ask at all (in Wireshark: dhcpv6; WithoutRA=solicit in 10-{probe.wan}.network), and does the "
        "firewall let the answers to UDP port 546 in?"
    )


def _advertised(probe: claim_ipv6.Advertised) -> str:
    return f"Compare what the capture shows (in Wireshark: icmpv6.type == 134) with [IPv6SendRA] of 20-{probe.lan}.network."


def _unadvertised(probe: claim_ipv6.Unadvertised) -> str:
    return f"The capture shows by its MAC address who advertises itself; if it is the gateway, look at 20-{probe.lan}.network."


def _ping(probe: claim_ipv6.Ping6) -> str:
    return (
        f"Without an address look at what is advertised on {probe.lan}; with one, whether the gateway has its own in that subnet "
        f"(Address=, Token= in 20-{probe.lan}.network), and whether the firewall takes ICMPv6 from {probe.lan}."
    )


def _source(probe: claim_ipv6.SourceAddress6) -> str:
    return (
        f"{_explain(probe.lan, 'wan', f'--tcp {PORT}')} says whether the firewall would let it out; if so: does the gateway forward "
        "IPv6 (IPv6Forwarding= in networkd.conf), and has it a default route?"
    )


def _too_big(probe: claim_ipv6.PathMtu6) -> str:
    return "The firewall must let ICMPv6 errors pass that belong to a connection (ct state related; RFC 4890 4.3.1)."


def _kept(probe: claim_ipv6.NoEgress6) -> str:
    return f"Nothing of it may pass the gateway: look for the rules of {probe.lan} in the chains spoof and forward."


def _gateway_closed(probe: claim_ipv6.GatewayClosed6) -> str:
    zone = probe.zone_host.network
    return (
        f"{_explain(zone, 'gateway', '--tcp PORT')} says by which rule a port is let in that should not answer. A reset means that "
        "the firewall lets the packet pass and nobody listens; a port that should answer may have no service behind it."
    )


def _gateway_closed_udp(probe: claim_ipv6.GatewayClosedUdp6) -> str:
    zone = probe.zone_host.network
    return f"{_explain(zone, 'gateway', '--udp PORT')} says by which rule a packet is let in; who refuses has let it in."


def _unreachable(probe: claim_ipv6.Unreachable6) -> str:
    return f"{_explain(probe.src.network, probe.lan, f'--tcp {PORT}')} says by which rule it would pass."


def _allowed(probe: claim_ipv6.Allowed6) -> str:
    return f"{_on_way(probe, probe.way)} says by which rule it passes, or would."


def _withheld(probe: claim_ipv6.BlockedFlows6) -> str:
    return f"{_on_way(probe, probe.ways[0])} says by which rule it would pass."


def _on_way(probe: claim_ipv6.Allowed6 | claim_ipv6.BlockedFlows6, way: Flow) -> str:
    """Without addresses `explain` would choose IPv4's, and say so."""
    start, end = probe.src.network, (probe.there.network or probe.there.name) if probe.there else GATEWAY
    start, end = (f"{zone}:{ip}" if ip else zone for zone, ip in ((start, way.source), (end, way.destination)))
    return _explain(start, end, f"--{probe.protocol} {way.port}" if way.port else "--icmp")


def _renumbered(probe: claim_ipv6.PrefixChange) -> str:
    return (
        f"Does the gateway renew its prefix (in Wireshark: dhcpv6), and do the LANs take a part of it "
        f"(DHCPPrefixDelegation=, UplinkInterface={probe.wan})?"
    )


KINDS: dict[type, tuple[str, Callable[[claim_ipv6.Probe6], str]]] = {
    claim_ipv6.WanAddress6: ("the ISP asks for the address by neighbour solicitations", _wan_address),
    claim_ipv6.Delegated: (
        "an ISP that advertises neither the M nor the O flag waits to be asked for a prefix by DHCPv6",
        _delegated,
    ),
    claim_ipv6.Advertised: ("a client solicits routers, and reads what the advertisement says", _advertised),
    claim_ipv6.Unadvertised: ("a client listens from power-on, and solicits routers", _unadvertised),
    claim_ipv6.Ping6: ("a client makes addresses of what is advertised, and sends an ICMPv6 echo request from each", _ping),
    claim_ipv6.SourceAddress6: ("a client connects by TCP to a server outside, which says whom it saw", _source),
    claim_ipv6.PathMtu6: ("a client sends a long packet to where a router outside passes on short ones only", _too_big),
    claim_ipv6.NoEgress6: ("a client sends it straight to the gateway; the ISP listens", _kept),
    claim_ipv6.GatewayClosed6: (
        "a SYN goes to every TCP port of that address, twice where none answers, and a ping",
        _gateway_closed,
    ),
    claim_ipv6.GatewayClosedUdp6: (
        "a packet goes to every UDP port of that address, the usual question to usual ones; the kernel counts",
        _gateway_closed_udp,
    ),
    claim_ipv6.Unreachable6: ("TCP and a ping to a host that listens, and knows the way back", _unreachable),
    claim_ipv6.Allowed6: ("a host listens that tells whom it saw; it is called that way", _allowed),
    claim_ipv6.BlockedFlows6: ("a host listens that tells whom it saw; it is called by each of these ways", _withheld),
    claim_ipv6.PrefixChange: ("the ISP answers the next renewal with another prefix, and ends the former", _renumbered),
}
