"""Image settings: kernel, extra Debian packages, state partition size, and seed source."""

from gwimage.plan import File, Plan, cloud_init
from gwimage.problem import Path, Problem
from gwimage.profile import Profile
from gwimage.profile.image import LARGEST, SMALLEST

PATH = ("image", "packages")
SEED = "etc/gwimage/seed.kind"  # the initrd reads it
KERNELS = {"cloud": "linux-image-cloud-amd64", "generic": "linux-image-amd64"}

# packages in every image; a test compares this with gwimage/image/mkosi.conf
PRESENT = frozenset(
    "busybox-static dbus-broker e2fsprogs grub-pc-bin iproute2 iputils-ping kmod login nftables openssh-server"
    " qemu-guest-agent sudo systemd systemd-boot-efi systemd-resolved systemd-sysv"
    " tiny-initramfs tzdata udev".split()
)
# packages that would override settings of the profile: reason, alternative, names
RIVALS = (
    (
        "would configure the networks beside systemd-networkd",
        "declare them in wans and lans",
        "ifupdown ifupdown2 ifupdown-ng network-manager netplan.io netplan-generator connman dhcpcd dhcpcd5 wicd",
    ),
    ("has to be told what to leave alone", "choose image.seed: cloud-init, which is the default", "cloud-init"),
    (
        "would answer DHCP or DNS beside the gateway's own servers",
        "declare it in lans.NAME.dhcp and dns",
        "dnsmasq isc-dhcp-server kea kea-dhcp4-server kea-dhcp6-server udhcpd bind9 pdns-recursor pdns-server"
        " unbound knot-resolver radvd",
    ),
    (
        "would write /etc/resolv.conf beside systemd-resolved",
        "name DNS servers in wans.NAME.dns",
        "resolvconf openresolv",
    ),
    (
        "would write firewall rules beside gwimage's",
        "declare them in firewall",
        "ufw firewalld iptables-persistent netfilter-persistent shorewall shorewall6 ferm arno-iptables-firewall"
        " docker.io libvirt-daemon-system lxd",
    ),
    (
        "would keep the clock beside the gateway's own service",
        "declare what the clock should do in system.ntp and services.ntp",
        "chrony systemd-timesyncd ntp ntpsec openntpd",
    ),
    (
        "would build an initrd of its own",
        "leave it out: the image has a small one",
        "initramfs-tools initramfs-tools-core dracut",
    ),
)
REASONS = {name: (reason, hint) for reason, hint, names in RIVALS for name in names.split()}


def check(profile: Profile) -> list[Problem]:
    problems = []
    if not SMALLEST <= profile.image.state_size <= LARGEST:
        problems.append(Problem(("image", "state_size"), "the state partition has 64M to 64G", "64M to 1G is usual"))
    seen: set[str] = set()
    for index, name in enumerate(profile.image.packages):
        problems += _package((*PATH, index), name, seen)
        seen.add(name)
    return problems


def _package(path: Path, name: str, seen: set[str]) -> list[Problem]:
    if name.startswith("linux-image-"):
        return [Problem(path, "an image has one kernel", "choose it with image.kernel")]
    if name in REASONS:
        reason, hint = REASONS[name]
        return [Problem(path, f"{name} {reason}", hint)]
    if name in PRESENT or name in seen:
        why = "in every image anyway" if name in PRESENT else "in this list already"
        return [Problem(path, f"{name} is {why}", "leave it out", "warning")]
    return []


def plan(profile: Profile) -> Plan:
    image = profile.image
    found = Plan(packages=(KERNELS[image.kernel], *image.packages), files=((SEED, File(f"{image.seed}\n")),))
    return found + cloud_init.plan(profile.system.admin) if image.seed == "cloud-init" else found
