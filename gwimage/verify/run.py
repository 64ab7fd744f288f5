"""Verification sequence: boot, wait for answers, probe every claim; boot again as control.

The second boot has two purposes: persistence (state that must survive a restart did) and
control (firewall and masquerade off: what was closed or hidden must now be open or visible).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gwimage.claims.claim import Claim
from gwimage.claims.claim_dhcp import Pool
from gwimage.lab import boot
from gwimage.lab.hosts import Hosts, dns_servers, wireguard
from gwimage.lab.machine import guest
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.machine.guest import Findings
from gwimage.lab.machine.processor import acceleration
from gwimage.lab.machine.qemu import Machine, Shape
from gwimage.lab.packets import ipv4
from gwimage.lab.packets.pcapng import Frame
from gwimage.lab.sandbox import Say
from gwimage.lab.topology import derive
from gwimage.profile import Profile
from gwimage.verify import advice, announcements, capture, evidence, faults, probes
from gwimage.verify.faults import driver
from gwimage.verify.faults.fault import Scene
from gwimage.verify.probes import leases
from gwimage.verify.probes.view import CONTROL_PORTS, Answer, View
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Outcome, Result
from gwimage.verify.schedule import ask_all

_LOOK = "docs/faults.md says what must be true then; console.log shows the boot in which it happened."
_PATIENCE = {"kvm": 60, "tcg": 300}


@dataclass(frozen=True)
class Job:
    """What to verify.

    dir: receives logs and overlays; faults: ids of those to inject (empty: all), None for none; ports: that a scan probes.
    """

    image: Path
    profile: Profile
    claims: tuple[Claim, ...]
    shape: Shape
    dir: Path
    faults: tuple[str, ...] | None = None
    ports: Sequence[int] = ipv4.ALL_PORTS


def run(say: Say, job: Job) -> Outcome:
    """Verifies an image; runs inside the sandbox."""
    accel = acceleration()
    say(f"acceleration: {accel}")
    topology, keys = derive(job.profile), wireguard.gateway_keys(job.profile)
    hosts = Hosts(topology, job.dir, wireguard.derive(job.profile, topology, keys))
    machine = Machine(job.image, job.shape, hosts.topology.cards, job.dir, accel)
    hosts.start()
    machine.prepare()
    given = guest.tunnel_keys(job.profile, keys) | guest.before_network(guest.BEFORE[1], wireguard.introduce(hosts.tunnels))
    gateway = Gateway(machine, _PATIENCE[accel], accel == "tcg", given, ports=job.ports)
    outcome = run_boots(say, hosts, gateway, job.claims)
    outcome.environment["accel"] = accel
    if job.faults is None:
        return outcome
    return replace(outcome, results=outcome.results + run_faults(say, hosts, gateway, job, outcome.results))


def run_faults(say: Say, hosts: Hosts, gateway: Gateway, job: Job, before: Sequence[Result]) -> tuple[Result, ...]:
    """Injects the faults after both boots; uses the claims' control results."""
    controls = {result.id: result.control for result in before if result.status == PASS and result.control}
    scene = Scene(hosts, gateway, job.claims, controls)
    results, begun = [], time.time()
    for fault, answer in driver.play(say, scene, faults.pick(job.faults or (), hosts.topology)):
        status, seen = (PASS if answer.good else FAIL, answer.seen) if answer else (NOT_ASKED, f"needs faults.{fault.needs}")
        say(f"fault {fault.id}: {status}, {seen}")
        results.append(
            Result(
                f"faults.{fault.id}",
                "",
                fault.text,
                status,
                seen,
                started=begun,
                seconds=time.time() - begun,
                question=f"docs/faults.md, {fault.id}",
                advice=_LOOK if status == FAIL else "",
            )
        )
        begun = time.time()
    return tuple(results)


def run_boots(say: Say, hosts: Hosts, gateway: Gateway, claims: Sequence[Claim]) -> Outcome:
    """Runs both boots of a gateway with its lab hosts."""
    clock, listener = time.monotonic(), capture.start(hosts)
    dns_servers.start(hosts)
    say("boot: waiting for the WAN address and the leases")
    times = boot.switch_on(say, hosts, gateway, control=False)
    on = gateway.started
    look = cache(gateway.findings)

    def answer(claim: Claim) -> Answer:
        say(f"asking {claim.id}")
        return probes.ask(claim.probe, View(hosts, look, gateway.ports, gateway.tries, gateway.sockets))

    answers = ask_all(claims, answer, gateway.concurrent)
    roomy = [claim.probe.lan for claim in claims if isinstance(claim.probe, Pool)]
    for lan in roomy:
        leases.keep(lan)
    before = _memory(hosts, look(), roomy)
    heard, off = gateway.agent_answers(), time.time()
    how = gateway.stop()
    times["power-off"] = time.time() - off
    say("control boot: the same gateway, firewall and masquerade off")
    second = boot.switch_on(say, hosts, gateway, control=True)
    survived = _survived(before, _memory(hosts, gateway.findings(), roomy), gateway.started)
    gateway.open_up()
    view = View(hosts, look, CONTROL_PORTS, gateway.tries, gateway.sockets)
    controls = _controls([c for c in claims if c.closed and answers[c.id] and answers[c.id].good], view, gateway.concurrent)
    results = [evaluate(claim, answers[claim.id], controls.get(claim.id)) for claim in claims]
    results += [_stopped(how, off, times["power-off"]), _answered(heard, off), survived, _shut_down(gateway)]
    packets = listener.end()
    results.append(_quiet(packets, on))
    outside = [wan.name for wan in hosts.topology.wans] if gateway.concurrent else []
    results = _with_evidence(results, claims, controls, on, packets, hosts, outside)
    times |= {f"second boot: {name}": at for name, at in second.items()}
    times["whole verification"] = time.monotonic() - clock
    return Outcome(tuple(results), times, {}, look())


def _controls(claims: Sequence[Claim], view: View, concurrent: bool) -> dict[str, Answer | None]:
    """Control answers; a probe that found nothing open is retried alone, since a busy machine loses packets."""
    left = [replace(claim, needs=()) for claim in claims]
    found: dict[str, Answer | None] = {}
    for together in (concurrent, False):
        found |= ask_all(left, lambda claim: probes.ask(claim.probe, view), together)
        left = [claim for claim in left if not found[claim.id].exposed]
    return found


def evaluate(claim: Claim, answer: Answer | None, control: Answer | None) -> Result:
    """Result of a claim; a negative claim passes only if the control boot saw the opposite."""
    result = Result(claim.id, claim.path, claim.text, NOT_ASKED, question=probes.of(claim.probe).question, needs=claim.needs)
    if answer is None:
        return replace(result, seen=f"needs {', '.join(claim.needs)}")
    for unasked in (found for found in (answer, control) if found and not found.asked):
        return replace(result, status=UNTESTABLE, seen=unasked.seen)
    status, shown = (PASS if answer.good else FAIL), ""
    if claim.closed and answer.good:
        exposed = control is not None and control.exposed
        status = PASS if exposed else FAIL
        shown = control.seen if control else "not asked"
        shown = shown if exposed else f"no control: {shown}"
    return replace(
        result,
        status=status,
        seen=answer.seen,
        control=shown,
        started=answer.started,
        seconds=answer.seconds,
        ports=answer.ports,
    )


def _with_evidence(
    results: Sequence[Result],
    claims: Sequence[Claim],
    controls: dict[str, Answer | None],
    on: float,
    packets: Sequence[Frame],
    hosts: Hosts,
    outside: Sequence[str],
) -> list[Result]:
    """Results, the failed ones with their packets and advice.

    on: power-on of the first boot; outside: see capture.of.
    """
    probed, found = {claim.id: claim.probe for claim in claims}, []
    for result in results:
        if result.status == FAIL:
            probe, control = probed.get(result.id), controls.get(result.id)
            began = on if probe is not None and probes.of(probe).from_power_on else result.started
            windows = [(began, result.started + result.seconds)]
            if control:
                windows.append((control.started, control.started + control.seconds))
            seen = capture.of(probe, windows, packets, outside)
            hint = advice.first(result.id, probe, bool(result.control), evidence.Wire(seen, hosts))
            result = replace(result, advice=hint, capture=capture.keep(seen, result.id, hosts.dir))
        found.append(result)
    return found


def _memory(hosts: Hosts, findings: Findings | None, roomy: Sequence[str]) -> dict[str, str]:
    """State that must survive a restart.

    roomy: LANs with a Pool claim, where a kept lease tests that the gateway remembers it.
    """
    kept = {f"WAN address {w.name}": str(hosts.wan_address(w, 2)) for w in hosts.topology.wans}
    for lan in hosts.topology.lans:
        if lan.dhcp:
            kept[f"lease on {lan.name}"] = (hosts.lease(lan.name) or {}).get("ip", "None")
    kept |= {f"another lease on {lan}": leases.kept(lan) for lan in roomy}
    if uplink := hosts.topology.uplink:
        kept[f"name in DHCPv6 on {uplink.name}"] = hosts.six.customer(uplink, 10)
    if not findings or findings.machine_id:  # a namespace has none
        kept["machine id"] = findings.machine_id if findings else "None"
    if findings and findings.host_keys:  # a gateway without SSH has none
        kept["SSH host keys"] = ", ".join(findings.host_keys)
    return kept


def _stopped(how: str, off: float, seconds: float) -> Result:
    text = "the power button stops the gateway cleanly"
    if not how:
        return Result("machine.poweroff", "", text, UNTESTABLE, "needs a machine")
    seen = f"{how} after {seconds:.1f} s"
    result = Result("machine.poweroff", "", text, PASS if how == "clean" else FAIL, seen)
    return replace(result, started=off, seconds=seconds, question="the hypervisor presses the power button (ACPI)")


def _answered(heard: bool | None, at: float) -> Result:
    text = "the guest agent answers"
    if heard is None:
        return Result("machine.agent", "", text, UNTESTABLE, "needs a machine")
    result = Result("machine.agent", "", text, PASS if heard else FAIL, "it answers" if heard else "no answer")
    return replace(result, started=at, question="the hypervisor pings the agent by its virtio port (guest-ping)")


def _shut_down(gateway: Gateway) -> Result:
    """Shuts the gateway down at the end of the control boot."""
    text, began = "the guest agent shuts the gateway down cleanly", time.time()
    how, seconds = gateway.shut_down(), time.time() - began
    if not how:
        return Result("machine.shutdown", "", text, UNTESTABLE, "needs a machine")
    result = Result("machine.shutdown", "", text, PASS if how == "clean" else FAIL, f"{how} after {seconds:.1f} s")
    return replace(result, started=began, seconds=seconds, question="the hypervisor orders the agent to (guest-shutdown)")


def _quiet(packets: Sequence[Frame], on: float) -> Result:
    """Claim that the gateway announces nothing; on: power-on of the first boot."""
    said = announcements.announced(packets)
    text = "the gateway does not announce itself to its neighbours"
    question = "all packets of both boots are looked through for LLDP, multicast DNS, LLMNR and SSDP"
    result = Result("machine.quiet", "", text, FAIL if said else PASS, ", ".join(said) or "nothing", question=question)
    return replace(result, started=on, seconds=time.time() - on)


def _survived(before: dict[str, str], after: dict[str, str], on: float) -> Result:
    """Claim that state survived the restart; on: power-on of the second boot."""
    text = "a restart keeps addresses and identity"
    wrong = [
        f"{name}: {value} became {after.get(name, 'None')}" if value != "None" else f"{name}: not known"
        for name, value in before.items()
        if value == "None" or value != after.get(name)
    ]
    seen = "; ".join(wrong) or f"the same: {', '.join(before)}"
    result = Result("state.persist", "", text, FAIL if wrong else PASS, seen)
    return replace(result, started=on, seconds=time.time() - on, question="the same gateway is booted again and compared")
