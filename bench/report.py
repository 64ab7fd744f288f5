"""Runs all benchmarks, and compares with handmade gateways.

    bench/run [--rounds N] [--only GROUP]... [--fresh] [-o DIR]

Writes DIR/bench.json (all values), DIR/bench.html (one page) and DIR/*.svg, after every group, and prints a table. Groups:
size, boot, memory, packet, traffic, build, compile, seeds. Without KVM each round of boots takes minutes; memory takes one
verification per size.
"""

import argparse
import contextlib
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from bench import boot_times, builds, gateways, packet_cost, page, paused_gateways, seed_kinds, traffic
from bench.results import BASELINE, OURS, Row, table
from gwimage import compiler
from gwimage.build import host
from gwimage.build.progress import Steps
from gwimage.lab.machine import qemu
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Shape
from gwimage.problem import ToolError
from gwimage.profile import Profile
from gwimage.verify.image import verify

_COUNTED = (OURS, BASELINE)
_TRAFFIC = {
    "one_stream": ("TCP, one stream", "Mbit/s", False),
    "many_streams": ("TCP, 16 streams", "Mbit/s", False),
    "forwarded": ("TCP through the port forward", "Mbit/s", False),
    "small_packets": ("UDP, 64 bytes a packet", "packets/s", False),
    "connections": ("new TCP connections", "1/s", False),
    "latency": ("ping while one stream uploads", "ms", True),
    "flows": ("TCP connections held, of 8,000", "", False),
}
_MILESTONES = {
    "kernel": "to the kernel's first instruction",
    "program": "to the first program",
    "offer": "to the first DHCP offer",
    "through": "to the first packet through NAT",
    "done": "until all units are up",
}
_NOISY, _REPEATS = ("one_stream", "many_streams", "forwarded", "small_packets"), 3  # noisy rows, measured that often per round
_PATIENCE = 300  # seconds of one verification, which takes very long with too little memory
_USUAL, _STEP, _LEAST, _MOST = 128, 16, 64, 512  # MiB: where to look for the smallest memory


@dataclass(frozen=True)
class Task:
    """Input of a group. built: gateways by name, in the order of NAMES; profile: that of all; say: prints a line of progress."""

    built: dict[str, gateways.Gateway]
    profile: Profile
    rounds: int
    say: Callable[[str], None]


def size(task: Task) -> list[Row]:
    def row(name: str, unit: str, value: Callable[[gateways.Gateway], float]) -> Row:
        return Row("size", name, unit, True, {key: [value(one)] for key, one in task.built.items()})

    return [
        row("qcow2, compressed clusters", "MiB", lambda one: one.qcow2_size / 2**20),
        row("raw disk", "MiB", lambda one: one.raw_size / 2**20),
        row("installed files", "MiB", lambda one: one.installed / 2**20),
        row("Debian packages", "", lambda one: one.packages),
    ]


def boot(task: Task) -> tuple[list[Row], dict]:
    """Boot rows, and the units of the last counted boots. Counts and times in separate boots: counting slows the guest."""
    rows: dict[str, Row] = {}
    units: dict[str, dict] = {}
    for number in range(task.rounds):
        for name in (name for name in _COUNTED if name in task.built):
            task.say(f"boot, round {number + 1}: {name}, counted and timed")
            for counted in (True, False):
                seen = boot_times.watch(task.built[name].raw, task.profile, shape=replace(boot_times.SHAPE, counted=counted))
                for which, one in zip(("first", "second"), seen.boots):
                    for (text, unit), value in _read(one, counted).items():
                        row = rows.setdefault(f"{unit} {which} {text}", Row("boot", f"{which} boot, {text}", unit))
                        row.values.setdefault(name, []).append(value)
                    if counted:
                        units[f"{name}, {which} boot"] = asdict(one.units) | {"counts": asdict(one.counts)}
    return [rows[key] for key in sorted(rows, key=lambda key: key.split()[:2])], units


def _read(one: boot_times.Boot, counted: bool) -> dict[tuple[str, str], float]:
    """Values by (name, unit). Raises ToolError if the gateway did not come up."""
    if not (one.times.offer and one.times.through and one.memory):
        raise ToolError(("bench.boot_times",), 3, "a gateway did not come up; try `python -m bench.boot_times --logs DIR`")
    if counted:
        return {(text, "1e9"): getattr(one.counts, label) / 1e9 for label, text in _MILESTONES.items()}
    offer, through = ("to the first DHCP offer", "s"), ("to the first packet through NAT", "s")
    return {offer: one.times.offer, through: one.times.through, ("memory in use then", "MiB"): one.memory}


def memory(task: Task) -> list[Row]:
    """Rows of the smallest memory with which verify passes (every claim, both boots), by firmware."""

    def passes(machine: str, size: int) -> bool:
        task.say(f"memory: verify with {size} MiB, {machine}")
        process = multiprocessing.Process(target=_prove, args=(task.built[OURS].raw, task.profile, Shape(machine, size)))
        process.start()
        process.join(_PATIENCE)
        process.kill()  # its sandbox ends with it
        process.join()
        return process.exitcode == 0

    found = {name: _smallest(partial(passes, machine)) for machine, name in (("pc", "SeaBIOS"), ("q35", "OVMF"))}
    return [
        Row("memory", f"smallest VM in which verify passes, {name}", "MiB", True, {OURS: [size]})
        for name, size in found.items()
    ]


def _prove(image: Path, profile: Profile, shape: Shape) -> None:
    """Body of a process: exit status 0 if verify passes, else 1."""
    with contextlib.suppress(ToolError):
        sys.exit(not verify(image, profile, compiler.claims(profile), shape=shape).good)
    sys.exit(1)


def _smallest(passes: Callable[[int], bool]) -> int:
    """Smallest size in MiB that passes: searches down from _USUAL while it passes, else up."""
    size = _USUAL
    if passes(size):
        while size > _LEAST and passes(size - _STEP):
            size -= _STEP
        return size
    return next(size for size in range(_USUAL + _STEP, _MOST + 1, _STEP) if passes(size))


def packet(task: Task) -> list[Row]:
    row = Row("packet", "forwarding one small packet of a flow", "instructions")
    for name, one in task.built.items():
        task.say(f"packet: {name}")
        row.values[name] = [packet_cost.cost(one.raw, task.profile)]
    return [row]


def carries(task: Task) -> list[Row]:
    rows = {key: Row("traffic", *_TRAFFIC[key]) for key in _TRAFFIC}
    images = {name: (one.raw, task.profile) for name, one in task.built.items()}
    with paused_gateways.up(images, task.say) as up:
        for number in range(task.rounds):
            task.say(f"traffic, round {number + 1}")
            for key in (row.__name__ for row in traffic.ROWS):
                for turn in range(_REPEATS if key in _NOISY else 1):
                    # alternating order: no gateway is always first
                    for name in list(up) if turn % 2 == number % 2 else reversed(up):
                        if not (key == "forwarded" and name in ("networkd", "bare")):
                            rows[key].values.setdefault(name, []).append(up[name].measure(key))
    return list(rows.values())


GROUPS = ("size", "boot", "memory", "packet", "traffic", "build", "compile", "seeds")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=GROUPS, action="append")
    parser.add_argument("--fresh", action="store_true", help="build all gateways anew")
    parser.add_argument("-o", "--output", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:5.0f} s  {text}", file=sys.stderr, flush=True)

    folder = host.cache() / "bench"
    built = gateways.build(folder, Steps(folder / "build.log"), fresh=options.fresh)
    task = Task({one.name: one for one in built}, gateways.profile(), options.rounds, say)
    result = {"environment": _environment(options.rounds), "rows": [], "units": {}}
    for group in options.only or GROUPS:
        say(group)
        rows, units = _measure(group, task)
        result["rows"] += [asdict(row) for row in rows]
        result["units"] |= units
        page.write(options.output, result)
        print(table(rows), flush=True)
    say(f"written: {options.output}/bench.html, bench.json, *.svg")
    return 0


def _measure(group: str, task: Task) -> tuple[list[Row], dict]:
    if group == "boot":
        return boot(task)
    with tempfile.TemporaryDirectory(prefix="gwimage-bench-") as work:
        ways = {
            "size": lambda: size(task),
            "memory": lambda: memory(task),
            "packet": lambda: packet(task),
            "traffic": lambda: carries(task),
            "build": lambda: builds.build(Path(work), task.rounds, task.say),
            "compile": lambda: builds.compiles(Path(work), task.rounds),
            "seeds": lambda: seed_kinds.rows(host.cache() / "bench", Path(work), task.say),
        }
        return ways[group](), {}


def _environment(rounds: int) -> dict[str, str]:
    accel = acceleration()
    return {
        "command": f"bench/run --rounds {rounds}",
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "host": f"{platform.system()} {platform.release()}, {os.cpu_count()} processors",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "QEMU": f"{qemu.version()}, {accel}",
        "machine": f"{boot_times.SHAPE.machine}, {boot_times.SHAPE.memory} MiB, 1 processor",
    }


if __name__ == "__main__":
    sys.exit(main())
