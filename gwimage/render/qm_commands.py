"""qm(1) commands that create a gateway's VM on a Proxmox host, to read and paste. Must not run anything."""

from itertools import chain, count

from gwimage.features import vm as checks
from gwimage.profile import Profile
from gwimage.profile.link import USUAL_MTU
from gwimage.profile.vm import Plug
from gwimage.render.mkosi import image_name
from gwimage.values.nic import Nic

VMID = 120
STORAGE = "local-lvm"


def commands(profile: Profile, seed: str = "", image: str = "") -> list[str]:
    """Lines of qm(1) commands, to run as root on the Proxmox host in the folder with the disk images.

    Comments before them say what its bridges need.
    image: file name instead of the profile's qcow2; then there is no state disk. seed: file name of a seed volume, if any.
    VMID and STORAGE are for the user to change.
    """
    vm = profile.vm
    uefi = f" --machine q35 --bios ovmf --efidisk0 {STORAGE}:0,efitype=4m,pre-enrolled-keys=0" if vm.firmware == "uefi" else ""
    return [
        *dict.fromkeys(f"# {note.message}" for note in checks.needs(profile)),
        f"qm create {VMID} --name {profile.system.hostname} --ostype l26 --memory {vm.memory} --cores {vm.cores}{uefi}"
        " --scsihw virtio-scsi-single --serial0 socket --agent 1 --onboot 1 \\",
        f"    {' '.join(_cards(profile))}",
        f"qm disk import {VMID} {image or f'{image_name(profile)}.qcow2'} {STORAGE} --target-disk scsi0",
        *([f"qm disk import {VMID} {seed} {STORAGE} --target-disk scsi2"] if seed else []),
        f"qm set {VMID}{'' if image else f' --scsi1 {STORAGE}:1'} --boot order=scsi0 && qm start {VMID}",
    ]


def _cards(profile: Profile) -> list[str]:
    """One --netN option for each card; cards with a MAC address get the slots that are free."""
    users = [(card, net.link.mtu or 0) for net in (*profile.wans, *profile.lans) for card in net.link.cards]
    used = [card for card, _ in users]
    plugs = dict(profile.vm.nics)
    slots: dict[int, Nic] = {slot: Nic(slot) for slot in plugs}
    slots |= {card.slot: card for card in used if card.mac is None}
    free = (slot for slot in chain(plugs, count()) if slots.get(slot, Nic()).mac is None and Nic(slot) not in used)
    for card in dict.fromkeys(card for card in used if card.mac):
        slots[next(free)] = card
    mtus = {card: max(mtu for other, mtu in users if other == card) for card in used}
    return [_card(slot, card, plugs.get(slot, Plug(f"vmbr{slot}")), mtus.get(card, 0)) for slot, card in sorted(slots.items())]


def _card(slot: int, card: Nic, plug: Plug, mtu: int) -> str:
    model = f"virtio={card.mac.upper()}" if card.mac else "virtio"
    options = [model, f"bridge={plug.bridge}"]
    options += [f"tag={plug.tag}"] if plug.tag else []
    options += [f"mtu={mtu}"] if mtu > USUAL_MTU else []  # a bridge with a smaller one is then an error at the start
    if not plug.trunks:
        return f"--net{slot} {','.join(options)}"
    return f"--net{slot} '{','.join(options)},trunks={';'.join(map(str, plug.trunks))}'"
