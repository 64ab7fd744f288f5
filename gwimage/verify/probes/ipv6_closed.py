"""Probes of what IPv6 must not do: enter a LAN, reach the gateway's ports, or carry traffic out that stays inside."""

from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address
from itertools import product

from gwimage.claims import claim_ipv6
from gwimage.claims.ipv6 import FIXED, LINK_LOCAL
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.machine.guest import LISTENER
from gwimage.lab.netns import ip
from gwimage.lab.packets import ipv4, ipv6, udp_scan
from gwimage.values import lab_host
from gwimage.values.ipv6 import LINK_LOCAL as NEIGHBOURS
from gwimage.values.ipv6 import made_of
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.verify.probes import advice_ipv6, sharing
from gwimage.verify.probes.ipv6_services import gateway_link_local
from gwimage.verify.probes.open_ports import few, let_in
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_WAIT = 2  # seconds to wait for a packet that should not come
_WORD = {"tcp": f"TCP {PORT}", "icmpv6": "ping"}


def _gateway_closed(probe: claim_ipv6.GatewayClosed6, view: View) -> Answer:
    name, hosts = probe.zone_host.name, view.hosts
    link = probe.zone_host.network
    target = _target(probe, hosts)
    own = _own(probe, target, hosts)
    if not own or not target:
        return Answer(False, "no address to ask from" if target else "no address to ask")
    try:
        found = ipv6.scan(name, link, own, target, view.ports, view.tries)
        if unseen := [port for port in probe.open_tcp if port not in found]:
            found |= ipv6.scan(name, link, own, target, unseen)
    except ipv4.Mute as error:
        return Answer(False, str(error))
    free = {port for first, last in probe.allowed_tcp for port in range(first, last + 1)} - set(probe.open_tcp)
    is_open = sorted(port for port, kind in found.items() if kind == "open")
    resets = [port for port, kind in found.items() if kind == "reset" and port not in free]
    echo = ipv6.ping(name, target, link if target in NEIGHBOURS else "", tries=2, wait=1)
    seen = f"{len(view.ports)} ports of {target}: open {few(is_open)}, {len(resets)} reset; ping {'answered' if echo else 'silent'}"
    good = (
        [port for port in is_open if port not in free] == sorted(probe.open_tcp) and not resets and probe.echo in (None, echo)
    )
    return Answer(good, seen, exposed=LISTENER in is_open and echo)


def _gateway_closed_udp(probe: claim_ipv6.GatewayClosedUdp6, view: View) -> Answer:
    """Probes closed UDP ports; in the control the kernel's count suffices, without a listener."""
    name, hosts = probe.zone_host.name, view.hosts
    network, target = probe.zone_host.network, _target(probe, hosts)
    if not target or not _own(probe, target, hosts):
        return Answer(False, "no address to ask from" if target else "no address to ask")
    free = {port for first, last in probe.allowed_udp for port in range(first, last + 1)}
    usual, ports = ([port for port in some if port not in free] for some in (udp_scan.USUAL, view.ports))
    found: dict[int, str] = {}
    link = network if target in NEIGHBOURS else ""

    def ask() -> None:
        found.update(udp_scan.ask(name, target, usual, tries=view.tries, link=link))
        with ipv6.asking(name, network, target) as there:
            found.update(udp_scan.sweep(name, target, ports, lambda: there(10), link))

    try:
        inward = let_in(view, ask, found, 6)
    except ipv4.Mute as error:
        return Answer(False, str(error))
    seen = f"{len(ports)} ports of {target}: {few([f'{port} {kind}' for port, kind in sorted(found.items())])} answer"
    seen += f"; {inward} packets were let in for nobody" if inward else ""
    return Answer(not found and not inward, seen, exposed=bool(found and inward))


def _target(probe: claim_ipv6.GatewayClosed6 | claim_ipv6.GatewayClosedUdp6, hosts: Hosts) -> IPv6Address | None:
    host, network = probe.zone_host, probe.zone_host.network
    if probe.kind == LINK_LOCAL:
        return router_for(host, hosts)
    if host.role == Role.ATTACKER:
        return hosts.wan(network).six.own
    lan = hosts.lan(network)
    return lan.six.fixed.ip if probe.kind == FIXED else next(iter(hosts.six.announced(lan)))[1]


def _own(
    probe: claim_ipv6.GatewayClosed6 | claim_ipv6.GatewayClosedUdp6, target: IPv6Address | None, hosts: Hosts
) -> IPv6Address | None:
    """The host's address in the target's subnet, if there is one."""
    host, network = probe.zone_host, probe.zone_host.network
    if target is None or target in NEIGHBOURS:
        return hosts.six.own(host.name, network)
    if host.role == Role.ATTACKER:
        return hosts.wan(network).six.attacker.ip
    lan = hosts.lan(network)
    hosts.six.settled(lan)
    return next((hosts.six.of(lan, net) for net in hosts.six.announced(lan) if target in net), None)


def _unreachable(probe: claim_ipv6.Unreachable6, view: View) -> Answer:
    """Probes a host that must be unreachable; silence counts only if source and target both reach the gateway."""
    hosts, src = view.hosts, probe.src
    outside = any(wan.name == probe.lan for wan in hosts.topology.wans)
    targets = _outside(probe, hosts) if outside else hosts.six.settled(hosts.lan(probe.lan))
    # its global address, where it has several; without any it would be silent whatever the gateway does
    own = hosts.six.settled(hosts.lan(src.network))[0:1] if outside else []
    if not targets:
        return Answer(False, f"{lab_host.client(probe.lan)} has no address to aim at")
    there = router_for(src, hosts)
    if not there or not _reached(src, there):
        return Answer(False, f"{src} does not reach the gateway at all")
    if not outside and not all(_answered(probe.lan, target, hosts) for target in targets):
        return Answer(False, f"{lab_host.client(probe.lan)} does not reach the gateway at all")
    ip(src.name, [f"route replace {target} via {there} dev {src.network}" for target in targets])
    ways = list(product(targets, probe.protocols))
    with ThreadPoolExecutor(len(ways)) as pool:  # silence means a timeout
        answers = list(pool.map(lambda way: _knock(src.name, *way, *own), ways))
    ip(src.name, [f"route del {target}" for target in targets])
    seen = "; ".join(f"{target}: {_WORD[name]} {answer}" for (target, name), answer in zip(ways, answers))
    return Answer(set(answers) == {"silent"}, seen, all(answer.startswith(("open", "answered")) for answer in answers))


def _outside(probe: claim_ipv6.Unreachable6, hosts: Hosts) -> list[IPv6Address]:
    """The addresses to aim at outside; a neighbour listens there from now on."""
    if not probe.near:
        return list(probe.destinations) or [hosts.topology.beyond6.outside]
    target = hosts.wan(probe.lan).six.attacker.ip
    listen(lab_host.attacker(probe.lan).name, "tcp", target, PORT)
    return [target]


def _knock(name: str, target: IPv6Address, protocol: str, source: IPv6Address | None = None) -> str:
    if protocol == "tcp":
        return ipv4.connect(name, target, PORT, source=source)
    return "answered" if ipv6.ping(name, target, source=source, tries=2, wait=1) else "silent"


def router_for(host: LabHost, hosts: Hosts) -> IPv6Address | None:
    """The gateway's link-local address on the network of an attacker or a client."""
    if host.role == Role.ATTACKER:
        return made_of(NEIGHBOURS, hosts.wan(host.network).mac)
    return gateway_link_local(hosts, hosts.lan(host.network))


def _reached(host: LabHost, router: IPv6Address) -> bool:
    """Whether the router answers: a client by ping, an attacker, who may not ping, by neighbour discovery."""
    if host.role == Role.CLIENT:
        return ipv6.ping(host.name, router, host.network, tries=5)
    return ipv6.neighbour(host.name, host.network, router, 5) is not None


def _answered(lan: str, own: IPv6Address, hosts: Hosts) -> bool:
    """Whether the gateway answers pings from this address of the client, and so has it as a neighbour."""
    router = gateway_link_local(hosts, hosts.lan(lan))
    return router is not None and ipv6.ping(lab_host.client(lan).name, router, lan, source=own, tries=5)


def _kept(probe: claim_ipv6.NoEgress6, view: View) -> Answer:
    """Sends packets to the gateway as the next hop; the provider must not receive them."""
    hosts, lan = view.hosts, view.hosts.lan(probe.lan)
    name, beyond = lan.client.name, hosts.topology.beyond6
    source = beyond.afar
    if probe.source:
        hosts.six.settled(lan)
        source = hosts.six.of(lan, probe.source)
    there = ipv4.arp(name, lan.name, hosts.client_address(lan) or lan.spare.ip, lan.gateway.ip, 5)
    if not source or not there:
        return Answer(False, f"{name} has no {'address' if there else 'gateway'}")
    out = next(wan for wan in hosts.topology.wans if wan.six)
    with ipv6.arrivals(ISP.name, out.name) as arrived:
        for _ in range(3):
            ipv6.send(name, lan.name, there, source, beyond.outside)
        seen = arrived(source, _WAIT)
    return Answer(not seen, f"from {source} {'arrives on' if seen else 'nothing arrives on'} {out.name}", exposed=seen)


PROBES = (
    Probe(
        kind=claim_ipv6.GatewayClosed6,
        ask=_gateway_closed,
        question="a SYN goes to every TCP port of that address, twice where none answers, and a ping",
        advise=advice_ipv6.gateway_closed,
        shares=lambda probe: sharing.exclusively("a scan of IPv6"),
    ),
    Probe(
        kind=claim_ipv6.GatewayClosedUdp6,
        ask=_gateway_closed_udp,
        question="a packet goes to every UDP port of that address, the usual question to usual ones; the kernel counts",
        advise=advice_ipv6.gateway_closed_udp,
        shares=lambda probe: sharing.exclusively(sharing.COUNT6),
    ),
    Probe(
        kind=claim_ipv6.Unreachable6,
        ask=_unreachable,
        question="TCP and a ping to a host that listens, and knows the way back",
        advise=advice_ipv6.unreachable,
        shares=lambda probe: sharing.exclusively(f"IPv6 of {probe.src}"),  # its routes
        waits=True,
        own_networks=True,
    ),
    Probe(
        kind=claim_ipv6.NoEgress6,
        ask=_kept,
        question="a client sends it straight to the gateway; the ISP listens",
        advise=advice_ipv6.kept,
        shares=lambda probe: sharing.exclusively("the ear that the ISP has for a false source"),
        waits=True,
    ),
)
