"""Advice on failed IPv6 probes: for ipv6_services.py, ipv6_closed.py, ipv6_allowed.py."""

from gwimage.claims import claim_ipv6
from gwimage.claims.flow import Flow
from gwimage.lab.hosts import PORT
from gwimage.profile.zones import GATEWAY


def _explain(start: str, end: str, what: str) -> str:
    return f"`gwimage explain PROFILE --from {start} --to {end} {what}`"


def wan_address(probe: claim_ipv6.WanAddress6, wire: object) -> str:
    return (
        f"Does networkd take router advertisements or the fixed address (IPv6AcceptRA=, Address= in 10-{probe.wan}.network), "
        "and does the firewall let nd-router-advert and neighbour solicitations in?"
    )


def delegated(probe: claim_ipv6.Delegated, wire: object) -> str:
    return (
        f"Does the DHCPv6 client ask at all (in Wireshark: dhcpv6; WithoutRA=solicit in 10-{probe.wan}.network), and does the "
        "firewall let the answers to UDP port 546 in?"
    )


def advertised(probe: claim_ipv6.Advertised, wire: object) -> str:
    return f"Compare what the capture shows (in Wireshark: icmpv6.type == 134) with [IPv6SendRA] of 20-{probe.lan}.network."


def unadvertised(probe: claim_ipv6.Unadvertised, wire: object) -> str:
    return f"The capture shows by its MAC address who advertises itself; if it is the gateway, look at 20-{probe.lan}.network."


def ping(probe: claim_ipv6.Ping6, wire: object) -> str:
    return (
        f"Without an address look at what is advertised on {probe.lan}; with one, whether the gateway has its own in that subnet "
        f"(Address=, Token= in 20-{probe.lan}.network), and whether the firewall takes ICMPv6 from {probe.lan}."
    )


def source(probe: claim_ipv6.SourceAddress6, wire: object) -> str:
    return (
        f"{_explain(probe.lan, 'wan', f'--tcp {PORT}')} says whether the firewall would let it out; if so: does the gateway forward "
        "IPv6 (IPv6Forwarding= in networkd.conf), and has it a default route?"
    )


def too_big(probe: claim_ipv6.PathMtu6, wire: object) -> str:
    return "The firewall must let ICMPv6 errors pass that belong to a connection (ct state related; RFC 4890 4.3.1)."


def kept(probe: claim_ipv6.NoEgress6, wire: object) -> str:
    return f"Nothing of it may pass the gateway: look for the rules of {probe.lan} in the chains spoof and forward."


def gateway_closed(probe: claim_ipv6.GatewayClosed6, wire: object) -> str:
    zone = probe.zone_host.network
    return (
        f"{_explain(zone, 'gateway', '--tcp PORT')} says by which rule a port is let in that should not answer. A reset means that "
        "the firewall lets the packet pass and nobody listens; a port that should answer may have no service behind it."
    )


def gateway_closed_udp(probe: claim_ipv6.GatewayClosedUdp6, wire: object) -> str:
    zone = probe.zone_host.network
    return f"{_explain(zone, 'gateway', '--udp PORT')} says by which rule a packet is let in; who refuses has let it in."


def unreachable(probe: claim_ipv6.Unreachable6, wire: object) -> str:
    return f"{_explain(probe.src.network, probe.lan, f'--tcp {PORT}')} says by which rule it would pass."


def allowed(probe: claim_ipv6.Allowed6, wire: object) -> str:
    return f"{_on_way(probe, probe.way)} says by which rule it passes, or would."


def withheld(probe: claim_ipv6.BlockedFlows6, wire: object) -> str:
    return f"{_on_way(probe, probe.ways[0])} says by which rule it would pass."


def _on_way(probe: claim_ipv6.Allowed6 | claim_ipv6.BlockedFlows6, way: Flow) -> str:
    """Advice for one flow; without addresses `explain` would choose IPv4's, and say so."""
    start, end = probe.src.network, (probe.there.network or probe.there.name) if probe.there else GATEWAY
    start, end = (f"{zone}:{ip}" if ip else zone for zone, ip in ((start, way.source), (end, way.destination)))
    return _explain(start, end, f"--{probe.protocol} {way.port}" if way.port else "--icmp")


def renumbered(probe: claim_ipv6.PrefixChange, wire: object) -> str:
    return (
        f"Does the gateway renew its prefix (in Wireshark: dhcpv6), and do the LANs take a part of it "
        f"(DHCPPrefixDelegation=, UplinkInterface={probe.wan})?"
    )
