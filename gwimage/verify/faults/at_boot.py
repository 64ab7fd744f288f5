"""Faults present at boot: damaged, full or missing disks, little memory, a wrong clock."""

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

LEAST_MEMORY = 160  # MiB; less was not tried
_MOST_OFF = 5  # seconds that a right clock may be off


def _shaped(**changes: object) -> Act:
    def act(scene: Scene) -> None:
        machine = scene.gateway.machine
        machine.shape = dataclasses.replace(machine.shape, **changes)

    return act


def _damaged(label: str, size: int) -> Act:
    return lambda scene: disks.overwrite(scene.hosts.dir / "os.qcow2", label, size)


def _full(scene: Scene) -> None:
    disks.full(scene.hosts.dir / "state.raw")


def _unrepairable(scene: Scene) -> None:
    disks.unrepairable(scene.hosts.dir / "state.raw")


def _wrong_clock(base: str) -> Act:
    """Sets the RTC to `base`; Debian's NTP names resolve to the outside server, which does not answer yet."""

    def act(scene: Scene) -> None:
        _shaped(clock=base)(scene)
        scene.hosts.stop_isp()
        scene.hosts.start_isp(more=[f"--address=/ntp.org/{scene.hosts.topology.outside}"])

    return act


def _tell_time(scene: Scene) -> None:
    """Starts an SNTP server (RFC 4330) on the outside host; it runs until its socket closes."""
    with inside(ISP.name):
        udp = scene.notes["time server"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((str(scene.hosts.topology.outside), ports.NTP))  # clients ignore answers from another address

    def serve() -> None:
        while True:
            try:
                question, caller = udp.recvfrom(100)
            except OSError:
                return
            now = struct.pack("!2I", int(time.time()) + ntp.EPOCH, int(time.time() % 1 * 2**32))
            # server mode, stratum 1, synchronised just now; bytes 40 to 47 of the query: the client's transmit time, echoed as origin
            head = struct.pack("!BBbb2I4s", 0x24, 1, 6, -20, 0, 0, b"LAB\0")
            udp.sendto(head + now + question[40:48] + now + now, caller)

    threading.Thread(target=serve, daemon=True).start()


def _clock_offset(scene: Scene) -> float | None:
    """Seconds that the gateway's clock is ahead of the host's; None if the gateway does not report."""
    said = scene.gateway.look().get("clock", "").strip()
    return float(said) - time.time() if said else None


def _clock_wrong(scene: Scene) -> Answer:
    off = _clock_offset(scene)
    return Answer(
        off is not None and abs(off) > 3600, "the gateway said nothing" if off is None else f"clock {off / 86400:+.0f} days off"
    )


def _clock_right(scene: Scene) -> Answer:
    off = _clock_offset(scene)
    return Answer(
        off is not None and abs(off) < _MOST_OFF, "the gateway said nothing" if off is None else f"clock {off:+.0f} s off"
    )


def _enough_memory(scene: Scene) -> Answer:
    """Checks that the kernel's OOM killer ended nothing; shows the memory available."""
    found = scene.gateway.findings()
    killed = [line for line in scene.output().splitlines() if "Out of memory" in line or "oom-kill" in line]
    if not found or killed:
        return Answer(False, killed[0] if killed else "the gateway did not report")
    return Answer(True, f"{found.memory_available // 1024} of {found.memory_total // 1024} MiB available")


SERVES = (leases, lan_serves, traffic, closed)
FAULTS = (
    Fault(
        "config-damaged",
        "with a damaged configuration layer the gateway is dark, and says so",
        before_boot=_damaged("gwimage-config", 16 * disks.MIB),
        during=(dark,),
        seconds=120,
        said="the configuration layer is missing or damaged: no network will come up",
    ),
    Fault(
        "packages-damaged",
        "with a damaged packages layer the gateway is dark, and says so",
        before_boot=_damaged("gwimage-packages", disks.MIB),
        dark=True,
        during=(dark,),
        seconds=120,
        said="cannot start: the packages layer on [a-z0-9]+ is damaged",
    ),
    Fault(
        "state-full",
        "with a full state volume the gateway serves all the same, and says so",
        before_boot=_full,
        during=SERVES,
        seconds=120,
        said="the state volume is full",
    ),
    Fault(
        "state-unusable",
        "with a state volume beyond repair the gateway runs in memory, and says so",
        before_boot=_unrepairable,
        during=SERVES,
        seconds=120,
        said="no usable state volume",
    ),
    Fault(
        "state-missing",
        "without its state disk the gateway keeps its state on the OS disk, and says so",
        before_boot=_shaped(state_disk=False),
        during=SERVES,
        seconds=120,
        said="state volume: [a-z]+[0-9]",
    ),
    Fault(
        "memory-low",
        f"with {LEAST_MEMORY} MiB of memory the gateway serves",
        before_boot=_shaped(memory=LEAST_MEMORY),
        during=(*SERVES, _enough_memory),
        seconds=120,
    ),
    Fault(
        "clock-past",
        "with a clock in 1970 the gateway serves; the time gets right when somebody tells it",
        before_boot=_wrong_clock("1970-01-01T00:00:00"),
        during=(*SERVES, _clock_wrong),
        seconds=180,
        end=_tell_time,
        after=(_clock_right, lan_serves),
    ),
)
