"""Who reaches whom, and whose address is seen there."""

from __future__ import annotations

from ipaddress import IPv4Address

from gwimage import claim
from gwimage.lab import wire
from gwimage.lab.guest import LISTENER
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.probes.view import Answer, View
from gwimage.lab.roles import player, wearing
from gwimage.lab.serve import listen


def _source(probe: claim.Source, view: View) -> Answer:
    hosts = view.hosts
    client, own = f"client-{probe.lan}", probe.host or hosts.client_address(hosts.lan(probe.lan))
    if not own:
        return Answer(False, f"{client} has no address")
    with wearing(hosts, client, own):
        answer = wire.connect(client, hosts.topology.outside, PORT, source=own, tries=3)
    caller = answer.removeprefix("open ")
    seen = f"the server outside saw {caller}" if caller != answer else f"the server outside: {answer}"
    wanted = own
    if probe.masquerade:
        wanted = probe.address or hosts.given(hosts.topology.wans[0])  # the WAN with the best metric
    return Answer(caller == str(wanted), seen, exposed=probe.masquerade and caller == str(own))


def _gateway_closed(probe: claim.GatewayClosed, view: View) -> Answer:
    name, hosts = probe.zone_host, view.hosts
    link, own, target = name.partition("-")[2], hosts.address_of(name), _gateway_for(name, hosts)
    if not own or not target:
        return Answer(False, "no address to ask from" if target else "no address to ask")
    try:
        found = wire.scan(name, link, own, target, view.ports, view.tries)
        if unseen := [port for port in probe.open_tcp if port not in found]:
            found |= wire.scan(name, link, own, target, unseen)
    except wire.Mute as error:
        return Answer(False, str(error))
    free = {port for first, last in probe.allowed_tcp for port in range(first, last + 1)} - set(probe.open_tcp)
    is_open = sorted(port for port, kind in found.items() if kind == "open")
    resets = [port for port, kind in found.items() if kind == "reset" and port not in free]
    seen = f"{len(view.ports)} ports of {target}: open {_few(is_open)}, {len(resets)} reset"
    if free:
        seen += f", {len(free)} may be either"
    deaf = _deaf(probe, target, hosts) if name.startswith("attacker-") else []
    seen += f"; from afar no answer on {_few(deaf)}" if deaf else ""
    good = [port for port in is_open if port not in free] == sorted(probe.open_tcp) and not resets and not deaf
    return Answer(good, seen, exposed=LISTENER in is_open)


def _deaf(probe: claim.GatewayClosed, target: IPv4Address, hosts: Hosts) -> list[int]:
    """Open ports that answer a neighbour alone: the answer to others leaves by another WAN."""
    afar = hosts.topology.afar
    with wearing(hosts, probe.zone_host, afar):
        answers = {port: wire.connect(probe.zone_host, target, port, source=afar) for port in probe.open_tcp}
    return [port for port, answer in answers.items() if not answer.startswith("open")]


def _unreachable(probe: claim.Unreachable, view: View) -> Answer:
    """Silence counts only when both ends are there: the gateway for one, the target for the other."""
    hosts = view.hosts
    outside = [wan for wan in hosts.topology.wans if wan.name == probe.lan]
    there, target = ("isp", hosts.topology.outside) if outside else _client(probe.lan, hosts)
    if not target:
        return Answer(False, f"{there} has no address to aim at")
    if not _neighbour(probe.src, hosts):
        return Answer(False, f"{probe.src} does not reach the gateway at all")
    if not (hosts.wan_address(outside[0], 5) if outside else _neighbour(there, hosts)):
        return Answer(False, f"{there} does not reach the gateway at all")
    answer = wire.connect(probe.src, target, PORT)
    return Answer(answer == "silent", f"{target}:{PORT} {answer}", exposed=answer.startswith("open"))


def _client(lan: str, hosts: Hosts) -> tuple[str, IPv4Address | None]:
    return f"client-{lan}", hosts.client_address(hosts.lan(lan))


def _reaches(probe: claim.Reaches, view: View) -> Answer:
    hosts = view.hosts
    there = player(hosts, probe.zone, probe.destination)
    source, target = probe.source or hosts.address_of(probe.src), probe.destination or hosts.address_of(there)
    if not source or not target:
        return Answer(False, f"{there if source else probe.src} has no address")
    caller = _caller(probe.src, source, hosts)
    with wearing(hosts, caller, source), wearing(hosts, there, target):
        listen(there, probe.protocol, target, probe.port)
        answer = wire.connect(caller, target, probe.port, probe.protocol, source, tries=3)
    expected = {source}
    for wan in (wan for wan in hosts.topology.wans if wan.name == probe.zone):
        expected |= {*wan.own, hosts.given(wan)}  # who hides behind which of them has a claim of its own
    return _told(answer, expected, f"{target}:{probe.port} by {probe.protocol} from {source}")


def _forwarded(probe: claim.Forwarded, view: View) -> Answer:
    """From outside it is called from afar, as most callers do: the answer must find the way back by itself."""
    hosts = view.hosts
    outside = probe.src.startswith("attacker-")
    source = probe.source or (hosts.topology.afar if outside else hosts.address_of(probe.src))
    target, there = hosts.given(hosts.wan(probe.wan)), player(hosts, probe.lan, probe.to)
    if not source or not target:
        return Answer(False, f"{probe.wan if source else probe.src} has no address")
    caller = _caller(probe.src, source, hosts)
    with wearing(hosts, caller, source), wearing(hosts, there, probe.to):
        listen(there, probe.protocol, probe.to, probe.to_port)
        answer = wire.connect(caller, target, probe.port, probe.protocol, source, tries=3)
    # on one network the answer would go straight back, past the gateway, if it did not hide who asks
    hairpin = probe.src == f"client-{probe.lan}"
    expected = {address.ip for address in hosts.lan(probe.lan).gateways} if hairpin else {source}
    return _told(answer, expected, f"{target}:{probe.port} by {probe.protocol} is {probe.to}:{probe.to_port}")


def _caller(src: str, source: IPv4Address, hosts: Hosts) -> str:
    """The provider's own router is the ISP, whoever is meant to call."""
    return player(hosts, src.partition("-")[2], source) if src.startswith("attacker-") else src


def _told(answer: str, expected: set[IPv4Address], seen: str) -> Answer:
    """Listeners say whom they saw."""
    caller = answer.removeprefix("open ")
    if caller == answer:
        return Answer(False, f"{seen}: {answer}")
    good = caller in map(str, expected)
    return Answer(good, f"{seen}; the listener saw {caller}" + ("" if good else f", not {' or '.join(map(str, expected))}"))


def _gateway_for(name: str, hosts: Hosts) -> IPv4Address | None:
    """The gateway's address on the network of an attacker or a client."""
    kind, _, network = name.partition("-")
    return hosts.given(hosts.wan(network)) if kind == "attacker" else hosts.lan(network).gateway.ip


def _neighbour(name: str, hosts: Hosts) -> bool:
    own, target = hosts.address_of(name), _gateway_for(name, hosts)
    return bool(own and target and wire.arp(name, name.partition("-")[2], own, target, 5))


def _few(ports: list[int]) -> str:
    return ", ".join(map(str, ports[:12])) + (" ..." if len(ports) > 12 else "") if ports else "none"


ASK = {
    claim.Source: _source,
    claim.GatewayClosed: _gateway_closed,
    claim.Unreachable: _unreachable,
    claim.Reaches: _reaches,
    claim.Forwarded: _forwarded,
}
