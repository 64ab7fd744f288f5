"""Chroot of Debian 13's own programs: compiled files in an overlay over the tools tree, like the image's layers.

Works only inside the private mount namespace of sandbox.py.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from gwimage.lab.netns import run, spawn

# folder to owner; PID 1 creates them for RuntimeDirectory= and StateDirectory= (systemd.exec(5))
_FOLDERS = {
    "run/systemd/netif": "systemd-network",
    "run/systemd/resolve": "systemd-resolve",
    "run/chrony": "_chrony",
    "var/lib/systemd/network": "systemd-network",
    "var/lib/chrony": "_chrony",
}
# fsconfig(2), which mount uses since util-linux 2.39, limits the list of layers to 256 bytes
_MOUNT2 = ("env", "LIBMOUNT_FORCE_MOUNT2=always")
_DEVICES = ("null", "zero", "random", "urandom")
_ENV = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_LOG_TARGET": "console-prefixed",
    "SYSTEMD_LOG_LEVEL": "info",
    "SYSTEMD_LOG_COLOR": "0",
}


@dataclass(frozen=True)
class Userland:
    """Root directory for the programs of the network namespace `name`."""

    name: str
    root: Path

    def argv(self, command: Sequence[str], env: Mapping[str, str] = {}) -> list[str]:
        """Command line that runs a program in the root, without the caller's environment."""
        variables = [f"{key}={value}" for key, value in (_ENV | dict(env)).items()]
        return ["chroot", str(self.root), "env", "-i", *variables, *command]

    def run(self, *command: str) -> str:
        """Runs a program; returns its standard output. Raises ToolError if it fails."""
        return run(["nsenter", f"--net=/run/netns/{self.name}", *self.argv(command)])

    def spawn(self, log: Path, *command: str, env: Mapping[str, str] = {}) -> Popen[bytes]:
        return spawn(self.name, self.argv(command, env), log)

    def remove(self) -> None:
        run(["umount", "--recursive", "--lazy", str(self.root.parent)])


def lay(name: str, tree: Path, layers: Sequence[Path], work: Path, kept: Path) -> Userland:
    """Mounts the root directory for the namespace `name`, which must exist: /sys shows its network devices.

    tree: the tools tree; layers: laid over it, the first on top; work: an empty folder; kept: the state volume, mounted
    on /var/lib/systemd/network.
    """
    run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(work)])
    for part in ("upper", "work", "root"):
        (work / part).mkdir()
    root = work / "root"
    lower = ":".join(map(str, [*layers, tree]))
    options = f"lowerdir={lower},upperdir={work}/upper,workdir={work}/work"
    run([*_MOUNT2, "mount", "-t", "overlay", "-o", options, "root", str(root)])
    for folder in ("run", "tmp", "dev"):
        run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root / folder)])
    for device in _DEVICES:
        (root / "dev" / device).touch()
        run(["mount", "--bind", f"/dev/{device}", str(root / "dev" / device)])
    run(["mount", "-t", "proc", "proc", str(root / "proc")])
    # read-only: networkd then does not wait for udev
    run(["nsenter", f"--net=/run/netns/{name}", "mount", "-t", "sysfs", "-o", "ro", "sys", str(root / "sys")])
    (root / "var/lib/systemd/network").mkdir(parents=True, exist_ok=True)
    run(["mount", "--bind", str(kept), str(root / "var/lib/systemd/network")])
    _users(root)
    return Userland(name, root)


def _users(root: Path) -> None:
    """Creates the programs' folders for their users.

    A user namespace has only root: there /etc/passwd maps all these users to it.
    """
    users = dict(re.findall(r"(?m)^([^:]+):[^:]*:(\d+:\d+):", (root / "etc/passwd").read_text()))
    alone = Path("/proc/self/setgroups").read_text().strip() == "deny"
    if alone:
        passwd = (root / "etc/passwd").read_text()
        (root / "etc/passwd").write_text(re.sub(r"(?m)^(systemd-\w+|_chrony):([^:]*):\d+:\d+:", r"\1:\2:0:0:", passwd))
    for folder, user in _FOLDERS.items():
        path = root / folder
        path.mkdir(parents=True, exist_ok=True)
        if not alone:
            os.chown(path, *map(int, users[user].split(":")))
