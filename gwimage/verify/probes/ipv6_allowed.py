"""Probes of firewall.allow over IPv6: the flows that it names pass, flows beside them do not."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import IPv6Address
from itertools import product

from gwimage.claims import claim_ipv6
from gwimage.claims.flow import Flow
from gwimage.lab.hosts import Hosts
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.ipv6 import WORN
from gwimage.lab.netns import ip
from gwimage.lab.packets import ipv4, ipv6
from gwimage.values.ipv6 import UNIQUE_LOCAL
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.verify.probes import advice_ipv6, sharing
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer, View

Ends = tuple[IPv6Address, IPv6Address]  # source and destination


def _allowed(probe: claim_ipv6.Allowed6, view: View) -> Answer:
    """Probes an allowed flow; a reset by the gateway itself counts as let in: its firewall drops silently."""
    (answer,) = _ask(probe, (probe.way,), view.hosts, tries=3).values()
    good = answer == "open" or (not probe.there and answer.startswith(("open", "reset")))
    return Answer(good, f"{probe.way} by {probe.protocol}: {answer}")


def _withheld(probe: claim_ipv6.BlockedFlows6, view: View) -> Answer:
    """Probes flows that must be dropped; the gateway's refusals are limited to one a second (icmp6_ratelimit), hence the tries."""
    answers = _ask(probe, probe.ways, view.hosts, tries=2 if probe.there else 3)
    wrong = [way for way, answer in answers.items() if answer != "silent"]
    seen = "; ".join(f"{way}: {answers[way]}" for way in wrong or answers)
    return Answer(not wrong, f"by {probe.protocol}: {seen}", exposed=len(wrong) == len(answers))


def _ask(
    probe: claim_ipv6.Allowed6 | claim_ipv6.BlockedFlows6, ways: Sequence[Flow], hosts: Hosts, tries: int
) -> dict[Flow, str]:
    """Probes all flows in parallel, since silence means a timeout."""
    worn = {(probe.src, way.source) for way in ways} | {(probe.there, way.destination) for way in ways}
    with ExitStack() as stack:
        for host, address in worn:
            stack.enter_context(_wearing(hosts, host, address))
        ends = {way: _ends(probe.src, probe.there, way, hosts) for way in ways}
        with ThreadPoolExecutor(len(ways)) as pool:
            return dict(zip(ways, pool.map(lambda way: _call(probe, way, ends[way], tries), ways), strict=True))


def _call(probe: claim_ipv6.Allowed6 | claim_ipv6.BlockedFlows6, way: Flow, ends: Ends | None, tries: int) -> str:
    """`open` if a listener saw the caller's own address; else what came back."""
    if not ends:
        return "no address"
    source, target = ends
    if probe.protocol == "icmpv6":
        return "open" if ipv6.ping(probe.src.name, target, source=source) else "silent"
    if probe.there:
        listen(probe.there.name, probe.protocol, target, way.port)
    answer = ipv4.connect(
        probe.src.name, target, way.port, probe.protocol, source, tries, wait=1.2
    )  # TCP retransmits after 1 s
    return "open" if answer == f"open {source}" else answer


def _ends(src: LabHost, there: LabHost | None, way: Flow, hosts: Hosts) -> Ends | None:
    """Source and destination, both unique local or both not, where there is a choice."""
    targets = [way.destination] if way.destination else _targets(src, there, hosts)
    sources = [way.source] if way.source else _own(src, hosts)
    return min(product(sources, targets), key=lambda pair: (pair[0] in UNIQUE_LOCAL) != (pair[1] in UNIQUE_LOCAL), default=None)


def _targets(src: LabHost, there: LabHost | None, hosts: Hosts) -> list[IPv6Address]:
    if there == ISP:
        return [hosts.topology.beyond6.outside]
    if there:
        return _own(there, hosts)
    if src.role == Role.ATTACKER:
        return [hosts.wan(src.network).six.own]
    lan = hosts.lan(src.network)
    return [lan.six.fixed.ip] if lan.six.fixed else [net[1] for net in hosts.six.announced(lan)]


def _own(host: LabHost, hosts: Hosts) -> list[IPv6Address]:
    if host.role == Role.ATTACKER:
        return [hosts.wan(host.network).six.attacker.ip]
    return hosts.six.settled(hosts.lan(host.network))


@contextmanager
def _wearing(hosts: Hosts, host: LabHost | None, address: IPv6Address | None) -> Iterator[None]:
    """Adds a secondary address to a lab host while a probe runs; outside, the ISP gets a route to it."""
    if not host or not address:
        yield
        return
    added = {host: f"addr VERB {address}/{WORN} dev {'lo' if host == ISP else host.network} nodad"}
    if host.role == Role.ATTACKER:
        added[ISP] = f"route VERB {address}/128 via {hosts.wan(host.network).six.attacker.ip} dev {host.network}"
    for place, line in added.items():
        ip(place.name, [line.replace("VERB", "add")])
    try:
        yield
    finally:
        for place, line in reversed(added.items()):
            ip(place.name, [line.replace("VERB", "del").removesuffix(" nodad")])


def _shares(probe: claim_ipv6.Allowed6 | claim_ipv6.BlockedFlows6) -> Needs:
    shared = sharing.exclusively(f"IPv6 of {probe.src}")
    if probe.there:
        return shared | sharing.exclusively(f"IPv6 of {probe.there}")
    return shared | (sharing.exclusively(sharing.COUNT6) if probe.protocol == "udp" else {})


PROBES = (
    Probe(
        kind=claim_ipv6.Allowed6,
        ask=_allowed,
        question="a host listens that tells whom it saw; it is called that way",
        advise=advice_ipv6.allowed,
        shares=_shares,
        waits=True,
        own_networks=True,
    ),
    Probe(
        kind=claim_ipv6.BlockedFlows6,
        ask=_withheld,
        question="a host listens that tells whom it saw; it is called by each of these ways",
        advise=advice_ipv6.withheld,
        shares=_shares,
        waits=True,
        own_networks=True,
    ),
)
