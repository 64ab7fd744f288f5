"""What udev and the kernel would make of the cards by the compiled files: names, and a cable for each VLAN.

For a gateway of namespaces, which has neither a PCI bus nor, on many hosts, VLANs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gwimage.lab.topology import Card
from gwimage.values.nic import FIRST_SLOT

Unit = list[tuple[str, str, str]]  # section, key, value: in the order of the file, since keys may come again


@dataclass(frozen=True)
class Cable:
    """An interface of the gateway, and the bridge that the other end of its cable is plugged into, if any is."""

    link: str
    mac: str
    bridge: str | None


def read(text: str) -> Unit:
    """A unit file as systemd.syntax(7) has it, without continued lines."""
    found, section = [], ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            found.append((section, key.strip(), value.strip()))
    return found


def cables(files: Mapping[str, str], cards: Sequence[Card]) -> list[Cable]:
    """files: the texts in /etc/systemd/network by name. A VLAN is a cable into the segment that has its tag."""
    units = {name: read(files[name]) for name in sorted(files)}
    called = {_name(card, units): card for card in cards}
    plugged = [Cable(link, card.mac, _bridge(card, 0)) for link, card in called.items()]
    for vlan, tag, parent in _vlans(units):
        if card := called.get(parent):
            plugged.append(Cable(vlan, card.mac, _bridge(card, tag)))
    return plugged


def _name(card: Card, units: Mapping[str, Unit]) -> str:
    """systemd.link(5): the first file that matches names the card; without any the kernel has."""
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
    """Each VLAN's name, tag and the card that carries it."""
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
