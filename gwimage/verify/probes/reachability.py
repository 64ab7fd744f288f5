"""Probes of reachability between hosts, and of the source address seen."""

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from itertools import product

from gwimage.claims import claim_firewall, claim_nat
from gwimage.claims.flow import Flow
from gwimage.claims.openings import ASKED
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.extra_addresses import host_for, with_address
from gwimage.lab.packets import ipv4, raw
from gwimage.lab.packets.raw import PING, LinkEnd
from gwimage.lab.topology import WanSide
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.verify.probes import advice_reachability, sharing
from gwimage.verify.probes.ends import gateway_for, lost_tunnel, neighbour
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer, View

_ARP = b"\x08\x06\0\1\x08\0"  # EtherType, hardware and protocol type


def _source(probe: claim_nat.SourceAddress, view: View) -> Answer:
    """Probes the source address that the host there sees, by each protocol."""
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


def _who(probe: claim_nat.SourceAddress) -> str:
    return f"the host on {probe.wan}" if probe.wan else "the server outside"


def _alike(answers: dict[str, str]) -> str:
    """The common answer, or the answer by each protocol."""
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
    """`open <source that the listener saw>`, or else as ipv4.connect and raw.ping; a ping is seen on the link."""
    if protocol != "icmp":
        listen(there.name, protocol, target, port)
        return ipv4.connect(name, target, port, protocol, source, tries=tries)
    return raw.ping(name, there, target, source, tries)


def _outside(wan: WanSide, hosts: Hosts, near: bool = False) -> tuple[LinkEnd, IPv4Address]:
    """The server beyond the ISP for the first WAN; for others, or if it must be near, the neighbour on that WAN."""
    if wan == hosts.topology.wans[0] and not near:
        return LinkEnd(ISP.name, wan.name), hosts.topology.outside
    return LinkEnd(lab_host.attacker(wan.name).name, wan.name), wan.attacker.ip


def _unreachable(probe: claim_firewall.Unreachable, view: View) -> Answer:
    """Probes a host that must be unreachable; silence counts only if source and target both reach the gateway."""
    hosts = view.hosts
    wans = [wan for wan in hosts.topology.wans if wan.name == probe.lan]
    between = probe.src.role == Role.ATTACKER  # the ISP takes packets for an address of one WAN by no other (rp_filter)
    there, target = _outside(wans[0], hosts, between or probe.near) if wans else _inside(probe.lan, hosts)
    targets = probe.destinations or (target,)
    if not all(targets):
        return Answer(False, f"{there.name} has no address to aim at")
    if not neighbour(probe.src, hosts):
        return Answer(False, f"{probe.src} does not reach the gateway at all")
    if not (hosts.wan_address(wans[0], 5) if wans else neighbour(host_for(hosts, probe.lan, None), hosts)):
        return Answer(False, f"{there.name} does not reach the gateway at all")
    ways = list(product(targets, probe.protocols))
    with ThreadPoolExecutor(len(ways)) as pool:  # silence means a timeout
        said = list(pool.map(lambda way: _call(probe.src.name, there, *way), ways))
    seen = []
    for target in targets:
        answers = {name: answer for (asked, name), answer in zip(ways, said, strict=True) if asked == target}
        seen.append(f"{target} by {', '.join(probe.protocols)}: {_alike(answers)}")
    return Answer(set(said) == {"silent"}, "; ".join(seen), exposed=all(answer.startswith("open") for answer in said))


def link_of(host: LabHost, hosts: Hosts) -> str:
    """The link on which packets to a host arrive."""
    if host.role == Role.PEER:
        return hosts.tunnel(host).link
    return {Role.ISP: hosts.topology.wans[0].name, Role.SERVER: "card0"}.get(host.role, host.network)


def _inside(zone: str, hosts: Hosts) -> tuple[LinkEnd, IPv4Address | None]:
    there = host_for(hosts, zone, None)
    return LinkEnd(there.name, link_of(there, hosts)), hosts.address_of(there)


def _reaches(probe: claim_firewall.Reaches, view: View) -> Answer:
    hosts = view.hosts
    there = host_for(hosts, probe.zone, probe.destination)
    source, target = probe.source or hosts.address_of(probe.src), probe.destination or hosts.address_of(there)
    if not source or not target:
        return Answer(False, f"{there if source else probe.src} has no address")
    caller = caller_of(probe.src, source, hosts)
    if lost := lost_tunnel(hosts, caller, there):
        return lost
    with with_address(hosts, caller, source), with_address(hosts, there, target):
        answer = _call(
            caller.name, LinkEnd(there.name, link_of(there, hosts)), target, probe.protocol, source, probe.port, tries=3
        )
    expected = {source}
    for wan in (wan for wan in hosts.topology.wans if wan.name == probe.zone):
        expected |= {*wan.assigned, hosts.given(wan)}  # which of them masquerades has its own claim
    place = f"{target}:{probe.port}" if probe.port else target
    return told(answer, expected, f"{place} by {probe.protocol} from {source}")


def _withheld(probe: claim_firewall.BlockedFlows, view: View) -> Answer:
    """Probes flows that must be dropped, each with a listener, as _reaches; in the control all must be open."""
    answers = {way: _on_way(probe, way, view.hosts) for way in probe.ways}
    opened = [way for way, answer in answers.items() if answer.startswith("open")]
    wrong = [f"{way}: {answer}" for way, answer in answers.items() if answer != "silent"]
    seen = "; ".join(wrong or [f"{way}: silent" for way in answers])
    return Answer(not wrong, f"{seen}, by {probe.protocol}", exposed=len(opened) == len(answers))


def _on_way(probe: claim_firewall.BlockedFlows, way: Flow, hosts: Hosts) -> str:
    there = host_for(hosts, probe.zone, way.destination)
    source, target = way.source or hosts.address_of(probe.src), way.destination or hosts.address_of(there)
    if not source or not target:
        return "no address"
    caller = caller_of(probe.src, source, hosts)
    with with_address(hosts, caller, source), with_address(hosts, there, target):
        listen(there.name, probe.protocol, target, way.port)
        # TCP retransmits after 1 s
        return ipv4.connect(caller.name, target, way.port, probe.protocol, source, tries=2, wait=1.2)


def _admitted(probe: claim_firewall.AllowedToGateway, view: View) -> Answer:
    """Probes flows to the gateway, allowed and beside; a refusal counts as let in: its firewall drops silently."""
    target = gateway_for(probe.src, view.hosts)
    if not target or not view.hosts.address_of(probe.src):
        return Answer(False, f"{probe.src if target else 'the gateway'} has no address")
    answers = {way: _let_in(probe, way, target, view.hosts) for way in (*probe.ways, *probe.beside)}
    heard = {way for way, answer in answers.items() if answer.startswith(("open", "reset", "answered"))}
    wrong = [way for way, answer in answers.items() if way not in heard and (way in probe.ways or answer != "silent")]
    wrong += [way for way in probe.beside if way in heard]
    seen = "; ".join(f"{way}: {answers[way]}" for way in wrong or answers)
    return Answer(not wrong, f"{target} by {probe.protocol}: {seen}")


def _let_in(probe: claim_firewall.AllowedToGateway, way: Flow, target: IPv4Address, hosts: Hosts) -> str:
    caller = caller_of(probe.src, way.source, hosts) if way.source else probe.src
    with with_address(hosts, caller, way.source or hosts.address_of(probe.src)):
        if probe.protocol == "icmp":
            return "answered" if ipv4.ping(caller.name, target, tries=2, source=way.source) else "silent"
        # the gateway's kernel limits port unreachable to one a second for each host (icmp_ratelimit)
        return ipv4.connect(caller.name, target, way.port, probe.protocol, way.source, tries=3 if way in probe.ways else 2)


def caller_of(src: LabHost, source: IPv4Address, hosts: Hosts) -> LabHost:
    """The host that calls from `source`: the ISP for the provider's router, else `src`."""
    return host_for(hosts, src.network, source) if src.role == Role.ATTACKER else src


def told(answer: str, expected: set[IPv4Address], seen: str) -> Answer:
    """Compares the source that the listener saw with the expected ones."""
    caller = answer.removeprefix("open ")
    if caller == answer:
        return Answer(False, f"{seen}: {answer}")
    good = caller in map(str, expected)
    return Answer(good, f"{seen}; the listener saw {caller}" + ("" if good else f", not {' or '.join(map(str, expected))}"))


def _shares_calls(probe: claim_nat.SourceAddress) -> Needs:
    """Exclusive calls from the LAN, since a capture cannot tell them apart."""
    return sharing.exclusively(f"the calls from {probe.lan}") | sharing.address_locks(lab_host.client(probe.lan), probe.host)


def _shares_listener(probe: claim_firewall.Reaches | claim_firewall.BlockedFlows) -> Needs:
    return sharing.address_locks(probe.src, object()) | sharing.exclusively(lab_host.server(probe.zone).name, sharing.OUTSIDE)


def _shares_caller(probe: claim_firewall.AllowedToGateway) -> Needs:
    counted = sharing.exclusively(sharing.COUNT) if probe.protocol == "udp" else {}
    return sharing.address_locks(probe.src, object()) | counted


def _marks(probe: claim_nat.SourceAddress | claim_firewall.Unreachable) -> list[bytes]:
    return [PORT.to_bytes(2, "big"), PING, _ARP]


PROBES = (
    Probe(
        kind=claim_nat.SourceAddress,
        ask=_source,
        question="a client speaks to a server outside by TCP, UDP and ping, and it is asked whom it saw",
        advise=advice_reachability.source,
        shares=_shares_calls,
        marks=_marks,
    ),
    Probe(
        kind=claim_firewall.Unreachable,
        ask=_unreachable,
        question="TCP, UDP and ping to a host that listens, and knows the way back",
        advise=advice_reachability.unreachable,
        waits=True,
        own_networks=True,
        marks=_marks,
    ),
    Probe(
        kind=claim_firewall.Reaches,
        ask=_reaches,
        question="a host sends to a listener, which says whom it saw",
        advise=advice_reachability.reaches,
        shares=_shares_listener,
    ),
    Probe(
        kind=claim_firewall.BlockedFlows,
        ask=_withheld,
        question="a host sends to listeners on ports and addresses beside those that are open",
        advise=advice_reachability.withheld,
        shares=_shares_listener,
        waits=True,
        own_networks=True,
    ),
    Probe(
        kind=claim_firewall.AllowedToGateway,
        ask=_admitted,
        question="a host calls the gateway; whoever is let in is answered or refused, others hear nothing",
        advise=advice_reachability.admitted,
        shares=_shares_caller,
    ),
)
