"""mkosi definitions: the packages layer from gwimage/image/, and what the profile adds to it.

Must emit only settings that mean the same in mkosi 25.3 and 27.1, and never a mirror.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from uuid import NAMESPACE_URL, UUID, uuid5

from gwimage.features.image import PRESENT
from gwimage.plan import File, Plan
from gwimage.profile import Profile

STATE = "mkosi.repart/40-state.conf"
NAME = "mkosi.conf.d/20-name.conf"  # the only definition that does not change partition UUIDs
# Only for the generic kernel: the cloud kernel has these built in, or lacks them. Patterns as in mkosi.conf. crc32c is named
# because mkosi does not follow the alias by which erofs and ext4 depend on it.
GENERIC_MODULES = (
    "^drivers/net/(ethernet|phy|mdio|pcs|ppp|slip|mii)",
    "^fs/ext4/",
    "^(crypto/crc32c_generic|arch/x86/crypto/crc32c-intel)",
)
# Units and generators that a gateway does not need: each adds to the time of every boot (docs/lean.md).
MASKED_GENERATORS = ("fstab", "gpt-auto", "hibernate-resume", "rc-local", "run", "ssh", "system-update", "sysv", "tpm2")
MASKED_UNITS = (
    "nftables.service",  # its stock rules begin with `flush ruleset`
    "systemd-networkd-wait-online.service",
    # not needed: mkosi built the linker cache and the users, and what the others write would not survive the boot
    "ldconfig.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-machine-id-commit.service",
    "systemd-random-seed.service",
    "systemd-update-done.service",
    # the initrd mounts all file systems, and a gateway does not hibernate
    "systemd-hibernate-clear.service",
    "systemd-remount-fs.service",
    # file systems that nothing uses
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "modprobe@drm.service",
    "systemd-creds.socket",
    "systemd-initctl.socket",  # no graphics, no System V init
    "run-lock.mount",
    "tmp.mount",  # both directories are in memory already
    # no TPM, no system extensions, no encrypted disks
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-pcrextend.socket",
    "systemd-pcrlock.socket",
    "systemd-pcrmachine.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-sysext.socket",
    "systemd-tpm2-setup-early.service",
    "systemd-tpm2-setup.service",
    # network and udev are configured by the profile alone, never by the kernel command line or a credential
    "systemd-network-generator.service",
    "systemd-udev-load-credentials.service",
    # usr/lib/gwimage/coldplug creates the one device node that the kernel does not
    "kmod-static-nodes.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-networkd-persistent-storage.service",  # systemd-networkd.service.d/20-leases.conf tells networkd itself
)
MASKED = (
    *(f"systemd/system-generators/systemd-{name}-generator" for name in MASKED_GENERATORS),
    "systemd/system-generators/cloud-init-generator",  # replaced by gwimage-cloud-init.service
    *(f"systemd/system/{name}" for name in MASKED_UNITS),
)
LINKS = {f"mkosi.extra/etc/{path}": "/dev/null" for path in MASKED} | {
    "mkosi.extra/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
}


def render(profile: Profile, plan: Plan) -> dict[str, File]:
    """The tree of mkosi definitions, without the configuration layer (`config/`)."""
    state = static()[STATE].text.replace("64M", f"{profile.image.state_size}M")
    content = _content(profile, plan)
    seed = _seed(static() | {STATE: File(state), "": File(content)})
    conf = (
        f"[Output]\n# partition UUIDs follow from it, and it from all other definitions but the name\nSeed={seed}\n\n{content}"
    )
    return static() | {
        STATE: File(state),
        "mkosi.conf.d/10-profile.conf": File(conf),
        NAME: File(f"[Output]\nOutput={image_name(profile)}\n"),
    }


def image_name(profile: Profile) -> str:
    """Stem of every file that a build makes: <name>_<version>_<arch>."""
    return f"{profile.name}_{profile.release}_amd64"


@cache
def static() -> dict[str, File]:
    """Files of gwimage/image/ unchanged, plus masking links; files that begin with #! are executable."""
    found = {link: File(link=target) for link, target in LINKS.items()}
    folders = [("", files("gwimage") / "image")]
    while folders:
        prefix, folder = folders.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                folders.append((f"{prefix}{entry.name}/", entry))
            else:
                text = entry.read_text(encoding="utf-8")
                found[f"{prefix}{entry.name}"] = File(text, mode=0o755 if text.startswith("#!") else 0o644)
    return found


def _seed(definitions: dict[str, File]) -> UUID:
    """The mkosi Seed= for partition UUIDs; equal for profiles whose images differ only in the configuration layer."""
    parts = [f"{path}\0{file.mode:o}\0{file.link}\0{file.text}\0" for path, file in sorted(definitions.items())]
    return uuid5(NAMESPACE_URL, f"gwimage:{''.join(parts)}")


def _content(profile: Profile, plan: Plan) -> str:
    text = "[Content]\n" + _list("Packages", sorted(set(plan.packages) - PRESENT))
    return text + (_list("KernelModulesInclude", GENERIC_MODULES) if profile.image.kernel == "generic" else "")


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key}=\n" + "".join(f"        {value}\n" for value in values)
