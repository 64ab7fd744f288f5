"""Detects features that this host's kernel lacks, and removes them from compiled files."""

import re
from collections.abc import Mapping
from dataclasses import replace

from gwimage.lab.namespace.links import read
from gwimage.lab.netns import ip, make, run
from gwimage.plan import File
from gwimage.problem import ToolError

WIREGUARD, CAKE = "WireGuard", "CAKE"
_SECTION = re.compile(r"(?ms)^\[CAKE\]\n.*?(?=^\[|\Z)")


def lacks() -> frozenset[str]:
    """Which of WireGuard and CAKE this kernel lacks. Tried, since the kernel loads modules on demand."""
    make("try")
    tries = {
        WIREGUARD: lambda: ip("try", ["link add try type wireguard"]),
        CAKE: lambda: run(["nsenter", "--net=/run/netns/try", "tc", "qdisc", "add", "dev", "lo", "root", "cake"]),
    }
    found = set()
    for name, attempt in tries.items():
        try:
            attempt()
        except ToolError:
            found.add(name)
    run(["ip", "netns", "del", "try"])
    return frozenset(found)


def listening(files: Mapping[str, File]) -> tuple[int, ...]:
    """UDP ports of the WireGuard tunnels in the compiled files."""
    texts = [file.text for path, file in files.items() if path.endswith(".netdev")]
    settings = [setting for text in texts for setting in read(text)]
    return tuple(int(value) for section, key, value in settings if (section, key) == ("WireGuard", "ListenPort"))


def without(path: str, file: File, lacking: frozenset[str]) -> File | None:
    """Compiled file without features that a namespace lacks; None if nothing of it remains.

    VLANs are removed: each is a veth pair of its own here (links.py), since not every host's kernel has VLANs.
    """
    if path.endswith(".netdev"):
        kind = next((value for section, key, value in read(file.text) if (section, key) == ("NetDev", "Kind")), "")
        return None if kind == "vlan" or (kind == "wireguard" and WIREGUARD in lacking) else file
    if path.endswith(".network"):
        text = re.sub(r"(?m)^VLAN=.*\n", "", file.text)
        return replace(file, text=_SECTION.sub("", text) if CAKE in lacking else text)
    return file
