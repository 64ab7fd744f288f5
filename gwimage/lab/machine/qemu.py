"""The virtual machine: Proxmox's PCI layout, an overlay over the image, a clean stop.

The image file is never written. Runs inside the world (taps, sockets in /run); knows nothing of the gateway's
functions.
"""

import dataclasses
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from gwimage.lab.machine import agent
from gwimage.lab.machine.processor import processor
from gwimage.lab.machine.q35 import BRIDGES, firmware
from gwimage.lab.netns import ip, run, spawn
from gwimage.lab.topology import Card
from gwimage.problem import ToolError

_RUN = Path("/run")  # private to the world; short, since socket paths have at most 107 bytes
_AGENT = _RUN / "agent"


@dataclass(frozen=True)
class SeedDisk:
    """A NoCloud volume on the SCSI bus, as a CD or as a disk."""

    file: Path
    disk: bool = False


@dataclass(frozen=True)
class Shape:
    """The machine to boot on. `machine`: pc (SeaBIOS) or q35 (OVMF); `memory` in MiB; a blank second disk or none.

    clock: the real-time clock at power-on, as QEMU's -rtc base= takes it; the host's time if empty.
    write_log: writes to the second disk are logged to state.writes too, in order (see faults/writes.py).
    uuid: of the machine, as SMBIOS shows it; of zeros if empty.
    counted: Machine.instructions() tells how many the guest has run; emulation alone can, and its clock then is that number.
    more: further arguments of QEMU's.
    """

    machine: str = "pc"
    memory: int = 512
    cores: int = 2
    state_disk: bool = True
    clock: str = ""
    write_log: bool = False
    counted: bool = False
    seeds: tuple[SeedDisk, ...] = ()
    uuid: str = ""
    more: tuple[str, ...] = ()


@dataclass
class Machine:
    """One virtual machine on the segments of the lab; may be started again after a stop."""

    image: Path
    shape: Shape
    cards: Sequence[Card]
    dir: Path
    accel: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    _qmp: socket.socket | None = field(default=None, repr=False)
    _said: TextIO | None = field(default=None, repr=False)
    _asked: int = 0
    _ordered: Shape = Shape()
    _switches: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def prepare(self) -> None:
        """Creates disks, firmware variables, taps, and a switch for each card with tagged networks."""
        self._ordered = self.shape
        self.new_disks()
        if self.shape.machine == "q35":
            shutil.copyfile(firmware()[1], self.dir / "vars.fd")
        for card in self.cards:
            ip(
                "hv",
                [
                    line
                    for segment in card.segments
                    for line in (
                        f"tuntap add {segment.tap} mode tap",
                        f"link set {segment.tap} master {segment.bridge} txqueuelen 2000 up",
                    )
                ],
            )
            if card.tagged:
                ports = [f"{segment.tap}={segment.vlan}" for segment in card.segments]
                argv = [sys.executable, "-m", "gwimage.lab.machine.vlan_switch", str(_switch(card)), str(_cable(card)), *ports]
                self._switches.append(spawn("hv", argv, self.dir / f"switch-{card.slot}.log"))

    def new_disks(self) -> None:
        """Creates a fresh overlay over the image, and a blank state disk."""
        run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self.image.resolve())]
            + ["-F", image_format(self.image), str(self.dir / "os.qcow2")]
        )
        run(["qemu-img", "create", "-q", "-f", "raw", str(self.dir / "state.raw"), "64M"])

    def renew(self) -> None:
        """Restores the machine as it was ordered: new disks, its shape, and the log of the state disk."""
        self.new_disks()
        self.shape = dataclasses.replace(self._ordered, write_log=self._ordered.state_disk)

    def start(self, credentials: dict[str, str]) -> None:
        """Powers on, with system credentials by SMBIOS (values are base64)."""
        for switch in self._switches:  # a fault of the lab must not look like one of the gateway
            if switch.poll() is not None:
                raise ToolError(switch.args, switch.returncode, "the switch died; its log says why")
        for name in ("qmp", "port", _AGENT.name):
            (_RUN / name).unlink(missing_ok=True)
        argv = command(self.shape, self.cards, self.dir, self.accel, credentials)
        self.started = time.time()
        self.process = spawn("hv", argv, self.dir / "qemu.log")
        self._qmp = self._connect("qmp")
        self._said = self._qmp.makefile()
        self._order("qmp_capabilities")

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def port(self) -> socket.socket:
        """The guest's virtio port, for the lab."""
        return self._connect("port")

    def stop(self, wait: float) -> str:
        """Presses the power button as Proxmox does without an agent; cuts the power after `wait` seconds."""
        if not self.alive():
            return "was off"
        self._order("system_powerdown")
        return self._off(wait)

    def agent_answers(self, wait: float) -> bool:
        return agent.ping(_AGENT, wait)

    def shut_down(self, wait: float) -> str:
        """Orders the guest agent to shut down, as Proxmox does; cuts the power after `wait` seconds."""
        if not self.alive():
            return "was off"
        return self._off(wait if agent.shut_down(_AGENT, wait / 3) else 0)

    def _off(self, wait: float) -> str:
        try:
            self.process.wait(wait)
            return "clean"
        except subprocess.TimeoutExpired:
            self._order("quit")
            self.process.wait(10)
            return "plug pulled"
        finally:
            self._qmp.close()

    def plug(self, slot: int, there: bool) -> None:
        """Plugs or unplugs the cable of a card."""
        self._order("set_link", name=f"net{slot}", up=there)

    def freeze(self) -> None:
        """Pauses the guest and its clock until thaw()."""
        self._order("stop")

    def thaw(self) -> None:
        self._order("cont")

    def instructions(self) -> int:
        """Instructions that the guest has run since power-on; halted processors run none. Only of a `counted` machine."""
        return self._ask("query-replay")["icount"]

    def monitor(self, command: str) -> str:
        """The answer of QEMU's human monitor (HMP)."""
        return self._ask("human-monitor-command", **{"command-line": command})

    def _ask(self, word: str, **arguments: object) -> Any:
        self._asked += 1
        self._qmp.sendall(json.dumps({"execute": word, "arguments": arguments, "id": self._asked}).encode() + b"\n")
        for line in self._said:  # answers, without ids, are mixed with events
            answer = json.loads(line)
            if answer.get("id") == self._asked:
                return answer["return"]
        raise ToolError(["qemu-system-x86_64"], self.process.poll() or 0, self._log())

    def _order(self, word: str, **arguments: object) -> None:
        self._qmp.sendall(json.dumps({"execute": word, "arguments": arguments}).encode() + b"\n")

    def _connect(self, name: str) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                link.connect(str(_RUN / name))
                return link
            except OSError:
                if not self.alive() or time.monotonic() > deadline:
                    raise ToolError(["qemu-system-x86_64"], self.process.poll() or 0, self._log()) from None
                time.sleep(0.05)

    def _log(self) -> str:
        return (self.dir / "qemu.log").read_text(errors="replace")[-2000:]


def command(shape: Shape, cards: Sequence[Card], dir: Path, accel: str, credentials: dict[str, str]) -> list[str]:
    """QEMU's command line. Addresses as in qemu-server's PCI.pm: netN at 0x12+N of pci.0."""
    devices = [
        "pci-bridge,id=pci.3,chassis_nr=3,bus=pci.0,addr=0x5",
        *_scsi(0, "hd,drive=os,bootindex=1"),
        "virtio-serial-pci,id=serial0,bus=pci.0,addr=0x8",
        "virtserialport,bus=serial0.0,chardev=agent,name=org.qemu.guest_agent.0",
        "virtserialport,bus=serial0.0,chardev=port,name=gw.lab",
    ]
    argv = ["qemu-system-x86_64", "-name", "gwimage-lab", "-nodefaults", "-no-user-config"]
    argv += ["-display", "none", "-vga", "std", "-no-reboot", *processor(accel, shape.cores)]
    argv += ["-machine", shape.machine, "-m", str(shape.memory)]
    if shape.machine == "q35":
        devices = BRIDGES + devices
        argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={firmware()[0]}"]
        argv += ["-drive", f"if=pflash,unit=1,format=raw,file={dir / 'vars.fd'}"]
    argv += ["-drive", f"if=none,id=os,format=qcow2,cache=unsafe,file={dir / 'os.qcow2'}"]
    if shape.state_disk:
        argv += _state_disk(shape, dir)
        devices += _scsi(1, "hd,drive=state")
    for number, seed in enumerate(shape.seeds):
        argv += ["-drive", f"if=none,id=seed{number},format=raw,readonly=on,file={seed.file.resolve()}"]
        devices += _scsi(2 + number, f"{'hd' if seed.disk else 'cd'},drive=seed{number}")
    if shape.counted:  # only record mode tells the number; the recording is not used
        argv += ["-icount", f"shift=0,rr=record,rrfile={dir / 'recording'}"]
    if shape.uuid:
        argv += ["-uuid", shape.uuid]
    if shape.clock:
        argv += ["-rtc", f"base={shape.clock}"]
    argv += ["-chardev", f"file,id=console,append=on,path={dir / 'console.log'}"]
    argv += ["-serial", "chardev:console"]
    argv += ["-chardev", f"socket,id=port,path={_RUN / 'port'},server=on,wait=off"]
    argv += ["-chardev", f"socket,id=agent,path={_AGENT},server=on,wait=off"]
    argv += ["-qmp", f"unix:{_RUN / 'qmp'},server=on,wait=off"]
    for card in cards:
        argv += ["-netdev", _netdev(card)]
        devices.append(
            f"virtio-net-pci,id=net{card.slot},netdev=net{card.slot},mac={card.mac},"
            f"bus=pci.0,addr={0x12 + card.slot:#x},rx_queue_size=1024,tx_queue_size=256,host_mtu={card.mtu},romfile="
        )
    for device in devices:
        argv += ["-device", device]
    argv += shape.more
    values = [f"value=io.systemd.credential.binary:{k}={v}" for k, v in credentials.items()]
    return argv + ["-smbios", ",".join(["type=11", *values])]


def _scsi(slot: int, disk: str) -> list[str]:
    """PVE's scsiN with --scsihw virtio-scsi-single: a controller of its own, and N as its LUN there."""
    controller = f"virtio-scsi-pci,id=virtioscsi{slot},bus=pci.3,addr={1 + slot:#x}"
    return [controller, f"scsi-{disk},bus=virtioscsi{slot}.0,channel=0,scsi-id=0,lun={slot}"]


def _state_disk(shape: Shape, dir: Path) -> list[str]:
    """QEMU's arguments for the state disk; the log records the guest's flushes, which still cost nothing."""
    if not shape.write_log:
        return ["-drive", f"if=none,id=state,format=raw,cache=unsafe,file={dir / 'state.raw'}"]
    (dir / "state.writes").write_bytes(b"")
    file, log = (
        {"driver": "file", "filename": str(dir / name), "cache": {"no-flush": True}} for name in ("state.raw", "state.writes")
    )
    return ["-blockdev", json.dumps({"driver": "blklogwrites", "node-name": "state", "file": file, "log": log})]


def _netdev(card: Card) -> str:
    """QEMU's network backend: the segment itself, or the switch (dgram over a unix socket: QEMU 7.2)."""
    if not card.tagged:
        return f"tap,id=net{card.slot},ifname={card.segments[0].tap},script=no,downscript=no"
    local, remote = f"local.type=unix,local.path={_cable(card)}", f"remote.type=unix,remote.path={_switch(card)}"
    return f"dgram,id=net{card.slot},{local},{remote}"


def _cable(card: Card) -> Path:
    return _RUN / f"net{card.slot}"


def _switch(card: Card) -> Path:
    return _RUN / f"net{card.slot}.switch"


def image_format(image: Path) -> str:
    return json.loads(run(["qemu-img", "info", "--output=json", str(image)]))["format"]


def version() -> str:
    return run(["qemu-system-x86_64", "--version"]).splitlines()[0].split("version ")[-1]
