"""Debian 13's own networkd as the DHCP server of a LAN, in network namespaces, with restarts.

Only the LAN, without a firewall: the gateway's card in "gw", and hosts on the same bridge in "hv".
Runs inside a world of its own (gwimage.lab.sandbox).
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import gwimage
from gwimage import compiler
from gwimage.compiler import output_tree
from gwimage.lab.netns import ip, make
from gwimage.lab.wait import wait_for
from gwimage.language import source
from gwimage.problem import ToolError
from tests.support import debian_oracle

PROGRAMS = Path(gwimage.__file__).parent / "image/mkosi.extra/usr/lib/gwimage"
SCRIPT = PROGRAMS / "leases"
KEPT = "var/lib/systemd/network/dhcp-server-lease"
STORAGE = r"""
mount -t tmpfs -o mode=0755 tmpfs "$TREE/var/lib/systemd"
mkdir "$TREE/var/lib/systemd/network"
chroot "$TREE" chown systemd-network: /var/lib/systemd/network
"""


@dataclass
class Server:
    """A server over several boots, with leases `cured` in between and while it runs as in the image; `log` is networkd's."""

    tree: Path
    lan: str = "lan"
    work: Path = Path("/run/written")
    log: Path = Path("/run/networkd.log")
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    curing: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def prepare(self, bridge: str) -> None:
        """Creates the gateway's card on a bridge of the namespace "hv", and the folders of a boot."""
        plug("gw", self.lan, bridge)
        (self.work / "config/etc/systemd").mkdir(parents=True)
        self._within("sh", "-c", debian_oracle.ENTER + STORAGE)

    def start(self, files: dict, cured: bool = True, serves: bool = True) -> list[str]:
        """Boots the server; returns, once it serves, the image's messages about the leases before networkd starts."""
        shutil.rmtree(self.work)
        output_tree.write(files, str(self.work))
        for file in self.work.glob("config/etc/systemd/network/*.link"):
            file.unlink()
        shutil.rmtree(self.tree / "etc/systemd/network", ignore_errors=True)
        shutil.copytree(self.work / "config/etc/systemd/network", self.tree / "etc/systemd/network")
        said = self._within("chroot", str(self.tree), "sh", "-s", stdin=SCRIPT.read_text()) if cured else ""
        with self.log.open("wb") as log:
            argv = ["nsenter", "--net=/run/netns/gw", "chroot", str(self.tree), "/usr/lib/systemd/systemd-networkd"]
            self.process = subprocess.Popen(argv, env=self._env(), stdout=log, stderr=log)
        if cured:
            argv = ["nsenter", "--net=/run/netns/gw", "chroot", "--userspec=systemd-network:systemd-network", str(self.tree)]
            with (PROGRAMS / "reservations").open("rb") as program:
                self.curing = subprocess.Popen([*argv, "perl", "-"], env=self._env(), stdin=program)
        self._wait("Started.")
        self._within("chroot", str(self.tree), "networkctl", "persistent-storage", "yes")
        if serves:
            self._wait("Offering DHCPv4 leases")
        return said.splitlines()

    def stop(self) -> None:
        for process in filter(None, (self.curing, self.process)):
            process.terminate()
            process.wait()
        self.curing = None

    @property
    def kept(self) -> Path:
        return self.tree / KEPT / self.lan

    def _wait(self, words: str) -> None:
        if not wait_for(lambda: words in self.log.read_text(), 15, lambda: self.process.poll() is None):
            raise ToolError(["systemd-networkd"], 1, self.log.read_text()[-3000:])

    def _env(self) -> dict[str, str]:
        names = {"TREE": str(self.tree), "CONFIG": str(self.work / "config")}
        return os.environ | names | {"SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console", "SYSTEMD_LOG_COLOR": "0"}

    def _within(self, *argv: str, stdin: str = "") -> str:
        argv = ("nsenter", "--net=/run/netns/gw", *argv)
        done = subprocess.run(argv, env=self._env(), input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolError(argv, done.returncode, done.stderr)
        return done.stdout + done.stderr


def plug(name: str, link: str, bridge: str) -> None:
    """Creates a namespace with a card on a bridge."""
    make(name)
    ip("hv", [f"link add e-{name} type veth peer name {link} netns {name}", f"link set e-{name} master {bridge} up"])
    ip(name, [f"link set {link} addrgenmode none up"])


def cable() -> str:
    """Creates a bridge, for tests without a lab."""
    make("hv")
    ip("hv", ["link add br0 type bridge", "link set br0 up"])
    return "br0"


def compiled(text: str) -> dict:
    files, problems = compiler.compile(source.parse(text, "p.yaml"))
    assert files, problems
    return files
