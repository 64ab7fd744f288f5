"""Faults with which a gateway starts: disks that are damaged, full or missing, little memory, a wrong clock."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading
import time

from gwimage.lab.machine import disks
from gwimage.lab.netns import inside
from gwimage.lab.packets import ntp
from gwimage.values import ports
from gwimage.values.lab_host import ISP
from gwimage.verify.faults.checks import closed, dark, lan_serves, leases, traffic
from gwimage.verify.faults.fault import Act, Fault, Scene
from gwimage.verify.probes.view import Answer

LEAST_MEMORY = 160  # MiB; with less it was not tried
_MOST_OFF = 5  # seconds


def _shaped(**changes: object) -> Act:
    def off(scene: Scene) -> None:
        machine = scene.gateway.machine
        machine.shape = dataclasses.replace(machine.shape, **changes)

    return off


def _damaged(label: str, size: int) -> Act:
    return lambda scene: disks.overwrite(scene.hosts.dir / "os.qcow2", label, size)


def _full(scene: Scene) -> None:
    disks.full(scene.hosts.dir / "state.raw")


def _unrepairable(scene: Scene) -> None:
    disks.unrepairable(scene.hosts.dir / "state.raw")


def _wrong_clock(base: str) -> Act:
    """And nobody outside tells the time yet; the names of Debian's time servers lead to the server outside."""

    def off(scene: Scene) -> None:
        _shaped(clock=base)(scene)
        scene.hosts.stop_isp()
        scene.hosts.start_isp(more=[f"--address=/ntp.org/{scene.hosts.topology.outside}"])

    return off


def _tell_time(scene: Scene) -> None:
    """SNTP (RFC 4330) from the server outside, until the fault is over for everybody."""
    with inside(ISP.name):
        udp = scene.notes["time server"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((str(scene.hosts.topology.outside), ports.NTP))  # who answers from another address is not heard

    def serve() -> None:
        while True:
            try:
                question, caller = udp.recvfrom(100)
            except OSError:
                return
            now = struct.pack("!2I", int(time.time()) + ntp.EPOCH, int(time.time() % 1 * 2**32))
            # server, stratum 1, synchronised just now; the client's own time as it said it
            head = struct.pack("!BBbb2I4s", 0x24, 1, 6, -20, 0, 0, b"LAB\0")
            udp.sendto(head + now + question[40:48] + now + now, caller)

    threading.Thread(target=serve, daemon=True).start()


def _clock_off(scene: Scene) -> float | None:
    said = scene.gateway.look().get("clock", "").strip()
    return float(said) - time.time() if said else None


def _wrong(scene: Scene) -> Answer:
    off = _clock_off(scene)
    return Answer(
        off is not None and abs(off) > 3600, "the gateway said nothing" if off is None else f"clock {off / 86400:+.0f} days off"
    )


def _right(scene: Scene) -> Answer:
    off = _clock_off(scene)
    return Answer(
        off is not None and abs(off) < _MOST_OFF, "the gateway said nothing" if off is None else f"clock {off:+.0f} s off"
    )


def _not_short(scene: Scene) -> Answer:
    """The kernel had to end nothing."""
    found = scene.gateway.findings()
    killed = [line for line in scene.said().splitlines() if "Out of memory" in line or "oom-kill" in line]
    if not found or killed:
        return Answer(False, killed[0] if killed else "the gateway did not report")
    return Answer(True, f"{found.memory_available // 1024} of {found.memory_total // 1024} MiB available")


SERVES = (leases, lan_serves, traffic, closed)
FAULTS = (
    Fault(
        "config-damaged",
        "with a damaged configuration layer the gateway is dark, and says so",
        off=_damaged("gwimage-config", 16 * disks.MIB),
        during=(dark,),
        seconds=120,
        said="the configuration layer is missing or damaged: no network will come up",
    ),
    Fault(
        "packages-damaged",
        "with a damaged packages layer the gateway is dark, and says so",
        off=_damaged("gwimage-packages", disks.MIB),
        dark=True,
        during=(dark,),
        seconds=120,
        said="cannot start: the packages layer on [a-z0-9]+ is damaged",
    ),
    Fault(
        "state-full",
        "with a full state volume the gateway serves all the same, and says so",
        off=_full,
        during=SERVES,
        seconds=120,
        said="the state volume is full",
    ),
    Fault(
        "state-unusable",
        "with a state volume beyond repair the gateway runs in memory, and says so",
        off=_unrepairable,
        during=SERVES,
        seconds=120,
        said="no usable state volume",
    ),
    Fault(
        "state-missing",
        "without its state disk the gateway keeps its state on the OS disk, and says so",
        off=_shaped(state_disk=False),
        during=SERVES,
        seconds=120,
        said="state volume: [a-z]+[0-9]",
    ),
    Fault(
        "memory-low",
        f"with {LEAST_MEMORY} MiB of memory the gateway serves",
        off=_shaped(memory=LEAST_MEMORY),
        during=(*SERVES, _not_short),
        seconds=120,
    ),
    Fault(
        "clock-past",
        "with a clock in 1970 the gateway serves; the time gets right when somebody tells it",
        off=_wrong_clock("1970-01-01T00:00:00"),
        during=(*SERVES, _wrong),
        seconds=180,
        end=_tell_time,
        after=(_right, lan_serves),
    ),
)
