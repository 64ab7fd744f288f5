"""What the lab needs of the host: commands, firmware, and the right to make a private world."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from gwimage.build import host
from gwimage.lab import netns, sandbox
from gwimage.lab.machine import qemu
from gwimage.problem import ToolError

COMMANDS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ip": "iproute2",
    "tcpdump": "tcpdump",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "dnsmasq": "dnsmasq-base",
    "udhcpc": "udhcpc",
    "mkfs.ext4": "e2fsprogs",
    "wireguard-go": "wireguard-go",
}
_FOR_MACHINES = ("qemu", "wireguard")
_CURES = {
    "unshare": "run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "user.max_user_namespaces above 0; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)",
    "mount": "run it as root, or in a container that may mount (CAP_SYS_ADMIN)",
    "tun": "run it as root, or `chmod 0666 /dev/net/tun`",
    "no tun": "`modprobe tun`, or give the container /dev/net/tun",
    "ip": "the kernel must have bridge, veth and tun (`modprobe -a bridge veth tun`)",
}


def missing(machine: str) -> list[str]:
    """What stops the lab on this host, each with its cure; empty when it can run. About 0.3 s."""
    found = [f"install the Debian package {package}" for package in host.lacking(COMMANDS)]
    if machine == "q35":
        try:
            qemu.firmware()
        except ToolError as error:
            found.append(error.stderr)
    return found or _tun_problem() or _world_problem(_try_taps)


def missing_for_namespaces() -> list[str]:
    """As `missing`, for a gateway without a machine."""
    commands = {name: package for name, package in COMMANDS.items() if not name.startswith(_FOR_MACHINES)}
    return [f"install the Debian package {package}" for package in host.lacking(commands)] or _world_problem(_try)


def _tun_problem() -> list[str]:
    if not os.path.exists("/dev/net/tun"):
        return [f"there is no /dev/net/tun: {_CURES['no tun']}"]
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return [f"/dev/net/tun is closed to this user: {_CURES['tun']}"]
    return []


def _world_problem(attempt: Callable[[sandbox.Say], None]) -> list[str]:
    """The world itself is tried: that is the only answer that holds."""
    try:
        sandbox.call(attempt, say=lambda text: None)
    except ToolError as error:
        return [f"{' '.join(error.argv[:4])}: {error.stderr.strip()}: {_CURES.get(error.argv[0], _CURES['unshare'])}"]
    return []


def _try(say: sandbox.Say) -> None:
    netns.make("try")
    netns.ip("try", ["link add br0 type bridge", "link add v0 type veth peer name v1"])
    with netns.inside("try"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW):
        pass


def _try_taps(say: sandbox.Say) -> None:
    _try(say)
    netns.ip("try", ["tuntap add tap0 mode tap"])
