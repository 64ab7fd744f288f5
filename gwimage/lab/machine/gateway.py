"""The gateway as the lab sees it: power on, look inside, open up, power off.

The course of a verification needs these methods and no more, so that a namespace can stand
in for the machine where the lab itself is tested.
"""

from __future__ import annotations

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
    """A gateway in a virtual machine. `patience` is how long it may take to come up, in seconds.

    `emulated`: no hardware acceleration, so a hang may be the emulator's.
    """

    machine: Machine
    patience: float
    emulated: bool = False
    credentials: dict[str, str] = field(default_factory=dict)  # what the profile expects of a hypervisor, base64
    late: float = 60  # seconds that an answer may still take once the boot is done
    ports: Sequence[int] = ALL_PORTS  # that a scan asks
    tries: int = 2  # of each port in a scan: an emulated gateway may lose a packet
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
        """Whether many may ask it together."""
        return not self.emulated

    def alive(self) -> bool:
        return self.machine.alive()

    def ready(self) -> bool:
        """Whether all units of the boot are done."""
        return self.ready_at > 0

    def findings(self) -> guest.Findings | None:
        """What the gateway says about itself, or None if it says nothing."""
        parts = self._ask("report")
        return guest.read(parts) if parts else None

    def sockets(self) -> sockets.Sockets | None:
        """Who listens inside just now, or None if the gateway says nothing."""
        parts = self._ask("sockets")
        return sockets.read(parts) if parts else None

    def open_up(self) -> bool:
        """Switch masquerade and the kernel's own distrust off; the firewall is off since the control boot began."""
        return self._ask("open") is not None

    def look(self) -> dict[str, str]:
        """The whole `journal` of this boot, and the `clock` (seconds since the epoch); empty if it says nothing."""
        return self._ask("look") or {}

    def units(self) -> guest.Units | None:
        """When the units of this boot began and what they have used, or None if it says nothing."""
        parts = self._ask("units")
        return guest.read_units(parts) if parts else None

    def renew(self) -> None:
        """New disks, in the machine as it was ordered; what the state disk is told is logged."""
        self.machine.renew()

    def plug(self, slot: int, there: bool) -> None:
        """The cable of a card: in or out."""
        self.machine.plug(slot, there)

    def stop(self) -> str:
        how = self.machine.stop(self.patience / 3)
        self._port.close()
        return how

    def cut(self) -> None:
        """Pull the plug, if it is in."""
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
