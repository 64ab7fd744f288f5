"""`vm`: cores, memory, firmware, and the bridge and VLAN of each card."""

from __future__ import annotations

from dataclasses import dataclass

from gwimage.values import nic


@dataclass(frozen=True)
class Plug:
    """Where a card is plugged in. tag: VLAN done by the hypervisor; trunks: VLANs let through, () for all."""

    bridge: str
    tag: int | None = None
    trunks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Vm:
    """memory in MiB; firmware bios or uefi; nics by slot, empty if the profile does not say."""

    cores: int = 2
    memory: int = 512
    firmware: str = "bios"
    nics: tuple[tuple[int, Plug], ...] = ()


def parse(data: dict) -> Vm:
    vm = data.get("vm", {})
    nics = tuple((nic.parse(name).slot, _plug(plug)) for name, plug in vm.get("nics", {}).items())
    return Vm(vm.get("cores", 2), vm.get("memory", 512), vm.get("firmware", "bios"), nics)


def _plug(data: dict) -> Plug:
    return Plug(data["bridge"], data.get("tag"), tuple(data.get("trunks", ())))
