"""Measures guest instructions per forwarded packet, which is independent of the host's load.

python -m bench.packet_cost [NAME...]
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench import gateways, traffic
from bench.boot_times import PATIENCE, SHAPE
from gwimage.build import host
from gwimage.build.progress import Steps
from gwimage.lab import boot, preflight, sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Machine
from gwimage.lab.sandbox import Say
from gwimage.lab.topology import derive
from gwimage.problem import ToolError
from gwimage.profile import Profile

PACKETS, WINDOW = 6000, 32
_SETTLE, _IDLE = 20, 3  # seconds: pause after the boot; idle time, whose instructions are subtracted


@dataclass(frozen=True)
class Job:
    """One measurement. dir: for logs and disks."""

    image: Path
    profile: Profile
    dir: Path


def cost(image: Path, profile: Profile, say: Say = lambda text: None) -> float:
    """Instructions per small UDP packet of an established flow from inside to outside. Raises ToolError."""
    if problems := preflight.missing(SHAPE.machine):
        raise ToolError(("bench.packet_cost",), 3, "; ".join(problems))
    with tempfile.TemporaryDirectory(prefix="gwimage-bench-") as folder:
        return sandbox.call(run, Job(image.resolve(), profile, Path(folder)), say=say)


def run(say: Say, job: Job) -> float:
    """Runs one job inside the sandbox."""
    accel = acceleration()
    hosts = Hosts(derive(job.profile), job.dir)
    machine = Machine(job.image, replace(SHAPE, counted=True), hosts.topology.cards, job.dir, accel)
    hosts.start()
    machine.prepare()
    gateway = Gateway(machine, PATIENCE[accel], accel == "tcg")
    try:
        if "first packet to the outside" not in boot.switch_on(say, hosts, gateway, control=False):
            raise ToolError(("bench.packet_cost",), 3, "no packet came through this gateway")
        time.sleep(_SETTLE)
        idle, seconds, _ = _count(machine, lambda: time.sleep(_IDLE))
        busy, longer, arrived = _count(machine, lambda: _send(hosts))
        return (busy - idle * longer / seconds) / arrived
    finally:
        gateway.cut()


def _count(machine: Machine, work: Callable[[], int | None]) -> tuple[int, float, int | None]:
    """Runs `work`; returns instructions, seconds, and its result."""
    before, begin = machine.instructions(), time.monotonic()
    said = work()
    return machine.instructions() - before, time.monotonic() - begin, said


def _send(hosts: Hosts) -> int:
    """Sends PACKETS packets, WINDOW at a time; returns how many arrived."""
    arrived = 0
    with traffic.flow(hosts) as (sender, receiver):
        for _ in range(PACKETS // WINDOW):
            for _ in range(WINDOW):
                sender.send(traffic.SMALL)
            with contextlib.suppress(TimeoutError):
                for _ in range(WINDOW):
                    receiver.recv(64)
                    arrived += 1
    return arrived


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", type=gateways.known)
    options = parser.parse_args()
    folder, profile = host.cache() / "bench", gateways.profile()
    for one in gateways.build(folder, Steps(folder / "build.log"), options.names or gateways.NAMES):
        print(f"{one.name:10} {cost(one.raw, profile):8.0f} instructions for each packet", flush=True)
    return 0


if __name__ == "__main__":
    from bench import packet_cost  # pickled functions must be found under this name, not in __main__

    sys.exit(packet_cost.main())
