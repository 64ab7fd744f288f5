"""Fault injection: under each fault the gateway must stay closed, serve what it can, report it, and recover by itself.

fault.py: the data type; while_running.py, at_boot.py, power_cut.py: the faults; checks.py: what must hold;
driver.py: injects faults one after the other; disk_writes.py: disk contents after a power cut.
"""

from gwimage.lab.topology import IspLeases, Topology
from gwimage.verify.faults import at_boot, power_cut, while_running
from gwimage.verify.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*while_running.FAULTS, *power_cut.FAULTS, *at_boot.FAULTS)  # in an order that shares boots


def pick(names: tuple[str, ...], topology: Topology) -> list[Fault]:
    """Faults of these names (all if none are given) and those that they need; leaves out what this topology cannot inject."""
    wanted = set(names) or {fault.id for fault in FAULTS}
    wanted |= {fault.needs for fault in FAULTS if fault.id in wanted}
    leases = any(isinstance(wan.ipv4, IspLeases) for wan in topology.wans)
    served = any(lan.dhcp for lan in topology.lans)
    possible = {fault.id for fault in FAULTS if (leases or not fault.dhcp) and (served or fault.id != "power-cut")}
    return [fault for fault in FAULTS if fault.id in wanted & possible and (fault.needs or fault.id) in possible]
