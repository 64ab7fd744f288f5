"""Plays faults one after the other: power on where one asks for it, begin, look, end, look again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

from gwimage.lab.sandbox import Say
from gwimage.lab.wait import wait_for
from gwimage.verify.faults.checks import leases, traffic
from gwimage.verify.faults.fault import Check, Fault, Scene
from gwimage.verify.probes.view import Answer

_SAID = 20  # seconds that what was said may take to be read


def play(say: Say, scene: Scene, faults: Sequence[Fault]) -> Iterator[tuple[Fault, Answer | None]]:
    """What became of each; None if it was not played for want of what it needs. The gateway is off afterwards."""
    good: set[str] = set()
    fit = False  # the gateway runs as it should, so that later faults may disturb it
    for fault in faults:
        if fault.needs and fault.needs not in good:
            yield fault, None
            continue
        say(f"fault {fault.id}")
        begun = time.monotonic()
        if fault.off or not fit:
            _boot(say, scene, fault)
        answer = _play(scene, fault)
        fit = answer.good and (fault.shared or not fault.off) and scene.gateway.alive()
        good |= {fault.id} if answer.good else set()
        yield fault, Answer(answer.good, f"{answer.seen}; {time.monotonic() - begun:.0f} s in all")
    scene.gateway.cut()


def _boot(say: Say, scene: Scene, fault: Fault) -> None:
    """Everything as at first, but for the fault; as in boot.py, an emulated machine may hang once."""
    scene.gateway.cut()
    scene.gateway.renew()
    scene.hosts.stop_isp()
    scene.hosts.start_isp()
    if fault.off:
        fault.off(scene)
    if not _start(scene, fault) and scene.gateway.emulated:
        say("no sign of life: power off, and on once more")
        scene.gateway.cut()
        _start(scene, fault)
    if not fault.off:  # it befalls a gateway that serves
        _all(scene, (leases, traffic), scene.gateway.patience)


def _start(scene: Scene, fault: Fault) -> bool:
    """Whether the boot came to its end, or to where it says that there is none."""
    console = scene.hosts.dir / "console.log"
    scene.console = console.stat().st_size if console.exists() else 0
    scene.gateway.start(control=False)
    scene.hosts.ask_for_leases()
    arrived = (lambda: _said(scene, fault)) if fault.dark else scene.gateway.ready
    return wait_for(arrived, scene.gateway.patience, scene.gateway.alive)


def _play(scene: Scene, fault: Fault) -> Answer:
    """The first thing that is not as it must be, or all that was seen."""
    try:
        if fault.make:
            fault.make(scene)
        during = _all(scene, fault.during, fault.seconds)
        if during.good and fault.said and not wait_for(lambda: _said(scene, fault), _SAID, lambda: True):
            during = Answer(False, f"{during.seen}; but neither console nor journal say {_pattern(scene, fault)!r}")
    except OSError as error:  # of a client without an address
        during = Answer(False, str(error))
    if fault.end:
        fault.end(scene)
    if not during.good or not fault.after:
        return during
    after = _all(scene, fault.after, fault.seconds)
    return Answer(after.good, f"{during.seen}; then {after.seen}")


def _all(scene: Scene, checks: Sequence[Check], seconds: float) -> Answer:
    """Each is asked until it comes out good, all of them together for so many seconds at most."""
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
    """A client that has no address cannot ask."""
    try:
        return check(scene)
    except OSError as error:
        return Answer(False, str(error))


def _said(scene: Scene, fault: Fault) -> bool:
    return bool(re.search(_pattern(scene, fault), scene.said()))


def _pattern(scene: Scene, fault: Fault) -> str:
    return fault.said.replace("{wan}", re.escape(scene.wan.name))
