"""What a namespace on this host cannot have, and the compiled files without it."""

from __future__ import annotations

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
    """Which of WireGuard and CAKE this kernel does not have. Tried, since a module may come when it is asked for."""
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
    """The UDP ports of the tunnels."""
    texts = [file.text for path, file in files.items() if path.endswith(".netdev")]
    settings = [setting for text in texts for setting in read(text)]
    return tuple(int(value) for section, key, value in settings if (section, key) == ("WireGuard", "ListenPort"))


def without(path: str, file: File, lacking: frozenset[str]) -> File | None:
    """A compiled file as a namespace can follow it, or None if it cannot at all.

    A VLAN is a cable of its own here (cards.py): the kernel's cannot be counted on.
    """
    if path.endswith(".netdev"):
        kind = next((value for section, key, value in read(file.text) if (section, key) == ("NetDev", "Kind")), "")
        return None if kind == "vlan" or (kind == "wireguard" and WIREGUARD in lacking) else file
    if path.endswith(".network"):
        text = re.sub(r"(?m)^VLAN=.*\n", "", file.text)
        return replace(file, text=_SECTION.sub("", text) if CAKE in lacking else text)
    return file
