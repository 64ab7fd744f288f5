"""The mkosi definitions: the packages layer as it stands in gwimage/image/, and what one profile adds to it.

Emits only settings that mean the same in mkosi 25.3 and 27.1, and never a mirror.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from uuid import NAMESPACE_URL, uuid5

from gwimage.plan import File, Plan
from gwimage.profile import Profile

STATE = "mkosi.repart/40-state.conf"
# The cloud kernel has these built in, or cannot have them. Patterns as in mkosi.conf. crc32c by name: mkosi does not
# follow what erofs and ext4 want by an alias.
GENERIC_MODULES = (
    "^drivers/net/(ethernet|phy|mdio|pcs|ppp|slip|mii)",
    "^fs/ext4/",
    "^(crypto/crc32c_generic|arch/x86/crypto/crc32c-intel)",
)
# units and generators that a gateway has no use for
MASKED = (
    "usr/lib/systemd/system-generators/systemd-gpt-auto-generator",
    "usr/lib/systemd/system-generators/systemd-ssh-generator",
    "usr/lib/systemd/system/nftables.service",  # its stock rules begin with `flush ruleset`
    "usr/lib/systemd/system/systemd-networkd-wait-online.service",
)
LINKS = {f"mkosi.extra/etc/{path.removeprefix('usr/lib/')}": "/dev/null" for path in MASKED} | {
    "mkosi.extra/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
}


def render(profile: Profile, plan: Plan) -> dict[str, File]:
    """The tree that mkosi builds, without the configuration layer (`config/`)."""
    state = static()[STATE].text.replace("64M", f"{profile.image.state_size}M")
    return static() | {STATE: File(state), "mkosi.conf.d/10-profile.conf": File(_conf(profile, plan))}


def image_name(profile: Profile) -> str:
    """Stem of every file that a build makes: <name>_<version>_<arch>."""
    return f"{profile.name}_{profile.release}_amd64"


@cache
def static() -> dict[str, File]:
    """gwimage/image/ word for word; scripts are the files that begin with #!."""
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


def _conf(profile: Profile, plan: Plan) -> str:
    seed = uuid5(NAMESPACE_URL, f"gwimage:{profile.name}/{profile.release}")
    text = f"[Output]\nOutput={image_name(profile)}\n# partition UUIDs follow from it\nSeed={seed}\n\n[Content]\n"
    text += _list("Packages", sorted(set(plan.packages)))
    return text + (_list("KernelModulesInclude", GENERIC_MODULES) if profile.image.kernel == "generic" else "")


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key}=\n" + "".join(f"        {value}\n" for value in values)
