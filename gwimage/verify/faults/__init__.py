"""What goes wrong with gateways, and that ours stay closed, serve what they can, say it, and recover by themselves.

fault: what a fault is   running, boot, power: the faults   checks: what must hold   driver: plays them   writes: a disk's log
"""

from gwimage.lab.topology import IspLeases, Topology
from gwimage.verify.faults import at_boot, power_cut, while_running
from gwimage.verify.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (*while_running.FAULTS, *power_cut.FAULTS, *at_boot.FAULTS)  # in an order that shares boots


def pick(names: tuple[str, ...], topology: Topology) -> list[Fault]:
    """Those with these names, or all without any, and what they need; as far as the lab can play them."""
    wanted = set(names) or {fault.id for fault in FAULTS}
    wanted |= {fault.needs for fault in FAULTS if fault.id in wanted}
    leases = any(isinstance(wan.ipv4, IspLeases) for wan in topology.wans)
    served = any(lan.dhcp for lan in topology.lans)
    possible = {fault.id for fault in FAULTS if (leases or not fault.dhcp) and (served or fault.id != "power-cut")}
    return [fault for fault in FAULTS if fault.id in wanted & possible and (fault.needs or fault.id) in possible]
