"""Who reaches whom, and whose address is seen there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address

from gwimage.claims import claim
from gwimage.claims.flow import Flow
from gwimage.claims.openings import ASKED
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.extra_addresses import host_for, with_address
from gwimage.lab.packets import ipv4, raw
from gwimage.lab.packets.raw import LinkEnd
from gwimage.lab.topology import WanSide
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.verify.probes.open_ports import gateway_for, lost_tunnel, neighbour
from gwimage.verify.probes.view import Answer, View


def _source(probe: claim.SourceAddress, view: View) -> Answer:
    """By each protocol the host there sees the same caller."""
    hosts = view.hosts
    client = next((one.host for one in hosts.tunnels if one.address == probe.host), lab_host.client(probe.lan))
    own = probe.host or hosts.address_of(client)
    wan = hosts.wan(probe.wan) if probe.wan else hosts.topology.wans[0]  # the WAN with the best metric
    there, target = _outside(wan, hosts)
    if not own:
        return Answer(False, f"{client} has no address")
    if lost := lost_tunnel(hosts, client):
        return lost
    with with_address(hosts, client, own):
        answers = {name: _call(client.name, there, target, name, own, tries=3) for name in ASKED}
    callers = {name: answer.removeprefix("open ") for name, answer in answers.items()}
    seen = f"{_who(probe)} saw {_alike(callers)}"
    wanted = own
    if probe.masquerade:
        wanted = probe.address or hosts.given(wan)
    good, exposed = (set(callers.values()) == {str(address)} for address in (wanted, own))
    return Answer(good, seen, exposed=probe.masquerade and exposed)


def _who(probe: claim.SourceAddress) -> str:
    return f"the host on {probe.wan}" if probe.wan else "the server outside"


def _alike(answers: dict[str, str]) -> str:
    """One word where all say the same."""
    if len(set(answers.values())) == 1:
        return next(iter(answers.values()))
    return ", ".join(f"{name} {answer}" for name, answer in answers.items())


def _call(
    name: str,
    there: LinkEnd,
    target: IPv4Address,
    protocol: str,
    source: IPv4Address | None = None,
    port: int = PORT,
    tries: int = 2,
) -> str:
    """`open <whom the listener there saw>`, or what wire.connect says. A ping's listener is whoever watches the link."""
    if protocol != "icmp":
        listen(there.name, protocol, target, port)
        return ipv4.connect(name, target, port, protocol, source, tries=tries)
    return raw.ping(name, there, target, source, tries)


def _outside(wan: WanSide, hosts: Hosts, near: bool = False) -> tuple[LinkEnd, IPv4Address]:
    """The server beyond the ISP for the WAN that leads there, else or where it must be near a neighbour on that WAN."""
    if wan == hosts.topology.wans[0] and not near:
        return LinkEnd(ISP.name, wan.name), hosts.topology.outside
    return LinkEnd(lab_host.attacker(wan.name).name, wan.name), wan.attacker.ip


def _unreachable(probe: claim.Unreachable, view: View) -> Answer:
    """Silence counts only when both ends are there: the gateway for one, the target for the other."""
    hosts = view.hosts
    wans = [wan for wan in hosts.topology.wans if wan.name == probe.lan]
    between = probe.src.role == Role.ATTACKER  # what the ISP has for one WAN it takes by no other
    there, target = _outside(wans[0], hosts, between) if wans else _inside(probe.lan, hosts)
    if not target:
        return Answer(False, f"{there.name} has no address to aim at")
    if not neighbour(probe.src, hosts):
        return Answer(False, f"{probe.src} does not reach the gateway at all")
    if not (hosts.wan_address(wans[0], 5) if wans else neighbour(host_for(hosts, probe.lan, None), hosts)):
        return Answer(False, f"{there.name} does not reach the gateway at all")
    with ThreadPoolExecutor(len(ASKED)) as pool:  # silence takes its time
        said = pool.map(lambda name: _call(probe.src.name, there, target, name), probe.protocols)
    answers = dict(zip(probe.protocols, said, strict=True))
    good, exposed = set(answers.values()) == {"silent"}, all(answer.startswith("open") for answer in answers.values())
    return Answer(good, f"{target} by {', '.join(probe.protocols)}: {_alike(answers)}", exposed=exposed)


def link_of(host: LabHost, hosts: Hosts) -> str:
    """Where what comes for a host can be seen."""
    if host.role == Role.PEER:
        return hosts.tunnel(host).link
    return {Role.ISP: hosts.topology.wans[0].name, Role.SERVER: "card0"}.get(host.role, host.network)


def _inside(zone: str, hosts: Hosts) -> tuple[LinkEnd, IPv4Address | None]:
    there = host_for(hosts, zone, None)
    return LinkEnd(there.name, link_of(there, hosts)), hosts.address_of(there)


def _reaches(probe: claim.Reaches, view: View) -> Answer:
    hosts = view.hosts
    there = host_for(hosts, probe.zone, probe.destination)
    source, target = probe.source or hosts.address_of(probe.src), probe.destination or hosts.address_of(there)
    if not source or not target:
        return Answer(False, f"{there if source else probe.src} has no address")
    caller = _caller(probe.src, source, hosts)
    if lost := lost_tunnel(hosts, caller, there):
        return lost
    with with_address(hosts, caller, source), with_address(hosts, there, target):
        answer = _call(
            caller.name, LinkEnd(there.name, link_of(there, hosts)), target, probe.protocol, source, probe.port, tries=3
        )
    expected = {source}
    for wan in (wan for wan in hosts.topology.wans if wan.name == probe.zone):
        expected |= {*wan.own, hosts.given(wan)}  # who hides behind which of them has a claim of its own
    place = f"{target}:{probe.port}" if probe.port else target
    return _told(answer, expected, f"{place} by {probe.protocol} from {source}")


def _withheld(probe: claim.BlockedFlows, view: View) -> Answer:
    """As _reaches asks, with a listener on each way; silence counts if it was open in the control on every one."""
    answers = {way: _on_way(probe, way, view.hosts) for way in probe.ways}
    opened = [way for way, answer in answers.items() if answer.startswith("open")]
    wrong = [f"{way}: {answer}" for way, answer in answers.items() if answer != "silent"]
    seen = "; ".join(wrong or [f"{way}: silent" for way in answers])
    return Answer(not wrong, f"{seen}, by {probe.protocol}", exposed=len(opened) == len(answers))


def _on_way(probe: claim.BlockedFlows, way: Flow, hosts: Hosts) -> str:
    there = host_for(hosts, probe.zone, way.destination)
    source, target = way.source or hosts.address_of(probe.src), way.destination or hosts.address_of(there)
    if not source or not target:
        return "no address"
    caller = _caller(probe.src, source, hosts)
    with with_address(hosts, caller, source), with_address(hosts, there, target):
        listen(there.name, probe.protocol, target, way.port)
        # TCP asks again after 1 s
        return ipv4.connect(caller.name, target, way.port, probe.protocol, source, tries=2, wait=1.2)


def _admitted(probe: claim.AllowedToGateway, view: View) -> Answer:
    """Who refuses has let the packet in: the firewall of a gateway drops in silence."""
    target = gateway_for(probe.src, view.hosts)
    if not target or not view.hosts.address_of(probe.src):
        return Answer(False, f"{probe.src if target else 'the gateway'} has no address")
    answers = {way: _let_in(probe, way, target, view.hosts) for way in (*probe.ways, *probe.beside)}
    heard = {way for way, answer in answers.items() if answer.startswith(("open", "reset", "answered"))}
    wrong = [way for way, answer in answers.items() if way not in heard and (way in probe.ways or answer != "silent")]
    wrong += [way for way in probe.beside if way in heard]
    seen = "; ".join(f"{way}: {answers[way]}" for way in wrong or answers)
    return Answer(not wrong, f"{target} by {probe.protocol}: {seen}")


def _let_in(probe: claim.AllowedToGateway, way: Flow, target: IPv4Address, hosts: Hosts) -> str:
    caller = _caller(probe.src, way.source, hosts) if way.source else probe.src
    with with_address(hosts, caller, way.source or hosts.address_of(probe.src)):
        if probe.protocol == "icmp":
            return "answered" if ipv4.ping(caller.name, target, tries=2, source=way.source) else "silent"
        # the kernel of the gateway tells one host once a second only what nobody listens to (icmp_ratelimit)
        return ipv4.connect(caller.name, target, way.port, probe.protocol, way.source, tries=3 if way in probe.ways else 2)


def _forwarded(probe: claim.Forwarded, view: View) -> Answer:
    """From outside it is called from afar, as most callers do: the answer must find the way back by itself."""
    hosts = view.hosts
    outside = probe.src.role == Role.ATTACKER
    source = probe.source or (hosts.topology.afar if outside else hosts.address_of(probe.src))
    target, there = hosts.given(hosts.wan(probe.wan)), host_for(hosts, probe.lan, probe.to)
    if not source or not target:
        return Answer(False, f"{probe.wan if source else probe.src} has no address")
    caller = _caller(probe.src, source, hosts)
    if lost := lost_tunnel(hosts, there):
        return lost
    with with_address(hosts, caller, source), with_address(hosts, there, probe.to):
        listen(there.name, probe.protocol, probe.to, probe.to_port)
        answer = ipv4.connect(caller.name, target, probe.port, probe.protocol, source, tries=3)
    # on one network the answer would go straight back, past the gateway, if it did not hide who asks
    hairpin = probe.src == lab_host.client(probe.lan)
    expected = {address.ip for address in hosts.lan(probe.lan).gateways} if hairpin else {source}
    return _told(answer, expected, f"{target}:{probe.port} by {probe.protocol} is {probe.to}:{probe.to_port}")


def _not_forwarded(probe: claim.NotForwarded, view: View) -> Answer:
    hosts = view.hosts
    source = probe.source or (hosts.topology.afar if probe.src.role == Role.ATTACKER else hosts.address_of(probe.src))
    targets, there = probe.called or (hosts.given(hosts.wan(probe.wan)),), host_for(hosts, probe.lan, probe.to)
    if not source or not all(targets):
        return Answer(False, f"{probe.wan if source else probe.src} has no address")
    caller = _caller(probe.src, source, hosts)
    with with_address(hosts, caller, source), with_address(hosts, there, probe.to), ThreadPoolExecutor(16) as pool:
        for port in {port for pair in probe.ports for port in pair}:
            listen(there.name, probe.protocol, probe.to, port)
        called = [(target, port) for target in targets for port, _ in probe.ports]
        answers = list(pool.map(lambda one: ipv4.connect(caller.name, *one, probe.protocol, source), called))
    seen = ", ".join(f"{target}:{port} {answer}" for (target, port), answer in zip(called, answers))
    return Answer(set(answers) == {"silent"}, f"by {probe.protocol} {seen}; {probe.to} listens")


def _caller(src: LabHost, source: IPv4Address, hosts: Hosts) -> LabHost:
    """The provider's own router is the ISP, whoever is meant to call."""
    return host_for(hosts, src.network, source) if src.role == Role.ATTACKER else src


def _told(answer: str, expected: set[IPv4Address], seen: str) -> Answer:
    """Listeners say whom they saw."""
    caller = answer.removeprefix("open ")
    if caller == answer:
        return Answer(False, f"{seen}: {answer}")
    good = caller in map(str, expected)
    return Answer(good, f"{seen}; the listener saw {caller}" + ("" if good else f", not {' or '.join(map(str, expected))}"))


ASK = {
    claim.SourceAddress: _source,
    claim.Unreachable: _unreachable,
    claim.Reaches: _reaches,
    claim.BlockedFlows: _withheld,
    claim.AllowedToGateway: _admitted,
    claim.Forwarded: _forwarded,
    claim.NotForwarded: _not_forwarded,
}
