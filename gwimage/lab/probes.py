"""Each probe of gwimage/claim.py as packets. Answers with what was seen, good or bad.

`exposed` is the opposite of closed or hidden: what the control boot must show for the same
question. A probe never raises because the gateway misbehaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gwimage import claim
from gwimage.lab import wire
from gwimage.lab.guest import LISTENER, Findings
from gwimage.lab.hosts import PORT, SECRET_NAME, Hosts

ALL_PORTS = range(1, 65536)
CONTROL_PORTS = (*range(1, 1024), LISTENER)


if TYPE_CHECKING:
    from gwimage.profile import Profile

@dataclass(frozen=True)
class Answer:
    """`good`: as the claim says. `exposed`: seen open or visible. `seen`: one line for people."""

    good: bool
    seen: str
    exposed: bool = False


@dataclass(frozen=True)
class View:
    """What a probe may look at: the hosts, the profile, and the ports that a scan asks."""

    hosts: Hosts
    profile: Profile
    look: Callable[[], Findings | None]
    ports: tuple[int, ...] | range = ALL_PORTS

    def lan(self, name: str):
        return next(lan for lan in self.hosts.topology.lans if lan.name == name)

    def wan(self, name: str):
        return next(wan for wan in self.hosts.topology.wans if wan.name == name)


def ask(probe: claim.Probe, view: View) -> Answer:
    """Ask the one question of a claim."""
    return _ASK[type(probe)](probe, view)


def _wan_address(probe: claim.WanAddress, view: View) -> Answer:
    wan = view.wan(probe.wan)
    address = view.hosts.wan_address(wan, wait=5)
    kind = "static" if wan.static else "lease"
    if address:
        return Answer(True, f"{address} ({kind}) answers on {wan.card.mac}")
    given = wan.static or view.hosts.leased_to(wan)
    return Answer(False, f"{given} ({kind}) does not answer" if given else "asked for no lease")


def _lease(probe: claim.Lease, view: View) -> Answer:
    lease = view.hosts.lease(probe.lan)
    if lease is None:
        return Answer(False, "the DHCP client got no answer")
    expected = {
        "mask": str(probe.prefix),
        "router": str(probe.router) if probe.router else None,
        "dns": " ".join(map(str, probe.dns)),
        "lease": str(probe.lease_time),
    }
    wrong = [f"{key} {lease.get(key)}, not {value}" for key, value in expected.items() if lease.get(key) != value]
    if not probe.first <= IPv4Address(lease["ip"]) <= probe.last:
        wrong.insert(0, "outside the pool")
    seen = f"{lease['ip']}/{lease.get('mask')} router {lease.get('router')} dns {lease.get('dns')}"
    return Answer(not wrong, "; ".join([seen, *wrong]))


def _dns(probe: claim.Dns, view: View) -> Answer:
    server = view.lan(probe.lan).gateway.ip
    address = wire.resolve(f"client-{probe.lan}", server, SECRET_NAME)
    return Answer(address == str(view.hosts.topology.outside), f"{server} says: {address}")


def _ping(probe: claim.Ping, view: View) -> Answer:
    target = view.lan(probe.lan).gateway.ip
    good = wire.ping(f"client-{probe.lan}", target)
    return Answer(good, f"{target} {'answers' if good else 'does not answer'}")


def _source(probe: claim.Source, view: View) -> Answer:
    lan = view.lan(probe.lan)
    own = view.hosts.client_address(lan)
    answer = wire.connect(f"client-{probe.lan}", view.hosts.topology.outside, PORT, tries=3)
    seen = answer.removeprefix("open ")
    if probe.masquerade:
        first = view.hosts.topology.wans[0]  # the one with the best metric
        return Answer(seen == str(first.static or view.hosts.leased_to(first)), f"the server outside saw {seen}", exposed=seen == str(own))
    return Answer(seen == str(own), f"the server outside saw {seen}")


def _gateway_closed(probe: claim.GatewayClosed, view: View) -> Answer:
    name = probe.zone_host
    if name.startswith("attacker-"):
        wan = view.wan(name.removeprefix("attacker-"))
        link, own, target = wan.name, wan.attacker.ip, wan.static or view.hosts.leased_to(wan)
    else:
        lan = view.lan(name.removeprefix("client-"))
        link, own, target = lan.name, view.hosts.client_address(lan), lan.gateway.ip
    if not own or not target:
        return Answer(False, "no address to ask from" if target else "no address to ask")
    try:
        found = wire.scan(name, link, own, target, view.ports)
    except wire.Mute as error:
        return Answer(False, str(error))
    is_open = sorted(port for port, kind in found.items() if kind == "open")
    resets = len(found) - len(is_open)
    seen = f"{len(view.ports)} ports of {target}: open {_few(is_open)}, {resets} reset"
    good = is_open == sorted(probe.open_tcp) and not resets
    return Answer(good, seen, exposed=LISTENER in is_open)


def _unreachable(probe: claim.Unreachable, view: View) -> Answer:
    """Silence counts only when both ends are there: the gateway for one, the target for the other."""
    lan = view.lan(probe.lan)
    target = view.hosts.client_address(lan)
    if not target:
        return Answer(False, f"client-{probe.lan} has no address to aim at")
    if not _neighbour(probe.src, view):
        return Answer(False, f"{probe.src} does not reach the gateway at all")
    if not wire.arp(f"client-{probe.lan}", lan.name, target, lan.gateway.ip, 5):
        return Answer(False, f"client-{probe.lan} does not reach the gateway at all")
    answer = wire.connect(probe.src, target, PORT)
    return Answer(answer == "silent", f"{target}:{PORT} {answer}", exposed=answer.startswith("open"))


def _neighbour(name: str, view: View) -> bool:
    if name.startswith("attacker-"):
        wan = view.wan(name.removeprefix("attacker-"))
        target = wan.static or view.hosts.leased_to(wan)
        return bool(target and wire.arp(name, wan.name, wan.attacker.ip, target, 5))
    lan = view.lan(name.removeprefix("client-"))
    own = view.hosts.client_address(lan)
    return bool(own and wire.arp(name, lan.name, own, lan.gateway.ip, 5))


def _inspection(probe: claim.Inspection, view: View) -> Answer:
    found = view.look()
    if found is None:
        return Answer(False, "the gateway did not report")
    seen = [f"{found.state}, {found.memory_available // 1024} MiB available"]
    seen += [f"failed: {unit}" for unit in found.failed]
    seen += list(found.complaints)
    good = found.state == "running" and not found.failed and not found.complaints
    return Answer(good, "; ".join(seen))


def _few(ports: list[int]) -> str:
    return ", ".join(map(str, ports[:12])) + (" ..." if len(ports) > 12 else "") if ports else "none"


_ASK = {
    claim.WanAddress: _wan_address,
    claim.Lease: _lease,
    claim.Dns: _dns,
    claim.Ping: _ping,
    claim.Source: _source,
    claim.GatewayClosed: _gateway_closed,
    claim.Unreachable: _unreachable,
    claim.Inspection: _inspection,
}
