"""Control of the gateway's machine: power on, inspect, open up, power off.

A verification needs only these methods, so a namespace can stand in for the machine in tests of the lab itself.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gwimage.lab import sockets
from gwimage.lab.machine import guest
from gwimage.lab.machine.qemu import Machine
from gwimage.lab.packets.ipv4 import ALL_PORTS


@dataclass
class Gateway:
    """A gateway in a virtual machine. `patience`: seconds that it may take to boot.

    `emulated`: no hardware acceleration, so a hang may be the emulator's.
    """

    machine: Machine
    patience: float
    emulated: bool = False
    credentials: dict[str, str] = field(default_factory=dict)  # those that the hypervisor supplies, base64
    late: float = 60  # seconds that an answer may take after the boot
    ports: Sequence[int] = ALL_PORTS  # TCP ports to scan
    tries: int = 2  # for each port of a scan: an emulated gateway may lose packets
    ready_at: float = 0
    _port: socket.socket | None = field(default=None, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self, control: bool) -> None:
        self.ready_at = 0
        self.machine.start(self.credentials | guest.credentials(control))
        self._port = self.machine.port()
        threading.Thread(target=self._await_ready, daemon=True).start()

    @property
    def started(self) -> float:
        """Power-on, in seconds since the epoch."""
        return self.machine.started

    @property
    def concurrent(self) -> bool:
        """Whether probes may run in parallel."""
        return not self.emulated

    def alive(self) -> bool:
        return self.machine.alive()

    def ready(self) -> bool:
        """Whether all units of the boot are done."""
        return self.ready_at > 0

    def findings(self) -> guest.Findings | None:
        """The guest's report on itself, or None without an answer."""
        parts = self._ask("report")
        return guest.read(parts) if parts else None

    def sockets(self) -> sockets.Sockets | None:
        """Sockets that listen inside the guest now, or None without an answer."""
        parts = self._ask("sockets")
        return sockets.read(parts) if parts else None

    def open_up(self) -> bool:
        """Switches masquerade and the kernel's own filters off; the control boot starts without the firewall."""
        return self._ask("open") is not None

    def look(self) -> dict[str, str]:
        """The `journal` of this boot and the `clock` (seconds since the epoch); empty without an answer."""
        return self._ask("look") or {}

    def units(self) -> guest.Units | None:
        """Start and processor times of the units of this boot, or None without an answer."""
        parts = self._ask("units")
        return guest.read_units(parts) if parts else None

    def renew(self) -> None:
        """Restores the machine as it was ordered, with new disks and the log of the state disk."""
        self.machine.renew()

    def plug(self, slot: int, there: bool) -> None:
        """Plugs or unplugs the cable of a card."""
        self.machine.plug(slot, there)

    def stop(self) -> str:
        how = self.machine.stop(self.patience / 3)
        self._port.close()
        return how

    def agent_answers(self) -> bool | None:
        """Whether the guest agent answers a ping; None where there is no machine, and so no agent."""
        return self.machine.agent_answers(self.patience / 10)

    def shut_down(self) -> str:
        """Shuts down by the guest agent; as stop()."""
        how = self.machine.shut_down(self.patience / 3)
        self._port.close()
        return how

    def cut(self) -> None:
        """Cuts the power, if it is on."""
        self.machine.stop(0)
        if self._port:
            self._port.close()

    def _await_ready(self) -> None:
        if self._ask("ready"):
            self.ready_at = time.time()

    def _ask(self, order: str) -> dict[str, str] | None:
        with self._turn:
            try:
                return guest.ask(self._port, order, self.patience)
            except OSError:
                return None
