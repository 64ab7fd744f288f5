"""`vm`: cores, memory, firmware, and the bridge and VLANs of each NIC."""

from dataclasses import dataclass

from gwimage.values import nic

# MiB in which verify passes, by firmware; with 16 less it did not come to its end (bench, `--only memory`)
LEAST_MEMORY = {"bios": 112, "uefi": 160}
# MiB more for cloud-init, where a drive for it is in the machine: with 16 more than the least, under bios, it was still at
# work after six minutes of emulation; with 48 more a first boot and all claims took five
CLOUD_INIT = 48


@dataclass(frozen=True)
class Plug:
    """Hypervisor side of a NIC; tag: VLAN tagged by the hypervisor; trunks: VLANs passed to the guest, () for all."""

    bridge: str
    tag: int | None = None
    trunks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Vm:
    """VM settings; memory in MiB; firmware: bios or uefi; nics: (slot, Plug), empty if the profile has none."""

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
