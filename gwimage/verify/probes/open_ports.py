"""Probes of the gateway's own ports, on each of its addresses, listed for the report."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Address

from gwimage.claims import claim_firewall
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.extra_addresses import with_address
from gwimage.lab.machine.guest import LISTENER
from gwimage.lab.packets import dhcp_client, ipv4, udp_scan
from gwimage.lab.packets.tcp_connect import tcp_connect
from gwimage.lab.sockets import Sockets
from gwimage.values.lab_host import LabHost, Role
from gwimage.values.ranges import LAST_PORT
from gwimage.verify.probes import advice_open_ports, sharing
from gwimage.verify.probes.ends import gateway_for, lost_tunnel, neighbour
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import CONTROL_PORTS, Answer, Port, View

CLOSED, OPEN, QUIET, ANY = "closed", "open", "open, but silent to strangers", "as who listens there"
SILENT = udp_scan.SILENT
_OWN = "the lab's own listener"
_WORDS = {"open": OPEN, "reset": udp_scan.REFUSED}
_MOST = 200  # TCP ports listed individually
_DHCP = 67
# TCP ports for other addresses: management of gateways, files, printers and machines; other services of a gateway
# listen on all its addresses, so the full scan of one shows them
_TCP = (
    21,
    22,
    23,
    25,
    53,
    80,
    81,
    111,
    139,
    443,
    445,
    631,
    853,
    2049,
    3389,
    5000,
    5355,
    7547,
    8006,
    PORT,
    8443,
    9090,
    LISTENER,
)
Ranges = Iterable[tuple[int, int]]


def closed(probe: claim_firewall.GatewayClosed, view: View) -> Answer:
    host, hosts = probe.zone_host, view.hosts
    name, link, own, target = host.name, host.network, hosts.address_of(host), gateway_for(host, hosts)
    if not own or not target:
        return Answer(False, "no address to ask from" if target else "no address to ask")
    if lost := lost_tunnel(hosts, host):
        return lost
    in_tunnel = host.role == Role.PEER  # without ARP, which paces a scan
    view = replace(view, ports=CONTROL_PORTS) if in_tunnel else view
    try:
        found = (
            tcp_connect(name, target, view.ports) if in_tunnel else ipv4.scan(name, link, own, target, view.ports, view.tries)
        )
        if not in_tunnel and (unseen := [port for port in probe.open_tcp if port not in found]):
            found |= ipv4.scan(name, link, own, target, unseen)
    except ipv4.Mute as error:
        return Answer(False, str(error))
    free = _span(probe.allowed_tcp) - set(probe.open_tcp)
    is_open = sorted(port for port, kind in found.items() if kind == "open")
    resets = [port for port, kind in found.items() if kind == "reset" and port not in free]
    seen = f"{len(view.ports)} ports of {target}: open {few(is_open)}, {len(resets)} reset"
    if free:
        seen += f", {len(free)} may be either"
    deaf = _deaf(probe, target, hosts) if host.role == Role.ATTACKER and probe.open_tcp else []
    seen += f"; from afar no answer on {few(deaf)}" if deaf else ""
    good = [port for port in is_open if port not in free] == sorted(probe.open_tcp) and not resets and not deaf
    ports = _tcp_ports(probe, view, target, found, free)
    return Answer(good, seen, exposed=LISTENER in is_open, ports=ports)


def _tcp_ports(probe, view: View, target: IPv4Address, found: dict[int, str], free: set[int]) -> tuple[Port, ...]:
    """Ports that are open or should be, that refuse, or that listen inside; and one line for all the others."""
    inside = view.sockets()
    named = sorted({*found, *probe.open_tcp, *(inside.ports("tcp") if inside else ())})[:_MOST]
    listed = []
    for port in named:
        expected = OPEN if port in probe.open_tcp else ANY if port in free else CLOSED
        listens, seen = _listens(inside, "tcp", port), _WORDS.get(found.get(port, ""), SILENT)
        listed.append(Port("tcp", str(port), _service("tcp", port), str(target), expected, seen, listens))
    others = len(set(found) - set(named))
    seen = f"{others} open or refused" if others else SILENT
    return (*listed, Port("tcp", f"the other {len(set(view.ports) - set(named))}", "", str(target), CLOSED, seen))


def _deaf(probe: claim_firewall.GatewayClosed, target: IPv4Address, hosts: Hosts) -> list[int]:
    """Open ports that answer only neighbours, because answers to others leave by another WAN."""
    afar = hosts.topology.afar
    with with_address(hosts, probe.zone_host, afar):
        answers = {port: ipv4.connect(probe.zone_host.name, target, port, source=afar) for port in probe.open_tcp}
    return [port for port, answer in answers.items() if not answer.startswith("open")]


def closed_udp(probe: claim_firewall.GatewayClosedUdp, view: View) -> Answer:
    """Probes closed UDP ports: no answer, no ICMP error, and no datagram let in by the kernel's count.

    Unexpected listeners are among the sockets that the gateway reports, and each is asked.
    """
    host, hosts = probe.zone_host, view.hosts
    name, target = host.name, gateway_for(host, hosts)
    if not hosts.address_of(host) or not target:
        return Answer(False, "no address to ask from" if target else "no address to ask")
    if not neighbour(host, hosts):
        return Answer(False, f"{target} does not answer ARP from {name}")
    inside = view.sockets()
    free = _span(probe.allowed_udp) - {*probe.open_udp, *probe.quiet_udp}
    ports = _udp_ports((*probe.open_udp, *probe.quiet_udp, *(end for ends in probe.allowed_udp for end in ends)), inside)
    found = udp_scan.ask(name, target, [port for port in ports if port in free], tries=view.tries)
    shut = [port for port in ports if port not in free]
    rest = [port for port in view.ports if port not in ports and port not in free]

    def ask() -> None:
        found.update(udp_scan.ask(name, target, shut, set(probe.open_udp) - {_DHCP}, view.tries))
        with ipv4.asking(name, host.network, hosts.address_of(host), target) as there:
            found.update(udp_scan.sweep(name, target, rest, lambda: there(10)))

    try:
        inward = let_in(view, ask, found)
    except ipv4.Mute as error:
        return Answer(False, str(error))
    if _DHCP in probe.open_udp:  # answers to clients with a lease do not use the socket
        found |= {_DHCP: udp_scan.OPEN} if dhcp_client.offer(name, host.network, ipv4.mac(name, host.network)) else {}
    expected = {port: OPEN if port in probe.open_udp else QUIET if port in probe.quiet_udp else CLOSED for port in shut}
    wrong = [port for port in shut if found.get(port, SILENT) != (OPEN if expected[port] == OPEN else SILENT)]
    seen = f"{len(ports)} ports of {target} and {len(rest)} by a packet alone: {_summary(found)}"
    seen += f"; {inward} packets were let in for nobody" if inward else ""
    wrong += [port for port in rest if port in found]
    listed = tuple(_udp_port(port, target, expected.get(port, ANY), found, inside) for port in ports)
    listed += (Port("udp", f"the other {len(rest)}", "", str(target), CLOSED, f"{inward} let in" if inward else SILENT),)
    return Answer(not wrong and not inward, seen, exposed=found.get(LISTENER) == udp_scan.OPEN, ports=listed)


def let_in(view: View, ask: Callable[[], None], found: dict[int, str], family: int = 4) -> int:
    """Datagrams that the kernel inside counted for ports without a listener, while `ask` ran.

    A late answer from elsewhere counts too, so a count above 0 is repeated, and the lower one taken.
    """
    counted = []
    for _ in range(2):
        before = view.sockets()
        ask()
        after = view.sockets()
        counted.append(after.unwanted[family] - before.unwanted[family] if before and after else 0)
        if not counted[-1] or udp_scan.REFUSED in found.values():  # proof enough
            break
    return min(counted)


def others(probe: claim_firewall.OtherAddresses, view: View) -> Answer:
    """Probes the gateway's addresses on other networks, with its address on the host's network as next hop."""
    host, hosts = probe.zone_host, view.hosts
    own, near = hosts.address_of(host), gateway_for(host, hosts)
    targets = _elsewhere(host, hosts)
    if not own or not near or not targets:
        return Answer(False, "no address to ask" if own and near else "no address to ask from")
    inside = view.sockets()
    free = {"tcp": _span(probe.allowed_tcp), "udp": _span(probe.allowed_udp)}
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda target: _ask_both(host, view, own, near, target, inside), targets))
    except ipv4.Mute as error:
        return Answer(False, str(error))
    listed, wrong = [], []
    for target, found in zip(targets, answers, strict=True):
        for (protocol, port), kind in found.items():
            expected, service = ANY if port in free[protocol] else CLOSED, _service(protocol, port)
            listens = _listens(inside, protocol, port)
            listed.append(Port(protocol, str(port), service, str(target), expected, kind, listens))
            if kind != SILENT and port not in free[protocol]:
                wrong.append(f"{target} {protocol} {port} {kind}")
    seen = f"{', '.join(map(str, targets))}: {few(wrong) if wrong else 'silent'}"
    exposed = all(answer[kind, LISTENER] == OPEN for answer in answers for kind in ("tcp", "udp"))
    return Answer(not wrong, seen, exposed=exposed, ports=tuple(listed))


def _ask_both(host: LabHost, view: View, own, near, target: IPv4Address, inside: Sockets | None) -> dict[tuple[str, int], str]:
    tcp = sorted({*_TCP, *(inside.ports("tcp") if inside else ())})
    found = {("tcp", port): SILENT for port in tcp}
    scanned = ipv4.scan(host.name, host.network, own, target, tcp, view.tries, near)
    found |= {("tcp", port): udp_scan.REFUSED if kind == "reset" else OPEN for port, kind in scanned.items()}
    ports = _udp_ports((), inside)
    answers = udp_scan.ask(host.name, target, ports, tries=view.tries)
    return found | {("udp", port): answers.get(port, SILENT) for port in ports}


def _elsewhere(host: LabHost, hosts: Hosts) -> list[IPv4Address]:
    """The gateway's addresses that are not on the host's network."""
    network = host.network
    others = [wan for wan in hosts.topology.wans if wan.name != network]
    if any(wan.attacker.network != wan.isp.network for wan in hosts.topology.wans if wan.name == network):
        others = []  # to an attacker behind the ISP the answers have a foreign source, which the ISP drops
    wans = [address for wan in others for address in (wan.assigned or (hosts.given(wan),))]
    lans = [address.ip for lan in hosts.topology.lans if lan.name != network for address in lan.gateways]
    return [address for address in (*wans, *lans) if address]


def _udp_ports(named: Iterable[int], inside: Sockets | None) -> list[int]:
    """UDP ports to ask: the usual ones, those that the profile names and both neighbours of each, and listeners."""
    near = {port + step for port in named for step in (-1, 0, 1)}
    listening = inside.ports("udp") if inside else set()
    return sorted(port for port in {*udp_scan.USUAL, LISTENER, *near, *listening} if 0 < port <= LAST_PORT)


def _udp_port(port: int, target: IPv4Address, expected: str, found: dict[int, str], inside: Sockets | None) -> Port:
    seen, listens = found.get(port, SILENT), _listens(inside, "udp", port)
    return Port("udp", str(port), _service("udp", port), str(target), expected, seen, listens)


def _service(protocol: str, port: int) -> str:
    usual = udp_scan.USUAL[port][0] if protocol == "udp" and port in udp_scan.USUAL else ""
    return _OWN if port == LISTENER else usual


def _listens(inside: Sockets | None, protocol: str, port: int) -> str:
    return inside.on(protocol, port) if inside else ""


def _span(ranges: Ranges) -> set[int]:
    return {port for first, last in ranges for port in range(first, last + 1)}


def _summary(found: dict[int, str]) -> str:
    is_open = sorted(port for port, kind in found.items() if kind == udp_scan.OPEN)
    return f"open {few(is_open)}, {len(found) - len(is_open)} refused"


def few(things: Collection[object]) -> str:
    return ", ".join(list(map(str, things))[:12]) + (" ..." if len(things) > 12 else "") if things else "none"


def _shares_scan(probe: claim_firewall.GatewayClosed) -> Needs:
    from_afar = probe.open_tcp and probe.zone_host.role == Role.ATTACKER
    return sharing.exclusively("a scan") | (sharing.address_locks(probe.zone_host, "from afar") if from_afar else {})


PROBES = (
    Probe(
        kind=claim_firewall.GatewayClosed,
        ask=closed,
        question="a SYN goes to every TCP port of the gateway, twice where none answers",
        advise=advice_open_ports.gateway_closed,
        shares=_shares_scan,
    ),
    Probe(
        kind=claim_firewall.GatewayClosedUdp,
        ask=closed_udp,
        question="usual UDP ports are asked twice what their servers would answer, every other one gets a packet; the kernel counts",
        advise=advice_open_ports.closed_udp,
        shares=lambda probe: sharing.exclusively(sharing.COUNT),
    ),
    Probe(
        kind=claim_firewall.OtherAddresses,
        ask=others,
        question="TCP and UDP ports of the gateway's addresses on other networks are asked by way of the near one",
        advise=advice_open_ports.others,
        shares=sharing.nobody_counts,
        waits=True,
        own_networks=True,
    ),
)
