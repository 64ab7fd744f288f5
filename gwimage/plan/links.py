"""Settings that every kind of network device shares: how udev finds the card, and silence on the link."""

from gwimage.plan import Setting, settings
from gwimage.values.nic import FIRST_SLOT, Nic


def match(file: str, nic: Nic, path: str) -> Setting:
    """How udev knows the card, whatever its name is when it appears."""
    if nic.mac is None:
        return Setting(file, "Match", "Path", f"pci-*:{FIRST_SLOT + nic.slot:x}.0", path)
    return Setting(file, "Match", "PermanentMACAddress", nic.mac, path)


NO_IPV6 = (("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"))
# no discovery protocols
NO_DISCOVERY = (
    ("LLMNR", "no"),
    ("MulticastDNS", "no"),
    ("LLDP", "no"),
    ("EmitLLDP", "no"),
)


def no_discovery(file: str, path: str, ipv6: bool = False) -> tuple[Setting, ...]:
    """A link that says nothing by itself, and has no IPv6 unless the profile asks for it."""
    return settings(file, "Network", path, NO_DISCOVERY if ipv6 else NO_IPV6 + NO_DISCOVERY)
