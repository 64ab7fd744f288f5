"""Counts the instructions that a guest executes during its boot, which is independent of the host's load."""

import bisect
import contextlib
import re
import threading
import time
from dataclasses import dataclass, field

from gwimage.lab.machine.qemu import Machine
from gwimage.problem import ToolError

_KERNEL = 0xFFFF_8000_0000_0000  # x86-64: addresses from here on are Linux's own
_PAUSE = 0.05  # seconds between samples; each one prolongs the guest's sleeps, also by its own clock


@dataclass
class Count:
    """Samples (time, instructions) of a `counted` machine that has just started, between begin() and end()."""

    machine: Machine
    kernel: int = 0  # instructions when first seen in the kernel; `program`: in user space
    program: int = 0
    samples: list[tuple[float, int]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def at(self, moment: float) -> int:
        """Instructions at a moment (seconds since the epoch), interpolated linearly between samples."""
        place = bisect.bisect(self.samples, (moment,))
        (before, low), (after, high) = self.samples[max(0, place - 1)], self.samples[min(place, len(self.samples) - 1)]
        return round(low + (high - low) * (moment - before) / (after - before)) if after > before else low

    def _sample(self) -> None:
        with contextlib.suppress(OSError, ToolError):  # the machine is off
            while not self._ended.wait(_PAUSE):
                number = self.machine.instructions()
                self.samples.append((time.time(), number))
                if not self.program:
                    self._look(number)

    def _look(self, number: int) -> None:
        said = self.machine.monitor("info registers")
        place, level = int(re.search(r"[ER]IP=(\w+)", said)[1], 16), re.search(r"CPL=(\d)", said)[1]
        self.kernel = self.kernel or (number if place >= _KERNEL else 0)
        self.program = number if self.kernel and level == "3" else 0
