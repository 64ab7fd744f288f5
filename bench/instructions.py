"""How many instructions a guest has run at a moment of its boot: what a busy host cannot change."""

from __future__ import annotations

import bisect
import contextlib
import re
import threading
import time
from dataclasses import dataclass, field

from gwimage.lab.machine.qemu import Machine
from gwimage.problem import ToolError

_KERNEL = 0xFFFF_8000_0000_0000  # x86-64: addresses from here on are Linux's own
_PAUSE = 0.05  # seconds; every question makes what the guest sleeps longer, by its own clock too


@dataclass
class Count:
    """Of a `counted` machine that has just started. Samples of (time, instructions), until end()."""

    machine: Machine
    kernel: int = 0  # when it was first seen in the kernel, and when in a program
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
        """Instructions by then, seconds since the epoch: between two samples as if it had run evenly."""
        place = bisect.bisect(self.samples, (moment,))
        (before, low), (after, high) = self.samples[max(0, place - 1)], self.samples[min(place, len(self.samples) - 1)]
        return round(low + (high - low) * (moment - before) / (after - before)) if after > before else low

    def _sample(self) -> None:
        with contextlib.suppress(OSError, ToolError):  # it is off
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
