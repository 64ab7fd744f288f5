"""Computes the interfaces that udev and the kernel would make of the cards: names, and a cable for each VLAN.

For a gateway in a namespace, which has no PCI bus, and on many hosts no VLANs. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gwimage.lab.topology import Card
from gwimage.values.nic import FIRST_SLOT

Unit = list[tuple[str, str, str]]  # (section, key, value) in file order, since keys may repeat


@dataclass(frozen=True)
class Cable:
    """Interface of the gateway, and the bridge at the other end of its cable, if any."""

    link: str
    mac: str
    bridge: str | None


def read(text: str) -> Unit:
    """Parses a unit file (systemd.syntax(7)); continued lines are not supported."""
    found, section = [], ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found.append((section, key.strip(), value.strip()))
    return found


def cables(files: Mapping[str, str], cards: Sequence[Card]) -> list[Cable]:
    """Interfaces of the gateway; a VLAN is a cable into the segment with its tag.

    files: the texts in /etc/systemd/network by name.
    """
    units = {name: read(files[name]) for name in sorted(files)}
    called = {_name(card, units): card for card in cards}
    plugged = [Cable(link, card.mac, _bridge(card, 0)) for link, card in called.items()]
    for vlan, tag, parent in _vlans(units):
        if card := called.get(parent):
            plugged.append(Cable(vlan, card.mac, _bridge(card, tag)))
    return plugged


def _name(card: Card, units: Mapping[str, Unit]) -> str:
    """Name of a card: by the first .link file that matches (systemd.link(5)), else the kernel's."""
    for file, unit in units.items():
        wanted = [(key, value) for section, key, value in unit if section == "Match"]
        if file.endswith(".link") and wanted and all(_matches(card, key, value) for key, value in wanted):
            return next((value for section, key, value in unit if (section, key) == ("Link", "Name")), f"eth{card.slot}")
    return f"eth{card.slot}"


def _matches(card: Card, key: str, value: str) -> bool:
    if key == "Path":
        return any(fnmatchcase(f"pci-0000:00:{FIRST_SLOT + card.slot:x}.0", pattern) for pattern in value.split())
    return key == "PermanentMACAddress" and card.mac in value.lower().split()


def _vlans(units: Mapping[str, Unit]) -> Iterator[tuple[str, int, str]]:
    """Yields each VLAN's name, tag and parent interface."""
    for unit in units.values():
        said = {(section, key): value for section, key, value in unit}
        name, tag = said.get(("NetDev", "Name"), ""), said.get(("VLAN", "Id"), "")
        if said.get(("NetDev", "Kind")) != "vlan" or not tag.isdecimal():
            continue
        for other in units.values():
            if ("Network", "VLAN", name) in other:
                yield name, int(tag), {key: value for section, key, value in other if section == "Match"}.get("Name", "")


def _bridge(card: Card, tag: int) -> str | None:
    return next((segment.bridge for segment in card.segments if segment.vlan == tag), None)
