"""Injects faults one after the other: boots if needed, begins the fault, checks, ends it, checks again."""

import re
import time
from collections.abc import Iterator, Sequence

from gwimage.lab.sandbox import Say
from gwimage.lab.wait import wait_for
from gwimage.verify.faults.checks import leases, traffic
from gwimage.verify.faults.fault import Check, Fault, Scene
from gwimage.verify.probes.view import Answer

_MESSAGE_TIMEOUT = 20  # seconds until a message must be readable on console or in the journal


def play(say: Say, scene: Scene, faults: Sequence[Fault]) -> Iterator[tuple[Fault, Answer | None]]:
    """Yields each fault with its answer; None if a fault that it needs did not pass. The gateway is off afterwards."""
    good: set[str] = set()
    fit = False  # the gateway runs normally, so the next fault needs no new boot
    for fault in faults:
        if fault.needs and fault.needs not in good:
            yield fault, None
            continue
        say(f"fault {fault.id}")
        begun = time.monotonic()
        if fault.before_boot or not fit:
            _boot(say, scene, fault)
        answer = _play(scene, fault)
        fit = answer.good and (fault.shared or not fault.before_boot) and scene.gateway.alive()
        good |= {fault.id} if answer.good else set()
        yield fault, Answer(answer.good, f"{answer.seen}; {time.monotonic() - begun:.0f} s in all")
    scene.gateway.cut()


def _boot(say: Say, scene: Scene, fault: Fault) -> None:
    """Boots with fresh disks and ISP, and the fault's changes; as in lab/boot.py, an emulated machine may hang once."""
    scene.gateway.cut()
    scene.gateway.renew()
    scene.hosts.stop_isp()
    scene.hosts.start_isp()
    if fault.before_boot:
        fault.before_boot(scene)
    if not _start(scene, fault) and scene.gateway.emulated:
        say("no sign of life: power off, and on once more")
        scene.gateway.cut()
        _start(scene, fault)
    if not fault.before_boot:  # such a fault needs a gateway that serves
        _all(scene, (leases, traffic), scene.gateway.patience)


def _start(scene: Scene, fault: Fault) -> bool:
    """Powers on; whether the boot completed, or for a dark fault, its message appeared."""
    console = scene.hosts.dir / "console.log"
    scene.console = console.stat().st_size if console.exists() else 0
    scene.gateway.start(control=False)
    scene.hosts.ask_for_leases()
    arrived = (lambda: _message_seen(scene, fault)) if fault.dark else scene.gateway.ready
    return wait_for(arrived, scene.gateway.patience, scene.gateway.alive)


def _play(scene: Scene, fault: Fault) -> Answer:
    """Begins the fault, checks, ends it, checks again; returns the first failure, or everything seen."""
    try:
        if fault.begin:
            fault.begin(scene)
        during = _all(scene, fault.during, fault.seconds)
        if during.good and fault.said and not wait_for(lambda: _message_seen(scene, fault), _MESSAGE_TIMEOUT, lambda: True):
            during = Answer(False, f"{during.seen}; but neither console nor journal say {_pattern(scene, fault)!r}")
    except OSError as error:  # raised by a client without an address
        during = Answer(False, str(error))
    if fault.end:
        fault.end(scene)
    if not during.good or not fault.after:
        return during
    after = _all(scene, fault.after, fault.seconds)
    return Answer(after.good, f"{during.seen}; then {after.seen}")


def _all(scene: Scene, checks: Sequence[Check], seconds: float) -> Answer:
    """Repeats each check until it passes; `seconds` is the limit for all together."""
    begun, seen = time.monotonic(), []
    for check in checks:
        answer = _ask(scene, check)
        while not answer.good and time.monotonic() - begun < seconds:
            time.sleep(0.2)
            answer = _ask(scene, check)
        if not answer.good:
            return Answer(False, f"{answer.seen} (after {time.monotonic() - begun:.0f} s)")
        seen.append(answer.seen)
    return Answer(True, f"{', '.join(seen)} ({time.monotonic() - begun:.0f} s)")


def _ask(scene: Scene, check: Check) -> Answer:
    """Runs a check; OSError, as of a client without an address, is a failure."""
    try:
        return check(scene)
    except OSError as error:
        return Answer(False, str(error))


def _message_seen(scene: Scene, fault: Fault) -> bool:
    return bool(re.search(_pattern(scene, fault), scene.output()))


def _pattern(scene: Scene, fault: Fault) -> str:
    return fault.said.replace("{wan}", re.escape(scene.wan.name))
