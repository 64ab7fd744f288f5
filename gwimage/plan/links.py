"""Settings shared by all network devices: matching the NIC in udev, and no discovery protocols."""

from gwimage.plan import Setting, settings
from gwimage.values.nic import FIRST_SLOT, Nic


def match(file: str, nic: Nic, path: str) -> Setting:
    """The [Match] setting for the NIC, independent of its name at first: PCI path of a slot, or MAC address."""
    if nic.mac is None:
        return Setting(file, "Match", "Path", f"pci-*:{FIRST_SLOT + nic.slot:x}.0", path)
    return Setting(file, "Match", "PermanentMACAddress", nic.mac, path)


NO_IPV6 = (("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"))
NO_DISCOVERY = (
    ("LLMNR", "no"),
    ("MulticastDNS", "no"),
    ("LLDP", "no"),
    ("EmitLLDP", "no"),
)


def no_discovery(file: str, path: str, ipv6: bool = False) -> tuple[Setting, ...]:
    """[Network] settings without discovery protocols, and without IPv6 unless `ipv6`."""
    return settings(file, "Network", path, NO_DISCOVERY if ipv6 else NO_IPV6 + NO_DISCOVERY)
