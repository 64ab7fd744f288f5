"""Advice on failed probes of the gateway's ports: for open_ports.py."""

from gwimage.claims import claim_firewall
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import hints


def gateway_closed(probe: claim_firewall.GatewayClosed, wire: Wire) -> str:
    zone = probe.zone_host.network
    if not wire.spoke(zone):
        return hints.silent(zone)
    meant = {port for first, last in probe.allowed_tcp for port in range(first, last + 1)} | set(probe.open_tcp)
    is_open, reset = wire.answering(zone)
    if extra := sorted(is_open - meant) + sorted(reset - meant):
        return (
            f"Port {extra[0]} answers and should not: {hints.explain(zone, 'gateway', 'tcp', extra[0])} says by which rule it is let in. "
            "A reset means that the firewall lets the packet pass and nobody listens."
        )
    if missing := sorted(set(probe.open_tcp) - is_open):
        command = hints.explain(zone, "gateway", "tcp", missing[0])
        return f"Port {missing[0]} should answer and does not: does its service listen, and {command}?"
    return "Neighbours are answered and callers from afar are not: the answers leave by another WAN (`ip rule` in the image)."


def closed_udp(probe: claim_firewall.GatewayClosedUdp, wire: Wire) -> str:
    zone = probe.zone_host.network
    return (
        f"The list of ports says which is not as expected, and what listens there: `gwimage explain PROFILE --from {zone} --to gateway "
        "--udp PORT` says what the rules do with it. `refused` means that the firewall lets the packet pass and nobody listens; "
        "so do packets that were let in for nobody."
    )


def others(probe: claim_firewall.OtherAddresses, wire: Wire) -> str:
    zone = probe.zone_host.network
    return (
        f"The list says which address of the gateway answers {zone}, and on which port: `gwimage explain PROFILE --from {zone} "
        "--to ADDRESS --tcp PORT` says by which rule."
    )
