"""Power on, and wait until the gateway shows itself on every side: for answers, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.packets import ipv4
from gwimage.lab.sandbox import Say
from gwimage.lab.wait import wait_for


def switch_on(say: Say, hosts: Hosts, gateway: Gateway, control: bool) -> dict[str, float]:
    """When each answer came, in seconds since power-on.

    An emulated machine that hangs or dies before any sign of life is started once more, and the times say so: some
    boots end so under emulation, and a gateway at fault is silent the second time too.
    """
    clock = time.monotonic()
    times = _power_on(hosts, gateway, control)
    if not times and not gateway.ready() and gateway.emulated:
        say("no sign of life: power off, and on once more")
        gateway.cut()
        lost = time.monotonic() - clock
        times = _power_on(hosts, gateway, control) | {"lost to an emulated machine that hung or died": lost}
    hosts.check()
    for lan in hosts.topology.lans:
        if hosts.lease(lan.name):
            times[f"lease on {lan.name}"] = hosts.lease_time(lan.name) - gateway.started
        elif lan.dhcp:  # what does not hang on DHCP is asked all the same
            hosts.forget_lease(lan.name)
            hosts.give_address(lan)
    hosts.route_inwards()
    if hosts.wan_address(hosts.topology.wans[0]) and wait_for(lambda: _through(hosts), gateway.late, gateway.alive):
        times["first packet to the outside"] = time.time() - gateway.started
    if wait_for(gateway.ready, gateway.patience, gateway.alive):
        times["boot done"] = gateway.ready_at - gateway.started
    return times


def _power_on(hosts: Hosts, gateway: Gateway, control: bool) -> dict[str, float]:
    """When each side of the gateway showed itself; empty if none did within its patience."""
    hosts.reset_sessions()
    gateway.start(control)
    hosts.ask_for_leases()
    times: dict[str, float] = {}

    def arrived() -> bool:
        for name, there in _arrivals(hosts).items():
            if name not in times and there():
                times[name] = time.time() - gateway.started
        return len(times) == len(_arrivals(hosts)) or overdue()

    def overdue() -> bool:
        return gateway.ready() and time.time() - gateway.ready_at > gateway.late

    wait_for(arrived, gateway.patience, gateway.alive)
    return times


def _arrivals(hosts: Hosts) -> dict[str, Callable[[], bool]]:
    """What tells that a side of the gateway is up."""
    found: dict[str, Callable[[], bool]] = {}
    for wan in hosts.topology.wans:
        found[f"address on {wan.name}"] = lambda wan=wan: bool(hosts.wan_address(wan, 0.2))
    for lan in hosts.topology.lans:
        if lan.dhcp:
            found[f"lease on {lan.name}"] = lambda lan=lan: hosts.lease(lan.name) is not None
        else:
            found[f"gateway on {lan.name}"] = lambda lan=lan: bool(
                ipv4.arp(lan.client.name, lan.name, lan.spare.ip, lan.gateway.ip, 0.2)
            )
    return found


def _through(hosts: Hosts) -> bool:
    outside = hosts.topology.outside
    return any(
        ipv4.connect(lan.client.name, outside, PORT, tries=1, wait=1).startswith("open")
        for lan in hosts.topology.lans
        if hosts.client_address(lan)
    )
