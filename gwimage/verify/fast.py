"""Fast verification: the same claims probed on the compiled files, in namespaces, without a VM.

Not a proof, since no image was tested: the terminal says so, and no file is written that could pass for a proof.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gwimage.claims.claim import Claim, NotTestable
from gwimage.lab import preflight as needs
from gwimage.lab import sandbox
from gwimage.lab.hosts import Hosts, wireguard
from gwimage.lab.machine import guest
from gwimage.lab.namespace.gateway import NamespaceGateway
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.topology import derive
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.profile import Profile
from gwimage.verify import probes, run
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Outcome, Result


def verify(
    profile: Profile,
    files: Mapping[str, File],
    claims: Sequence[Claim],
    tree: Path,
    say: sandbox.Say = lambda text: None,
    ports: Sequence[int] = ALL_PORTS,
) -> Outcome:
    """Probes claims in namespaces, after `preflight`.

    files: the compiled profile; tree: the tools tree; ports: that a scan probes.
    """
    with tempfile.TemporaryDirectory(prefix="gwimage-fast-") as folder:
        return sandbox.call(_run, profile, dict(files), beyond(claims), tree, Path(folder), ports, say=say)


def preflight() -> None:
    """Raises ToolError, with the remedy, if this host cannot run it."""
    if problems := needs.missing_for_namespaces():
        raise ToolError(("gwimage", "verify", "--fast"), 3, "; ".join(problems))


def beyond(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims, with those that need a VM, and their dependents, marked NotTestable."""
    why: dict[str, str] = {}
    for claim in claims:  # in dependency order
        if reason := probes.of(claim.probe).needs_machine:
            why[claim.id] = reason
        elif missing := [name for name in claim.needs if name in why]:
            why[claim.id] = f"needs {', '.join(missing)}"
    return tuple(replace(c, probe=NotTestable(why[c.id]), needs=()) if c.id in why else c for c in claims)


def verdict(results: Sequence[Result]) -> tuple[bool, str]:
    """Whether all tested claims pass, and a summary line that never says "verified"."""
    count = Counter(result.status for result in results)
    good = count[PASS] > 0 and not count[FAIL] + count[NOT_ASKED]
    bad = "" if good else f"{count[FAIL]} failed, {count[NOT_ASKED]} not asked, "
    return good, (
        f"fast: {bad}{count[PASS]} claims seen, {count[UNTESTABLE]} could not be asked here. No proof: the image was not asked."
    )


def _run(
    say: sandbox.Say,
    profile: Profile,
    files: dict[str, File],
    claims: tuple[Claim, ...],
    tree: Path,
    folder: Path,
    ports: Sequence[int],
) -> Outcome:
    """Runs inside the sandbox."""
    hosts = Hosts(derive(profile), folder)
    hosts.start()
    keys = guest.tunnel_keys(profile, wireguard.gateway_keys(profile))
    gateway = NamespaceGateway(hosts, files, tree, keys, ports=ports)
    gateway.prepare()
    outcome = run.run_boots(say, hosts, gateway, claims)
    results = [replace(result, capture="") for result in outcome.results]  # captures are removed with the folder
    return replace(outcome, results=(*results, _accepted(gateway.complaints())))


def _accepted(complaints: Sequence[str]) -> Result:
    text = "networkd, resolved and nftables take their files without a complaint"
    return Result("files.accepted", "", text, FAIL if complaints else PASS, "; ".join(complaints) or "no complaint")
