"""Checks during and after a fault. Each probes once, with packets, and returns an Answer with what it saw."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from typing import NamedTuple

from gwimage.claims import claim_nat, claim_services
from gwimage.lab.packets import dhcp_client, ipv4
from gwimage.values import lab_host
from gwimage.values.lab_host import LabHost
from gwimage.verify import probes
from gwimage.verify.faults.fault import Scene
from gwimage.verify.probes import view
from gwimage.verify.probes.view import Answer, View

_NOBODY = IPv4Address("0.0.0.0")  # sender address of an ARP probe (RFC 5227)


def ask(scene: Scene, probe: NamedTuple) -> Answer:
    return probes.ask(probe, View(scene.hosts, lambda: None, ports=view.CONTROL_PORTS))


def leases(scene: Scene) -> Answer:
    """Checks that the DHCP clients of all LANs have leases."""
    without = [lan.name for lan in scene.lans if lan.dhcp and not scene.hosts.lease(lan.name)]
    return Answer(not without, f"no lease on {', '.join(without)}" if without else "leases")


def lan_serves(scene: Scene) -> Answer:
    """Checks each LAN: the gateway answers ping, offers an address to an unknown client, and resolves a local name."""
    for lan in scene.lans:
        if not scene.hosts.client_address(lan):
            return Answer(False, f"{lan.name}: the client has no address")
        if not ipv4.ping(lan.client.name, lan.gateway.ip, tries=1):
            return Answer(False, f"{lan.name}: no answer to a ping")
        if lan.dhcp and dhcp_client.offer(lan.client.name, lan.name, newcomer()) is None:
            return Answer(False, f"{lan.name}: no DHCP offer")
        names = [
            one.probe for one in scene.claims if isinstance(one.probe, claim_services.LocalName) and one.probe.lan == lan.name
        ]
        if names and not (answer := ask(scene, names[0])).good:
            return Answer(False, f"{lan.name}: {answer.seen}")
    return Answer(True, "LANs served")


def no_wan(scene: Scene) -> Answer:
    """Checks that the WAN has no address."""
    address = scene.hosts.wan_address(scene.wan, 1)
    return Answer(address is None, f"{scene.wan.name} still has {address}" if address else f"{scene.wan.name} without address")


def traffic(scene: Scene) -> Answer:
    """Checks that the WAN has an address, and that clients reach the outside server as the profile says."""
    if not scene.hosts.wan_address(scene.wan, 1):
        return Answer(False, f"{scene.wan.name} has no address")
    for source in [one.probe for one in scene.claims if isinstance(one.probe, claim_nat.SourceAddress) and not one.probe.host]:
        if source.lan in {lan.name for lan in scene.lans} and not (answer := ask(scene, source)).good:
            return Answer(False, answer.seen)
    return Answer(True, "traffic flows")


def closed(scene: Scene) -> Answer:
    """Checks that an outside host reaches neither gateway nor clients.

    Fails for a claim without a control result from the verification before.
    """
    if not scene.hosts.given(scene.wan):
        return Answer(False, "the gateway never had an address outside")
    scene.hosts.route_inwards()
    outside = lab_host.attacker(scene.wan.name)
    wanted = [one for one in scene.claims if one.closed and _source(one.probe) == outside]
    for one in wanted:
        if one.id not in scene.controls:
            return Answer(False, f"{one.id}: no control")
    with ThreadPoolExecutor(32) as pool:  # each probe waits for a timeout
        wrong = [answer.seen for answer in pool.map(lambda one: ask(scene, one.probe), wanted) if not answer.good]
    if wrong:
        return Answer(False, wrong[0])
    return Answer(True, "closed")


def dark(scene: Scene) -> Answer:
    """Checks that the gateway answers on no side, by ARP or DHCP."""
    for lan in scene.hosts.topology.lans:
        host = lan.client.name
        if ipv4.arp(host, lan.name, _NOBODY, lan.gateway.ip, 3) or scene.hosts.lease(lan.name):
            return Answer(False, f"{lan.name}: {lan.gateway.ip} answers")
    for wan in scene.hosts.topology.wans:
        if scene.hosts.wan_address(wan, 3):
            return Answer(False, f"{wan.name}: the gateway answers")
    return Answer(True, "dark")


def newcomer() -> str:
    """Random locally administered MAC address, unused in the lab."""
    return "02:" + secrets.token_bytes(5).hex(":")


def _source(probe: NamedTuple) -> LabHost | None:
    return getattr(probe, "zone_host", None) or getattr(probe, "src", None)
