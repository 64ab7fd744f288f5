"""Keeps several booted gateways, each in its own lab, all paused but the one that is measured.

A boot takes longer than a measurement, and the host's load changes from minute to minute: gateways measured in turn, seconds
apart, see the same load.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from bench import traffic
from gwimage.lab import boot, sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Machine, Shape
from gwimage.lab.sandbox import Say
from gwimage.lab.topology import derive
from gwimage.problem import ToolError
from gwimage.profile import Profile

SHAPE = Shape(memory=512, cores=1, state_disk=False)
_PATIENCE = 300  # seconds


@dataclass(frozen=True)
class Job:
    """One gateway. dir: for logs, disks and the control socket."""

    image: Path
    profile: Profile
    dir: Path

    @property
    def orders(self) -> str:
        return str(self.dir / "orders")


@dataclass
class Station:
    """Connection to a booted gateway's lab, used outside its sandbox."""

    line: Connection

    def measure(self, row: str) -> float:
        """Measures one row of traffic.ROWS, by name, while no other gateway runs. Raises ToolError if the measurement fails."""
        self.line.send(row)
        answer = _hear(self.line, row)
        if isinstance(answer, str):
            raise ToolError(("bench.paused_gateways", row), 3, answer)
        return answer


@contextlib.contextmanager
def up(images: dict[str, tuple[Path, Profile]], say: Say) -> Iterator[dict[str, Station]]:
    """Boots the images one after the other; yields stations by name, and ends them. Raises ToolError."""
    found: dict[str, Station] = {}
    with tempfile.TemporaryDirectory(prefix="gwimage-bench-") as folder, contextlib.ExitStack() as ends:
        for name, (image, profile) in images.items():
            say(f"starting {name}")
            job = Job(image.resolve(), profile, Path(folder, name))
            job.dir.mkdir()
            thread = threading.Thread(target=lambda job=job: sandbox.call(serve, job, say=lambda text: None))
            thread.start()
            ends.callback(thread.join)
            found[name] = Station(_connect(job, thread))
            ends.callback(_dismiss, found[name].line)
            if not _hear(found[name].line, name):
                raise ToolError(("bench.paused_gateways", name), 3, "no packet came through this gateway")
        yield found


def serve(say: Say, job: Job) -> None:
    """Runs inside the sandbox: receives names of rows and answers with the measurement; an empty name ends it."""
    with Listener(job.orders) as listener:
        accel = acceleration()
        hosts = Hosts(derive(job.profile), job.dir)
        machine = Machine(job.image, SHAPE, hosts.topology.cards, job.dir, accel)
        hosts.start()
        machine.prepare()
        gateway = Gateway(machine, _PATIENCE, accel == "tcg")
        with listener.accept() as line:
            times = boot.switch_on(say, hosts, gateway, control=False)
            machine.freeze()
            line.send("first packet to the outside" in times)
            while row := line.recv():
                machine.thaw()
                time.sleep(0.5)  # the guest's clock and timers recover from the pause
                try:
                    line.send(getattr(traffic, row)(hosts))
                except OSError as error:
                    line.send(f"{row}: {error}")
                machine.freeze()
        machine.thaw()
        gateway.cut()


def _hear(line: Connection, what: str) -> object:
    try:
        return line.recv()
    except (EOFError, OSError):
        raise ToolError(("bench.paused_gateways", what), 3, "its lab has ended") from None


def _dismiss(line: Connection) -> None:
    with contextlib.suppress(OSError):  # the lab has ended by itself
        line.send("")


def _connect(job: Job, thread: threading.Thread) -> Connection:
    deadline = time.monotonic() + 60
    while thread.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return Client(job.orders)
        time.sleep(0.1)
    raise ToolError(("bench.paused_gateways",), 3, "the lab did not start")
