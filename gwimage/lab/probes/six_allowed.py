"""What firewall.allow lets pass over IPv6: by the ways that it names, and by none beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from itertools import product

from gwimage import claim6
from gwimage.inet6 import UNIQUE_LOCAL
from gwimage.lab import wire, wire6
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import ip
from gwimage.lab.probes.six_closed import router_for
from gwimage.lab.probes.view import Answer, View
from gwimage.lab.serve import listen
from gwimage.way import Way
from gwimage.zones import GATEWAY


def _allowed(probe: claim6.Allowed6, view: View) -> Answer:
    """To the gateway itself who refuses has let it in: its firewall drops in silence."""
    answers = {way: _ask(probe, way, view.hosts) for way in (*probe.ways, *probe.beside)}
    wrong = [way for way in probe.ways if not _heard(probe, answers[way])]
    wrong += [way for way in probe.beside if answers[way] != "silent"]
    seen = "; ".join(f"{way}: {answers[way]}" for way in wrong or answers)
    return Answer(not wrong, f"by {probe.protocol}: {seen}")


def _heard(probe: claim6.Allowed6, answer: str) -> bool:
    return answer in ("open", "reset") or (answer.startswith("open ") and probe.zone == GATEWAY)


def _ask(probe: claim6.Allowed6, way: Way, hosts: Hosts) -> str:
    """`open` if a listener saw the caller by its own address; else what came back."""
    there = probe.zone if probe.zone == GATEWAY else _listener(probe.zone, hosts)
    with _wearing(hosts, probe.src, way.source), _wearing(hosts, there, way.destination):
        source, target = _ends(probe.src, there, way, hosts)
        if not source or not target:
            return "no address"
        with _routed(hosts, probe.src, target, there):
            if probe.protocol == "icmpv6":
                return "open" if wire6.ping(probe.src, target, source=source) else "silent"
            if there != GATEWAY:
                listen(there, probe.protocol, target, way.port)
            tries, wait = (3, 1.5) if way in probe.ways else (2, 1.2)  # TCP asks again after 1 s
            answer = wire.connect(probe.src, target, way.port, probe.protocol, source, tries, wait)
    if there != GATEWAY and answer == "reset":
        return "reset by the host"
    return "open" if answer == f"open {source}" else answer


def _listener(zone: str, hosts: Hosts) -> str:
    return "isp" if any(wan.name == zone for wan in hosts.topology.wans) else f"client-{zone}"


def _ends(src: str, there: str, way: Way, hosts: Hosts) -> tuple[IPv6Address | None, IPv6Address | None]:
    """Addresses of both, either both unique local or both not, as far as there is a choice."""
    targets = [way.destination] if way.destination else _targets(src, there, hosts)
    sources = [way.source] if way.source else _own(src, hosts)
    pairs = sorted(product(sources, targets), key=lambda pair: (pair[0] in UNIQUE_LOCAL) != (pair[1] in UNIQUE_LOCAL))
    return pairs[0] if pairs else (None, None)


def _targets(src: str, there: str, hosts: Hosts) -> list[IPv6Address]:
    kind, _, network = src.partition("-")
    if there == "isp":
        return [hosts.topology.beyond6.outside]
    if there != GATEWAY:
        return _own(there, hosts)
    if kind == "attacker":
        return [hosts.wan(network).six.own]
    lan = hosts.lan(network)
    return [lan.six.fixed.ip] if lan.six.fixed else [net[1] for net in hosts.six.announced(lan)]


def _own(name: str, hosts: Hosts) -> list[IPv6Address]:
    kind, _, network = name.partition("-")
    return [hosts.wan(network).six.attacker.ip] if kind == "attacker" else hosts.six.settled(hosts.lan(network))


@contextmanager
def _wearing(hosts: Hosts, name: str, address: IPv6Address | None) -> Iterator[None]:
    """The host has one more address for a while; far outside, the ISP knows the way to it."""
    if not address:
        yield
        return
    kind, _, network = name.partition("-")
    added = {name: f"addr VERB {address}/128 dev {'lo' if name == 'isp' else network} nodad"}
    if kind == "attacker":
        added["isp"] = f"route VERB {address}/128 via {hosts.wan(network).six.attacker.ip} dev {network}"
    for place, line in added.items():
        ip(place, [line.replace("VERB", "add")])
    try:
        yield
    finally:
        for place, line in reversed(added.items()):
            ip(place, [line.replace("VERB", "del").removesuffix(" nodad")])


@contextmanager
def _routed(hosts: Hosts, src: str, target: IPv6Address, there: str) -> Iterator[None]:
    """Who asks knows the way, whatever it was told by routers; on its own network it needs none."""
    router = None if there == GATEWAY else router_for(src, hosts)
    if router:
        ip(src, [f"route replace {target} via {router} dev {src.partition('-')[2]}"])
    try:
        yield
    finally:
        if router:
            ip(src, [f"route del {target}"])


ASK = {claim6.Allowed6: _allowed}
