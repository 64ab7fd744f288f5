"""Advice on failed probes of reachability.py."""

from gwimage.claims import claim_firewall, claim_nat
from gwimage.lab.hosts import PORT
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import hints


def source(probe: claim_nat.SourceAddress, wire: Wire) -> str:
    if not wire.outside(PORT):
        return (
            f"Nothing of it left by a WAN: {hints.explain(probe.lan, 'wan', 'tcp', PORT)} says whether the firewall would let it "
            "out; if so, look at the routes, and whether the gateway forwards at all (net.ipv4.ip_forward)."
        )
    hidden = any(wire.came_from(wan, wire.hosts.given(wan), PORT) for wan in wire.hosts.topology.wans)
    if hidden == probe.masquerade:
        return (
            f"It left by a WAN as it should, but the answer found no way back: look at the routes to {probe.lan} and behind it."
        )
    if probe.masquerade:
        return (
            "It left by a WAN, but not with the address that the WAN has: look for IPMasquerade= in "
            f"20-{probe.lan}.network, and for a source NAT rule that comes first."
        )
    return f"It left by a WAN with the WAN's address, not the client's own: look for what hides {probe.lan} in the image."


def unreachable(probe: claim_firewall.Unreachable, wire: Wire) -> str:
    start, end = probe.src.network, probe.lan
    if not wire.spoke(start):
        return hints.silent(start)
    if wire.arrived(end, PORT):
        near = [wire.hosts.wan(end).attacker.ip] if probe.near else []
        target = next((f"{end}:{address}" for address in (*probe.destinations, *near)), end)
        return f"It arrived on {end}: {hints.explain(start, target, 'tcp', PORT)} says by which rule it would pass."
    return f"It did not arrive on {end}: the gateway itself answered, or the host on {end} is not there (see the other failed claims)."


def reaches(probe: claim_firewall.Reaches, wire: Wire) -> str:
    start, end = probe.src.network, probe.zone
    if wire.arrived(end, probe.port):
        return (
            f"It arrived on {end}: either its source was changed on the way (a masquerade that takes too much), or the answer "
            "found no way back."
        )
    target = f"{end}:{probe.destination}" if probe.destination else end
    command = hints.explain(start, target, probe.protocol, probe.port)
    return f"It did not come out of the gateway on {end}: {command} says what the rules do with it."


def withheld(probe: claim_firewall.BlockedFlows, wire: Wire) -> str:
    start = probe.src.network
    if not wire.spoke(start):
        return hints.silent(start)
    port = next((way.port for way in probe.ways if wire.arrived(probe.zone, way.port)), probe.ways[0].port)
    return f"{hints.explain(start, probe.zone, probe.protocol, port)} says by which rule it would pass."


def admitted(probe: claim_firewall.AllowedToGateway, wire: Wire) -> str:
    zone, port = probe.src.network, probe.ways[0].port
    asked = f"--{probe.protocol} {port or 'echo-request'}"
    return (
        f"`gwimage explain PROFILE --from {zone}:SOURCE --to gateway {asked}` says what the rules do with it; "
        "`silent` means that the firewall dropped it."
    )
