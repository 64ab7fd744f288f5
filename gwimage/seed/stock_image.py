"""A stock Debian 13 cloud image as the base: the same difference as for an image of ours, only that it is everything.

cloud-init puts an archive of the files on the disk, and `become` beside its scripts for every boot; that one installs what is
missing, unpacks the archive and starts the machine anew. The parts of our packages layer that a gateway cannot do without travel
along; what makes our image small and quick stays behind.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files

import yaml

from gwimage import features
from gwimage.features.dns import PUBLIC_RESOLVERS
from gwimage.features.image import KERNELS, SEED
from gwimage.plan import File
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.profile.wans import DhcpAddress, StaticAddress, Wan
from gwimage.render.base import LAYER
from gwimage.seed.difference import Seed, archive_of

IMAGE = "debian-13-genericcloud-amd64.qcow2"  # as Debian calls it
_LAYER = "mkosi.extra/"  # of the definitions, as LAYER is of the configuration
_UNITS = "usr/lib/systemd/system"
_PARTS = (
    "usr/lib/gwimage/connections",
    "usr/lib/gwimage/leases",
    "usr/lib/sysctl.d/50-gwimage.conf",
    f"{_UNITS}/gwimage-firewall.service",
    f"{_UNITS}/gwimage-offload.service",
    f"{_UNITS}/gwimage-hostkey.service",
    f"{_UNITS}/ssh.service.d/10-gwimage.conf",
    f"{_UNITS}/systemd-networkd.service.d/10-gwimage.conf",
    f"{_UNITS}/systemd-networkd.service.d/20-leases.conf",
    f"{_UNITS}/systemd-networkd.socket.d/10-gwimage.conf",
    "etc/resolv.conf",
)
_SETTINGS = {"ssh_deletekeys": False, "manage_etc_hosts": False}
_CLOUD_INIT = ("etc/cloud/cloud.cfg.d/99-gwimage.cfg", File(yaml.safe_dump({"network": {"config": "disabled"}} | _SETTINGS)))
# what Debian's cloud images have not: the firewall's program, the one that our scripts are written for, Proxmox's agent
_PACKAGES = {"busybox-static", "nftables", "qemu-guest-agent"}
_NEEDS = "usr/lib/gwimage/packages"  # in the archive
_ARCHIVE, _SUM = "/usr/lib/gwimage/stock.tar", "/usr/lib/gwimage/stock.sum"
_BECOME = "/var/lib/cloud/scripts/per-boot/gwimage"
# At each boot, before write_files, which would else write them once for each instance: a power cut may have emptied them, this
# script too.
_ANEW = "rm -f /var/lib/cloud/instance/sem/config_write_files"


def for_stock_image(profile: Profile) -> Profile:
    """The same without a reader of seeds: users, keys and passwords come as files, and go with them."""
    return replace(profile, image=replace(profile.image, seed="none"))


def check(profile: Profile) -> list[Problem]:
    """What of the profile has no meaning in an image that is there already."""
    if profile.image.kernel == "generic":
        hint = "take Debian's image `generic` instead of `genericcloud`"
        return [Problem(("image", "kernel"), "a stock image keeps the kernel that it has", hint, "warning")]
    return []


def base(wanted: Mapping[str, File]) -> dict[str, File]:
    """What a stock image has of what the profile compiles to: all definitions, since nothing is built, and no configuration."""
    return {path: file for path, file in wanted.items() if not path.startswith(LAYER)}


def complete(seed: Seed, profile: Profile, wanted: Mapping[str, File]) -> Seed:
    """The seed with user-data that makes a stock image the gateway; seed: the difference to `base`."""
    brought = {path: file for path, file in seed.changed.items() if path != SEED}
    brought |= {path: wanted[f"{_LAYER}{path}"] for path in _PARTS} | dict([_CLOUD_INIT])
    names = sorted({*_PACKAGES, *features.plan(profile).packages} - {*KERNELS.values()})
    brought[_NEEDS] = File("".join(f"{name}\n" for name in names))
    archive = archive_of(brought)
    become = (files("gwimage.seed") / "stock" / "become").read_text(encoding="utf-8")
    digest = hashlib.sha256(archive + become.encode()).hexdigest()
    told = {
        "hostname": profile.system.hostname,
        "users": [],
        "disable_root": True,
        "ssh_pwauth": False,
        **_SETTINGS,
        "package_update": False,
        "package_upgrade": False,
        "bootcmd": [_ANEW],
        "write_files": [
            {"path": _BECOME, "permissions": "0755", "content": become},
            {"path": _ARCHIVE, "permissions": "0600", "encoding": "b64", "content": base64.b64encode(archive).decode()},
            {"path": _SUM, "permissions": "0600", "content": f"{hashlib.sha256(archive).hexdigest()}  {_ARCHIVE}\n"},
        ],
    }
    what = f"The gateway {profile.system.hostname} for a stock Debian 13 cloud image, by gwimage; --explain shows its files."
    head = f"#cloud-config\n# {what}\n"
    identity = {
        # another one for each content, so that what cloud-init does once is done for each
        "meta-data": File(f"instance-id: {profile.name}-{digest[:16]}\nlocal-hostname: {profile.system.hostname}\n"),
        "user-data": File(head + yaml.dump(told, Dumper=_Dumper, sort_keys=False, width=10**6), mode=0o600),
        "network-config": File(yaml.safe_dump(_way_out(profile.wans[0]), sort_keys=False)),
    }
    return replace(seed, base="", changed=brought, gone=(), identity=identity)


def next_boot(seed: Seed) -> str:
    """What the first boot will do with a complete seed."""
    return (
        f"the first boot installs what is missing, writes {len(seed.changed)} files and starts the machine anew; one that was made before"
        " also loses what an earlier seed brought"
    )


def _way_out(wan: Wan) -> dict:
    """netplan's version 2, for the first boot alone: only the preferred WAN is up then."""
    card = wan.link.cards[0]
    settings: dict
    match wan.ipv4:
        case DhcpAddress():
            settings = {"dhcp4": True}
        case StaticAddress(address, gateway):
            net = address.network
            while gateway not in net:  # a router outside of it: cloud-init's schema knows no `on-link`
                net = net.supernet()
            settings = {
                "addresses": [f"{address.ip}/{net.prefixlen}"],
                "routes": [{"to": "0.0.0.0/0", "via": str(gateway)}],
                "nameservers": {"addresses": list(map(str, wan.dns)) or PUBLIC_RESOLVERS.split()},
            }
    if wan.link.cloned_mac:
        settings["macaddress"] = wan.link.cloned_mac
    match = {"macaddress": card.mac} if card.mac else {"name": f"en*s{18 + card.slot}"}
    if not wan.link.vlan:
        return {"version": 2, "ethernets": {"wan": {"match": match, **settings}}}
    vlan = {"id": wan.link.vlan, "link": "card", **settings}
    return {"version": 2, "ethernets": {"card": {"match": match}}, "vlans": {"wan": vlan}}


class _Dumper(yaml.SafeDumper):
    """Files as blocks, as a person would write them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
