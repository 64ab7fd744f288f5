"""The cheap rung of verification: the same claims asked of the compiled files, in namespaces, without a machine.

No proof, since no image was asked: it is said on the terminal, and no file is written that could be taken for one.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gwimage.claim import Beyond, Claim, Handshake, Inspection, Offloaded, Shaped
from gwimage.lab import course, guest, tunnels, world
from gwimage.lab import preflight as needs
from gwimage.lab.course import CANNOT, FAIL, NOT_ASKED, PASS, Outcome, Result
from gwimage.lab.hosts import Hosts
from gwimage.lab.probes import ALL_PORTS
from gwimage.lab.rendered import Rendered
from gwimage.lab.topology import derive
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.profile import Profile

_NEEDS_MACHINE = {
    Inspection: "units and their journal need a machine",
    Handshake: "a tunnel needs a machine, whose kernel has WireGuard",
    Shaped: "CAKE needs a machine, whose kernel has it",
    Offloaded: "a flowtable needs a machine, whose kernel has it",
}


def verify(
    profile: Profile,
    files: Mapping[str, File],
    claims: Sequence[Claim],
    tree: Path,
    say: world.Say = lambda text: None,
    ports: Sequence[int] = ALL_PORTS,
) -> Outcome:
    """files: what the profile compiles to; tree: the tools tree; ports: that a scan asks. `preflight` went before it."""
    with tempfile.TemporaryDirectory(prefix="gwimage-fast-") as folder:
        return world.call(_run, profile, dict(files), beyond(claims), tree, Path(folder), ports, say=say)


def preflight() -> None:
    """Raises ToolError, with the cure, when this host cannot do it."""
    if problems := needs.missing_for_namespaces():
        raise ToolError(("gwimage", "verify", "--fast"), 3, "; ".join(problems))


def beyond(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims, with those that only a machine could answer, and what needs them, made unaskable."""
    why: dict[str, str] = {}
    for claim in claims:  # each after those that it needs
        if reason := _NEEDS_MACHINE.get(type(claim.probe), ""):
            why[claim.id] = reason
        elif missing := [name for name in claim.needs if name in why]:
            why[claim.id] = f"needs {', '.join(missing)}"
    return tuple(replace(c, probe=Beyond(why[c.id]), needs=()) if c.id in why else c for c in claims)


def verdict(results: Sequence[Result]) -> tuple[bool, str]:
    """Whether all that was asked is as the profile says; and a line for people, which never says "verified"."""
    count = Counter(result.status for result in results)
    good = count[PASS] > 0 and not count[FAIL] + count[NOT_ASKED]
    bad = "" if good else f"{count[FAIL]} failed, {count[NOT_ASKED]} not asked, "
    return good, (
        f"fast: {bad}{count[PASS]} claims seen, {count[CANNOT]} could not be asked without a machine. "
        "No proof: the image was not asked."
    )


def _run(
    say: world.Say,
    profile: Profile,
    files: dict[str, File],
    claims: tuple[Claim, ...],
    tree: Path,
    folder: Path,
    ports: Sequence[int],
) -> Outcome:
    """Runs inside the world."""
    hosts = Hosts(derive(profile), folder)
    hosts.start()
    keys = guest.tunnel_keys(profile, tunnels.gateway_keys(profile))
    gateway = Rendered(hosts, files, tree, keys, ports=ports)
    gateway.prepare()
    outcome = course.examine(say, hosts, gateway, claims)
    results = [replace(result, capture="") for result in outcome.results]  # they go with the folder
    return replace(outcome, results=(*results, gateway.accepted()))
