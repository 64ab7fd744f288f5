"""Seeds for a stock Debian 13 cloud image: the whole configuration is the difference to the base.

cloud-init writes an archive of the files to the disk, and the script `install-gateway` to its per-boot scripts, which installs
missing packages, unpacks the archive and reboots. The archive includes the parts of our packages layer that a gateway needs
(PARTS), but not those that make our image small and quick.
"""

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

LEAST_MEMORY = 512  # MiB: Debian's own for a system without desktop; `install-gateway` refuses less, too
IMAGE = "debian-13-genericcloud-amd64.qcow2"  # Debian's file name
_LAYER = "mkosi.extra/"  # of the mkosi definitions; LAYER is the configuration's prefix
_UNITS = "usr/lib/systemd/system"
PARTS = (
    "usr/lib/gwimage/as-declared",
    "usr/lib/gwimage/connections",
    "usr/lib/gwimage/leases",
    "usr/lib/gwimage/reservations",
    "usr/lib/sysctl.d/50-gwimage.conf",
    f"{_UNITS}/gwimage-as-declared.service",
    f"{_UNITS}/gwimage-firewall.service",
    f"{_UNITS}/gwimage-offload.service",
    f"{_UNITS}/gwimage-hostkey.service",
    f"{_UNITS}/gwimage-reservations.service",
    f"{_UNITS}/ssh.service.d/10-gwimage.conf",
    f"{_UNITS}/systemd-networkd.service.d/10-gwimage.conf",
    f"{_UNITS}/systemd-networkd.service.d/20-leases.conf",
    f"{_UNITS}/systemd-networkd.service.d/30-dns.conf",
    f"{_UNITS}/systemd-networkd.socket.d/10-gwimage.conf",
    "etc/resolv.conf",
)
_WANTED = "gwimage-as-declared.service"  # the packages layer's preset enables it
_ENABLED = (f"etc/systemd/system/multi-user.target.wants/{_WANTED}", File(link=f"/{_UNITS}/{_WANTED}"))
_SETTINGS = {"ssh_deletekeys": False, "manage_etc_hosts": False}
_CLOUD_INIT = ("etc/cloud/cloud.cfg.d/99-gwimage.cfg", File(yaml.safe_dump({"network": {"config": "disabled"}} | _SETTINGS)))
# missing in Debian's cloud images: the shell of our scripts (busybox), the firewall's program, Proxmox's guest agent
_PACKAGES = {"busybox-static", "nftables", "qemu-guest-agent"}
_NEEDS = "usr/lib/gwimage/packages"  # in the archive
_ARCHIVE, _SUM = "/usr/lib/gwimage/stock.tar", "/usr/lib/gwimage/stock.sum"
_INSTALL = "/var/lib/cloud/scripts/per-boot/gwimage"
# Runs at each boot before write_files, which otherwise runs once per instance: a power cut may have emptied the files that it
# wrote, `install-gateway` included.
_RERUN_WRITE_FILES = "rm -f /var/lib/cloud/instance/sem/config_write_files"


def for_stock_image(profile: Profile) -> Profile:
    """The profile with image.seed none: users, keys and passwords are then files of the archive, and are removed with them."""
    return replace(profile, image=replace(profile.image, seed="none"))


def check(profile: Profile) -> list[Problem]:
    """Problems of settings that a stock image cannot have."""
    problems = []
    if profile.vm.memory < LEAST_MEMORY:
        message = f"a stock image needs {LEAST_MEMORY} MiB to become a gateway: its package manager runs in it, and cloud-init"
        problems.append(Problem(("vm", "memory"), message, f"write {LEAST_MEMORY}, or build an image of your own"))
    if profile.image.kernel == "generic":
        hint = "take Debian's image `generic` instead of `genericcloud`"
        problems.append(Problem(("image", "kernel"), "a stock image keeps the kernel that it has", hint, "warning"))
    return problems


def base(wanted: Mapping[str, File]) -> dict[str, File]:
    """Compiled files that count as present in a stock image: the definitions (nothing is built), no configuration."""
    return {path: file for path, file in wanted.items() if not path.startswith(LAYER)}


def complete(seed: Seed, profile: Profile, wanted: Mapping[str, File]) -> Seed:
    """Adds the user-data that turns a stock image into the gateway; seed: the difference to `base`."""
    brought = {path: file for path, file in seed.changed.items() if path != SEED}
    brought |= {path: wanted[f"{_LAYER}{path}"] for path in PARTS} | dict([_ENABLED, _CLOUD_INIT])
    names = sorted({*_PACKAGES, *features.plan(profile).packages} - {*KERNELS.values()})
    brought[_NEEDS] = File("".join(f"{name}\n" for name in names))
    archive = archive_of(brought)
    script = (files("gwimage.seed") / "stock" / "install-gateway").read_text(encoding="utf-8")
    digest = hashlib.sha256(archive + script.encode()).hexdigest()
    user_data = {
        "hostname": profile.system.hostname,
        "users": [],
        "disable_root": True,
        "ssh_pwauth": False,
        **_SETTINGS,
        "package_update": False,
        "package_upgrade": False,
        "bootcmd": [_RERUN_WRITE_FILES],
        "write_files": [
            {"path": _INSTALL, "permissions": "0755", "content": script},
            {"path": _ARCHIVE, "permissions": "0600", "encoding": "b64", "content": base64.b64encode(archive).decode()},
            {"path": _SUM, "permissions": "0600", "content": f"{hashlib.sha256(archive).hexdigest()}  {_ARCHIVE}\n"},
        ],
    }
    what = f"The gateway {profile.system.hostname} for a stock Debian 13 cloud image, by gwimage; --explain shows its files."
    head = f"#cloud-config\n# {what}\n"
    identity = {
        # contains the digest, so that cloud-init repeats its once-per-instance work for new content
        "meta-data": File(f"instance-id: {profile.name}-{digest[:16]}\nlocal-hostname: {profile.system.hostname}\n"),
        "user-data": File(head + yaml.dump(user_data, Dumper=_Dumper, sort_keys=False, width=10**6), mode=0o600),
        "network-config": File(yaml.safe_dump(_wan_netplan(profile.wans[0]), sort_keys=False)),
    }
    return replace(seed, base="", changed=brought, gone=(), identity=identity)


def next_boot(seed: Seed) -> str:
    """What the first boot does with a complete seed, for people."""
    return (
        f"the first boot installs what is missing, writes {len(seed.changed)} files and starts the machine anew; one that was made before"
        " also loses what an earlier seed brought"
    )


def _wan_netplan(wan: Wan) -> dict:
    """Network configuration of the first boot (netplan version 2): the preferred WAN only."""
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
    """YAML dumper that writes texts of several lines as literal blocks, for readability."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
