"""Measures boots on the wire: time to the first DHCP offer and to the first connection through the gateway.

    python -m bench.boot_times [--memory MIB] [--prove] [--logs DIR] [NAME...]

Each gateway boots twice from the same disk: the first boot makes keys and grows file systems, the second is typical of all
later ones. With --prove the claims of bench/gateway.yaml are asked in the second boot, without the control boot of
`gwimage verify`; the exit status is 1 if a claim of MUST does not hold.
"""

import argparse
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from bench import gateways
from bench.instructions import Count
from gwimage import compiler
from gwimage.build import host
from gwimage.build.progress import Steps
from gwimage.claims.claim import Claim
from gwimage.lab import boot, preflight, sandbox
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.machine.guest import LISTENER, Units
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Machine, Shape
from gwimage.lab.packets import dhcp_client
from gwimage.lab.packets.pcapng import Frame
from gwimage.lab.sandbox import Say
from gwimage.lab.topology import Topology, derive
from gwimage.problem import ToolError
from gwimage.profile import Profile
from gwimage.values import lab_host
from gwimage.verify import capture, probes
from gwimage.verify.probes import view
from gwimage.verify.schedule import ask_all

SHAPE = Shape("pc", memory=512, cores=1, state_disk=False)
PORTS = (*range(1, 1025), 8080, 8443, LISTENER)
PATIENCE = {"kvm": 120, "tcg": 600}  # seconds
# Claims that handmade gateways must pass; the other claims are features of gwimage that they do not have.
_SERVES = ("wans.wan.address", "lans.lan.dhcp.lease", "lans.lan.dhcp.reservations.web", "lans.lan.dns")
_GUARDS = ("wans.wan.closed", "wans.wan.closed.udp", "lans.lan.unreachable.wan", "firewall.forwards.web.attacker-wan.wan.tcp")
MUST = {"baseline": (*_SERVES, "lans.lan.source", *_GUARDS), "networkd": (*_SERVES, "lans.lan.source"), "bare": _SERVES}
_OFFER, _SYN_ACK = 2, 0x12
_PAUSE, _MAC = 0.1, "52:54:00:67:77:fe"  # of the DHCP client that asks for offers: seconds between its packets, MAC address


@dataclass(frozen=True)
class Times:
    """Seconds since power-on, None for what never came.

    offer: first DHCP offer on a LAN; through: an outside server answered the first connection of an inside client.
    """

    offer: float | None
    through: float | None


@dataclass(frozen=True)
class Counts:
    """Guest instructions since power-on.

    kernel, program: until it was first seen in its kernel, and in user space; offer, through: as in Times; done: until all
    units were up.
    """

    kernel: int
    program: int
    offer: int
    through: int
    done: int


@dataclass(frozen=True)
class Boot:
    """Measurements of one boot; None for what never came.

    done: seconds until the last unit; memory: MiB in use then (total minus available), of `total` MiB that Linux has;
    stopped: how it shut down; counts, units: instructions and unit times, only of a counted machine.
    """

    times: Times
    done: float | None
    memory: int | None
    total: int | None
    stopped: str
    counts: Counts | None = None
    units: Units | None = None


@dataclass
class Watched(Gateway):
    """Gateway that is asked for a DHCP offer ten times a second from power-on; counts instructions of a counted machine."""

    asker: dhcp_client.Client | None = None
    count: Count | None = None
    _asked: threading.Event = field(default_factory=threading.Event)

    def start(self, control: bool) -> None:
        self.rest()
        super().start(control)
        self._asked = threading.Event()
        threading.Thread(target=dhcp_client.insist, args=(self.asker, self._asked, _PAUSE), daemon=True).start()
        if self.machine.shape.counted:
            self.count = Count(self.machine)
            self.count.begin()

    def rest(self) -> None:
        self._asked.set()
        if self.count:
            self.count.end()

    def counts(self, times: Times) -> Counts | None:
        if not self.count or None in (times.offer, times.through):
            return None
        moments = (self.started + times.offer, self.started + times.through, self.ready_at)
        return Counts(self.count.kernel, self.count.program, *map(self.count.at, moments))


@dataclass(frozen=True)
class Job:
    """One watch. dir: for logs and disks; claims: asked in the last boot."""

    image: Path
    profile: Profile
    shape: Shape
    dir: Path
    boots: int = 2
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Seen:
    """Results of a watch.

    answers: (holds, observation) by claim id; leaves out claims that need a claim that does not hold.
    """

    boots: tuple[Boot, ...]
    answers: dict[str, tuple[bool, str]]


def watch(
    image: Path,
    profile: Profile,
    *,
    shape: Shape = SHAPE,
    boots: int = 2,
    claims: Sequence[Claim] = (),
    logs: Path | None = None,
    say: Say = lambda text: None,
) -> Seen:
    """Boots an image, which is never written to, and measures. Raises ToolError if the host cannot run the lab."""
    if problems := preflight.missing(shape.machine):
        raise ToolError(("bench.boot_times",), 3, "; ".join(problems))
    with tempfile.TemporaryDirectory(prefix="gwimage-lab-") as folder:
        try:
            return sandbox.call(run, Job(image.resolve(), profile, shape, Path(folder), boots, tuple(claims)), say=say)
        finally:
            if logs:
                logs.mkdir(parents=True, exist_ok=True)
                for found in Path(folder).glob("*.log"):
                    shutil.copy(found, logs)


def run(say: Say, job: Job) -> Seen:
    """Runs one job inside the sandbox."""
    accel = acceleration()
    hosts = Hosts(derive(job.profile), job.dir)
    machine = Machine(job.image, job.shape, hosts.topology.cards, job.dir, accel)
    hosts.start()
    machine.prepare()
    lan = hosts.topology.lans[0].name
    asker = dhcp_client.by_mac(lab_host.client(lan).name, lan, _MAC)
    gateway = Watched(machine, PATIENCE[accel], accel == "tcg", ports=PORTS, asker=asker)
    found, answers = [], {}
    for number in range(1, job.boots + 1):
        say(f"boot {number}")
        listener = capture.start(hosts)
        done = boot.switch_on(say, hosts, gateway, control=False).get("boot done")
        gateway.rest()
        looked, units = gateway.findings(), gateway.units() if job.shape.counted else None
        if number == job.boots:
            answers = _ask(say, hosts, gateway, job.claims)
        stopped = gateway.stop()
        memory = looked and (looked.memory_total - looked.memory_available) // 1024
        total = looked and looked.memory_total // 1024
        seen = times(hosts.topology, listener.end(), gateway.started)
        found.append(Boot(seen, done, memory, total, stopped, gateway.counts(seen), units))
    return Seen(tuple(found), answers)


def times(topology: Topology, packets: Sequence[Frame], on: float) -> Times:
    """Times of the boot that began at `on`, from captured packets in order of time, without those of later boots."""
    lans, outside = {lan.name for lan in topology.lans}, topology.outside.packed
    inside = [packet for packet in packets if packet.network in lans and packet.time >= on]

    def first(wanted: Callable[[bytes], bool]) -> float | None:
        return next((packet.time - on for packet in inside if wanted(packet.frame)), None)

    return Times(first(lambda frame: dhcp_client.message(frame) == _OFFER), first(lambda frame: _answers(frame, outside)))


def _answers(frame: bytes, outside: bytes) -> bool:
    """Whether a frame is the outside server's SYN and ACK; its IPv4 header must have no options."""
    there = frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_TCP and frame[26:30] == outside
    return there and frame[34:36] == PORT.to_bytes(2, "big") and frame[47] & 0x3F == _SYN_ACK


def _ask(say: Say, hosts: Hosts, gateway: Gateway, claims: Sequence[Claim]) -> dict[str, tuple[bool, str]]:
    look = cache(gateway.findings)

    def answer(claim: Claim) -> view.Answer:
        say(f"asking {claim.id}")
        return probes.ask(claim.probe, view.View(hosts, look, gateway.ports, gateway.tries, gateway.sockets))

    found = ask_all(claims, answer, gateway.concurrent)
    return {claim.id: (found[claim.id].good, found[claim.id].seen) for claim in claims if found[claim.id]}


def table(seen: dict[str, Seen]) -> str:
    def text(value: float | None, unit: str) -> str:
        return "never" if value is None else f"{value:.1f} s" if unit == "s" else f"{value} MiB"

    lines = [f"{'':10} {'boot':>4} {'first offer':>12} {'first through':>14} {'boot done':>10} {'memory':>8}  end"]
    for name, found in seen.items():
        for number, one in enumerate(found.boots, 1):
            shown = [text(value, "s") for value in (one.times.offer, one.times.through, one.done)]
            lines.append(
                "{:10} {:4} {:>12} {:>14} {:>10} {:>8}  {}".format(name, number, *shown, text(one.memory, "MiB"), one.stopped)
            )
    return "\n".join(lines)


def progress(name: str, begun: float, text: str) -> None:
    print(f"{time.monotonic() - begun:5.0f} s  {name}: {text}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", type=gateways.known)
    parser.add_argument("--memory", type=int, default=SHAPE.memory)
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--logs", type=Path)
    options = parser.parse_args()
    folder, profile, seen = host.cache() / "bench", gateways.profile(), {}
    shape = Shape("pc", options.memory, cores=1, state_disk=False)
    claims = compiler.claims(profile) if options.prove else ()
    missed = []
    for one in gateways.build(folder, Steps(folder / "build.log"), options.names or gateways.NAMES):
        say = partial(progress, one.name, time.monotonic())
        logs = options.logs / one.name if options.logs else None
        seen[one.name] = watch(one.raw, profile, shape=shape, claims=claims, logs=logs, say=say)
        for id, (good, what) in seen[one.name].answers.items():
            print(f"{'holds' if good else 'does not':10}{id}: {what}")
        must = MUST.get(one.name, [claim.id for claim in claims]) if claims else []
        missed += [f"{one.name}: {id}" for id in must if not seen[one.name].answers.get(id, (False,))[0]]
    print("\n".join([table(seen), *(f"must hold: {text}" for text in missed)]))
    return int(bool(missed))


if __name__ == "__main__":
    from bench import boot_times  # pickled functions must be found under this name, not in __main__

    sys.exit(boot_times.main())
