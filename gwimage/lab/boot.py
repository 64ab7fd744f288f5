"""Powers the gateway on, and waits until it answers on every network; never waits for a fixed time."""

import time
from collections.abc import Callable

from gwimage.lab.hosts import PORT, Hosts, cabling
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.packets import ipv4
from gwimage.lab.sandbox import Say
from gwimage.lab.wait import wait_for


def switch_on(say: Say, hosts: Hosts, gateway: Gateway, control: bool) -> dict[str, float]:
    """Powers the gateway on; returns the time of each first answer, in seconds since power-on.

    An emulated machine that hangs or dies before its first answer is restarted once, and the times say so: some boots end
    this way under emulation, and a broken gateway is silent the second time too.
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
        elif lan.dhcp:  # claims that do not depend on DHCP are asked all the same
            hosts.forget_lease(lan.name)
            hosts.give_address(lan)
    hosts.route_inwards()
    if hosts.wan_address(hosts.topology.wans[0]) and wait_for(lambda: _reaches_outside(hosts), gateway.late, gateway.alive):
        times["first packet to the outside"] = time.time() - gateway.started
    if wait_for(gateway.ready, gateway.patience, gateway.alive):
        times["boot done"] = gateway.ready_at - gateway.started
    return times


def _power_on(hosts: Hosts, gateway: Gateway, control: bool) -> dict[str, float]:
    """Powers on; returns the time of each network's first answer, empty if none came within the gateway's patience."""
    hosts.reset_sessions()
    cabling.filter_sources(hosts.topology.wans, strict=not control)
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
    """Conditions by name; each tells that the gateway is up on one network."""
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


def _reaches_outside(hosts: Hosts) -> bool:
    """Whether a TCP connection from any client to the outside server opens."""
    outside = hosts.topology.outside
    return any(
        ipv4.connect(lan.client.name, outside, PORT, tries=1, wait=1).startswith("open")
        for lan in hosts.topology.lans
        if hosts.client_address(lan)
    )
