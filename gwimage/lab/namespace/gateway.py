"""Gateway in a network namespace: Debian 13's own programs run on the compiled files. No machine, no image.

Has the interface of lab/machine/gateway.py, so that the same verification asks the same claims, except those that need a
machine or another kernel (verify/fast.py).
"""

import base64
import re
import shutil
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from gwimage.compiler import output_tree
from gwimage.lab import sockets
from gwimage.lab.hosts import Hosts
from gwimage.lab.hosts.echo_servers import send_back
from gwimage.lab.machine import guest
from gwimage.lab.machine.guest import LISTENER, SECRET_NAME, Findings
from gwimage.lab.namespace import chroot, host_kernel, links
from gwimage.lab.namespace.chroot import Userland
from gwimage.lab.netns import inside, ip, make, run
from gwimage.lab.packets import dns
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.wait import wait_for
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.values.lab_host import ISP
from gwimage.values.ports import SSH

NAME = "gw"
_AS_NETWORKD = ("setpriv", "--reuid=systemd-network", "--regid=systemd-network", "--clear-groups")
PROGRAMS = {
    "systemd-networkd": ("/usr/lib/systemd/systemd-networkd",),
    "systemd-resolved": ("/usr/lib/systemd/systemd-resolved",),
    "chronyd": ("chronyd", "-d", "-x", "-f", "/etc/chrony/chrony.conf"),  # -x: the clock is the host's
    "reservations": (*_AS_NETWORKD, "/usr/lib/gwimage/reservations"),
}
SYSCTLS = "/usr/lib/sysctl.d/50-gwimage.conf"
RULES = "/etc/nftables/gwimage.nft"
_NETWORK = "config/etc/systemd/network/"
_WANTS = "config/etc/systemd/system/multi-user.target.wants"
_SSHD = f"{_WANTS}/ssh.service"
_OPTIONAL = {"chronyd": f"{_WANTS}/chrony.service", "reservations": f"{_WANTS}/gwimage-reservations.service"}
_MACHINE_ID = "9f5a" * 8  # networkd derives routes from router advertisements with it, and accepts none without
# networkd's complaints without systemd as PID 1, and in a user namespace
_ALLOWED = re.compile(r": Failed to (get cgroup path|increase receive buffer size for [a-z ]+ socket), ignoring: ")
# sysctls set to 0 as in a fresh machine: a namespace inherits them from the host
_FRESH = (
    "ip_forward",
    *(
        f"conf/{which}/{key}"
        for which in ("all", "default")
        for key in (
            "rp_filter",
            "arp_ignore",
            "arp_announce",
            "arp_filter",
            "proxy_arp",
            "accept_local",
            "route_localnet",
            "forwarding",
        )
    ),
)


@dataclass
class NamespaceGateway:
    """Gateway in a namespace.

    files: the compiled files; tree: the tools tree; keys: credentials that a hypervisor would pass, base64.
    patience: seconds to come up; late: seconds that an answer may still take after that.
    """

    hosts: Hosts
    files: Mapping[str, File]
    tree: Path
    keys: Mapping[str, str] = field(default_factory=dict)
    patience: float = 15
    late: float = 12  # networkd repeats a lost DHCPDISCOVER after 4 s, then after 8 s
    ports: Sequence[int] = ALL_PORTS
    tries: int = 1
    emulated: bool = False
    concurrent: bool = True
    started: float = 0
    ready_at: float = 0
    refused: str = ""
    _userland: Userland | None = field(default=None, repr=False)
    _programs: dict[str, Popen[bytes]] = field(default_factory=dict, repr=False)
    _control: bool = False
    _tunnels: tuple[int, ...] = ()
    _ends: list[str] = field(default_factory=list, repr=False)
    _listeners: list[socket.socket] = field(default_factory=list, repr=False)

    def prepare(self) -> None:
        """Writes the files to the disk, without those that this kernel or a namespace does not support."""
        lacking = host_kernel.lacks()
        self._tunnels = host_kernel.listening(self.files) if host_kernel.WIREGUARD in lacking else ()
        files = {path: host_kernel.without(path, file, lacking) for path, file in self.files.items()}
        output_tree.write({path: file for path, file in files.items() if file}, str(self._dir / "files"))
        for folder in ("root", "state"):
            (self._dir / folder).mkdir()
        # wait for the ISP: this gateway is up sooner, and networkd repeats its DHCPDISCOVER only after 4 s
        isp = self.hosts.topology.wans[0].isp.ip
        dns.resolve(ISP.name, isp, SECRET_NAME, tries=200, wait=0.05)

    def start(self, control: bool) -> None:
        self.started, self.ready_at, self._control = time.time(), 0, control
        make(NAME)
        socket.sethostname(self.files["config/etc/hostname"].text.strip())
        with inside(NAME):
            for key in _FRESH:
                Path("/proc/sys/net/ipv4", key).write_text("0")
        layers = [self._dir / "files/config", self._dir / "files/mkosi.extra"]
        self._userland = chroot.lay(NAME, self.tree, layers, self._dir / "root", self._dir / "state")
        (self._userland.root / "etc/machine-id").write_text(f"{_MACHINE_ID}\n")
        self._userland.run("/usr/lib/systemd/systemd-sysctl", SYSCTLS)
        self._plug()
        self._listen()
        if not control:
            try:
                self._userland.run("nft", "-f", RULES)
            except ToolError as error:  # as networkd's unit does: without firewall no network
                self.refused = error.stderr
                return
        self._run_programs()

    def alive(self) -> bool:
        return bool(self._programs) and all(program.poll() is None for program in self._programs.values())

    def ready(self) -> bool:
        return self.ready_at > 0

    def findings(self) -> Findings | None:
        """Complaints of the programs; units and memory are empty, since a namespace has neither."""
        if self.refused:
            return None
        # not in the control boot: it is looked at before IPv6 addresses are usable, and resolved would complain
        resolves = "" if self._control else self._resolves()
        return Findings("running", (), tuple(self._complaints()), "", (), "", "", "a namespace", 0, 0, resolves)

    def _resolves(self) -> str:
        try:
            return self._userland.run("getent", "ahostsv4", SECRET_NAME).partition(" ")[0]
        except ToolError:  # the name does not exist
            return ""

    def sockets(self) -> sockets.Sockets | None:
        if self.refused:
            return None
        return sockets.read(
            {name: run(["nsenter", f"--net=/run/netns/{NAME}", *argv]) for name, argv in sockets.COMMANDS.items()}
        )

    def open_up(self) -> bool:
        with inside(NAME):
            sockets.trust()
        for family in ("ip", "ip6"):
            with suppress(ToolError):  # the table exists only with masquerade
                self._userland.run("nft", "delete", "table", family, "io.systemd.nat")
        return True

    def stop(self) -> str:
        """Stops the programs and removes the namespace. Returns "": there is no power button to report on."""
        for program in self._programs.values():
            program.terminate()
        for program in self._programs.values():
            try:
                program.wait(5)
            except TimeoutExpired:
                program.kill()
                program.wait()
        self._programs.clear()
        for listener in self._listeners:
            with suppress(OSError):  # a thread blocked in recvfrom would keep the namespace alive
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners.clear()
        self._userland.remove()
        ip("hv", [f"link del {end}" for end in self._ends])  # removed explicitly: with the namespace the kernel does it late
        self._ends.clear()
        run(["ip", "netns", "del", NAME])
        return ""

    cut = stop

    def agent_answers(self) -> None:
        return None

    def shut_down(self) -> str:
        return ""

    def complaints(self) -> list[str]:
        """Warnings and errors that a machine's journal would contain, over both boots."""
        return [self.refused.strip()] if self.refused else self._complaints()

    @property
    def _dir(self) -> Path:
        return self.hosts.dir

    def _plug(self) -> None:
        texts = {path.removeprefix(_NETWORK): file.text for path, file in self.files.items() if path.startswith(_NETWORK)}
        for number, cable in enumerate(links.cables(texts, self.hosts.topology.cards)):
            end = f"gw{number}"
            self._ends.append(end)
            ip("hv", [f"link add {end} type veth peer name {cable.link} address {cable.mac} netns {NAME}"])
            master = f" master {cable.bridge}" if cable.bridge else ""
            ip("hv", [f"link set {end} addrgenmode none{master} up"])

    def _listen(self) -> None:
        """Opens listeners: LISTENER, which scans must not reach, and SSH in place of sshd if the profile enables it.

        A silent UDP socket stands in for each WireGuard tunnel that this kernel does not support.
        """
        with inside(NAME):
            for port in (LISTENER, *([SSH] if _SSHD in self.files else [])):
                self._listeners.append(socket.create_server(("", port), backlog=64))
                self._listeners.append(socket.create_server(("::", port), family=socket.AF_INET6, backlog=64))
            for port in (LISTENER, *self._tunnels):
                self._listeners.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                self._listeners[-1].bind(("", port))
                if port == LISTENER:
                    threading.Thread(target=send_back, args=(self._listeners[-1],), daemon=True).start()

    def _run_programs(self) -> None:
        userland, folder = self._userland, "/run/credentials/networkd"
        (userland.root / folder[1:]).mkdir(parents=True)
        for name, value in self.keys.items():
            (userland.root / folder[1:] / name).write_bytes(base64.b64decode(value))
        for key in (userland.root / "etc/credstore").glob("network.*"):
            shutil.copy(key, userland.root / folder[1:])
        run(["chown", "-R", "--reference", str(userland.root / "run/systemd/netif"), str(userland.root / folder[1:])])
        for name, command in PROGRAMS.items():
            if name not in _OPTIONAL or _OPTIONAL[name] in self.files:
                env = {"CREDENTIALS_DIRECTORY": folder} if name == "systemd-networkd" else {}
                self._programs[name] = userland.spawn(self._log(name), *command, env=env)
        if wait_for((userland.root / "run/systemd/netif/io.systemd.Network").exists, self.patience, self.alive):
            userland.run("networkctl", "persistent-storage", "yes")  # as systemd-networkd-persistent-storage.service does
            self.ready_at = time.time()

    def _log(self, name: str) -> Path:
        return self._dir / f"{name}.log"

    def _complaints(self) -> list[str]:
        """Log lines of the programs of priority warning or worse, in the form of a machine's journal, each once."""
        found = {}
        for log in (self._log(name) for name in PROGRAMS if self._log(name).exists()):
            for number, text in re.findall(r"(?m)^<(\d+)>(.*)", log.read_text(errors="replace")):
                level = int(number) % 8  # the rest is the facility (syslog(3))
                said = f"{log.stem}.{guest.PRIORITIES[level]}: {text}" if level < len(guest.PRIORITIES) else ""
                if said and not guest.allowed(said) and not _ALLOWED.search(said):
                    found[said] = None
        return list(found)
