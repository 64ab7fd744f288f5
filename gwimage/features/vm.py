"""VM settings: shape, and where its cards are attached; not part of the image."""

from gwimage.plan import Plan
from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile, link
from gwimage.profile.link import USUAL_MTU, Link
from gwimage.profile.vm import CLOUD_INIT, LEAST_MEMORY, Plug
from gwimage.values import nic
from gwimage.values.nic import Nic

PATH = ("vm", "nics")
WHERE = "see System, Network there"
NATIVE = 1  # the VLAN of untagged packets on a VLAN-aware bridge of Proxmox: whatever trunks says, its ports send it untagged


def check(profile: Profile) -> list[Problem]:
    plugs, users = {Nic(slot): plug for slot, plug in profile.vm.nics}, _users(profile)
    return [*_memory(profile), *_native(plugs, users), *(_plugs(plugs, users) if plugs else ()), *needs(profile)]


def _memory(profile: Profile) -> list[Problem]:
    vm, path = profile.vm, ("vm", "memory")
    least = LEAST_MEMORY[vm.firmware]
    if vm.memory < least:
        message = f"{vm.memory} MiB are too little with firmware {vm.firmware}"
        return [Problem(path, message, f"verify passes from {least} on; 512 is usual")]
    if profile.image.seed == "cloud-init" and vm.memory < least + CLOUD_INIT:
        message = f"{vm.memory} MiB are little for cloud-init: with a drive for it a boot may take very long"
        return [Problem(path, message, f"give it {least + CLOUD_INIT} or more, or write image.seed: native", "warning")]
    return []


def needs(profile: Profile) -> list[Problem]:
    """Notes on what the machine needs of the bridges of a Proxmox host, which no profile can see."""
    plugs = dict(profile.vm.nics)
    found = [_vlan_aware(slot, plug) for slot, plug in plugs.items() if plug.trunks or plug.tag]
    for card, networks in _users(profile).items():
        path, its = max(networks, key=lambda one: one[1].mtu or 0)
        if (its.mtu or 0) > USUAL_MTU:
            bridge = f"the bridge of {card.mac}" if card.mac else plugs.get(card.slot, Plug(f"vmbr{card.slot}")).bridge
            message = f"on the Proxmox host {bridge} needs an MTU of at least {its.mtu} too"
            found.append(Problem((*path, "mtu"), message, WHERE, "note"))
    return found


def _vlan_aware(slot: int, plug: Plug) -> Problem:
    key, way = ("trunks", "") if plug.trunks else ("tag", ", or have a physical port")
    message = f"on the Proxmox host {plug.bridge} must be VLAN-aware{way}: else the machine does not start"
    return Problem((*PATH, f"net{slot}", key), message, WHERE, "note", on_key=True)


def _native(plugs: dict[Nic, Plug], users: dict[Nic, list[tuple[Path, Link]]]) -> list[Problem]:
    """Networks that wait for packets with the tag of the native VLAN.

    An error where the bridge is known to be VLAN-aware; a note for a card known by its MAC address, since the host may be another.
    """
    problems = []
    for card, networks in users.items():
        severity = "error" if card in plugs and plugs[card].trunks else "note" if card.mac else "warning"
        for path, _ in [one for one in networks if one[1].vlan == NATIVE]:
            message = f"a VLAN-aware bridge of Proxmox sends VLAN {NATIVE} untagged: {path[1]} would hear nothing"
            hint = "leave vlan out: untagged packets are this VLAN there; or use another VLAN"
            problems.append(Problem((*path, "vlan"), message, hint, severity))
    return problems


def _plugs(plugs: dict[Nic, Plug], users: dict[Nic, list[tuple[Path, Link]]]) -> list[Problem]:
    problems = []
    for card, networks in users.items():
        if card in plugs:
            problems += _vlans((*PATH, nic.name(card)), plugs[card], networks)
        elif card.mac is None:
            message = f"{nic.name(card)} is used by {dotted(networks[0][0])}, but not plugged in here"
            problems.append(Problem((*PATH, nic.name(card)), message, "give it a bridge", on_key=True))
    problems += _wires(plugs, users)
    if not any(card.mac for card in users):  # a card known by its MAC address may be any of them
        for card in [card for card in plugs if card not in users]:
            message, hint = f"no network uses {nic.name(card)}", "remove it, or give it to a network"
            problems.append(Problem((*PATH, nic.name(card)), message, hint, "warning", on_key=True))
    return problems


def _users(profile: Profile) -> dict[Nic, list[tuple[Path, Link]]]:
    """Cards, each with its networks."""
    networks = [(("wans", wan.name), wan.link) for wan in profile.wans]
    networks += [(("lans", lan.name), lan.link) for lan in profile.lans]
    users: dict[Nic, list[tuple[Path, Link]]] = {}
    for path, its in networks:
        for _, card in link.places(path, its):
            users.setdefault(card, []).append((path, its))
    return users


def _wires(plugs: dict[Nic, Plug], users: dict[Nic, list[tuple[Path, Link]]]) -> list[Problem]:
    """Networks, or cards of one bridge, that the hypervisor joins: DHCP would leak between them, or packets loop."""
    problems, seen = [], {}
    for card in (card for card in users if card in plugs):
        place, plug = (*PATH, nic.name(card)), plugs[card]
        for path, its in users[card]:
            vlan = its.vlan or plug.tag
            vlan = None if vlan == NATIVE else vlan
            other, name = seen.setdefault((plug.bridge, vlan), (path, nic.name(card)))
            wire = f"VLAN {vlan} of {plug.bridge}" if vlan else f"{plug.bridge}, untagged"
            if other == path and name != nic.name(card):
                message = f"{name} and {nic.name(card)} are both on {wire}: packets would circle in the bridge {dotted(path)}"
                problems.append(Problem(place, message, "give one of them another bridge or tag", on_key=True))
            elif other != path:
                message = f"{dotted(path)} is on the same wire as {dotted(other)}: {wire}"
                problems.append(Problem(place, message, "give one of them another bridge or tag", "warning", on_key=True))
    return problems


def _vlans(path: Path, plug: Plug, networks: list[tuple[Path, Link]]) -> list[Problem]:
    """VLANs of the gateway that the hypervisor would not pass."""
    inside = {its.vlan: dotted(place) for place, its in networks if its.vlan}
    problems = []
    for vlan, who in inside.items():
        if plug.trunks and vlan not in (*plug.trunks, NATIVE):
            message = f"VLAN {vlan}, which is {who}, is not let through"
            problems.append(Problem((*path, "trunks"), message, f"add {vlan}"))
        elif plug.tag and not plug.trunks:
            message = f"Proxmox puts this card into VLAN {plug.tag}, so VLAN {vlan} of {who} cannot reach it"
            hint = f"give trunks: [{', '.join(map(str, inside))}] instead of tag, or leave vlan out of {who}"
            problems.append(Problem((*path, "tag"), message, hint))
    used = {its.vlan or plug.tag or NATIVE for _, its in networks}
    for index, vlan in enumerate(plug.trunks):
        if vlan not in used:
            message = f"no network on this card is VLAN {vlan}"
            problems.append(Problem((*path, "trunks", index), message, "leave it out", "warning"))
    return problems


def plan(profile: Profile) -> Plan:
    return Plan()
