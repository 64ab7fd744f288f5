"""Checks the host for what the lab needs: commands, firmware, and the permission to create the sandbox."""

import os
import socket
from collections.abc import Callable

from gwimage.build import host
from gwimage.lab import netns, sandbox
from gwimage.lab.machine.q35 import firmware
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
_REMEDIES = {
    "unshare": "run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "user.max_user_namespaces above 0; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)",
    "mount": "run it as root, or in a container that may mount (CAP_SYS_ADMIN)",
    "tun": "run it as root, or `chmod 0666 /dev/net/tun`",
    "no tun": "`modprobe tun`, or give the container /dev/net/tun",
    "ip": "the kernel must have bridge, veth and tun (`modprobe -a bridge veth tun`)",
}


def missing(machine: str) -> list[str]:
    """Reasons why the lab cannot run on this host, each with a remedy; empty if it can. Takes about 0.3 s."""
    found = [f"install the Debian package {package}" for package in host.lacking(COMMANDS)]
    if machine == "q35":
        try:
            firmware()
        except ToolError as error:
            found.append(error.stderr)
    return found or _tun_problem() or _sandbox_problem(_try_taps)


def missing_for_namespaces() -> list[str]:
    """As `missing`, for a gateway in a namespace."""
    commands = {name: package for name, package in COMMANDS.items() if not name.startswith(_FOR_MACHINES)}
    return [f"install the Debian package {package}" for package in host.lacking(commands)] or _sandbox_problem(_try)


def _tun_problem() -> list[str]:
    if not os.path.exists("/dev/net/tun"):
        return [f"there is no /dev/net/tun: {_REMEDIES['no tun']}"]
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return [f"/dev/net/tun is closed to this user: {_REMEDIES['tun']}"]
    return []


def _sandbox_problem(attempt: Callable[[sandbox.Say], None]) -> list[str]:
    """Creates a sandbox and runs `attempt` in it, since only trying gives a reliable answer."""
    try:
        sandbox.call(attempt, say=lambda text: None)
    except ToolError as error:
        return [f"{' '.join(error.argv[:4])}: {error.stderr.strip()}: {_REMEDIES.get(error.argv[0], _REMEDIES['unshare'])}"]
    return []


def _try(say: sandbox.Say) -> None:
    netns.make("try")
    netns.ip("try", ["link add br0 type bridge", "link add v0 type veth peer name v1"])
    with netns.inside("try"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW):
        pass


def _try_taps(say: sandbox.Say) -> None:
    _try(say)
    netns.ip("try", ["tuntap add tap0 mode tap"])
