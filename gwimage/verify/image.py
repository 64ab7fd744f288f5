"""Verification of an image: runs the lab and collects the results into a report."""

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from gwimage import __version__
from gwimage.build import digests
from gwimage.claims.claim import Claim
from gwimage.compiler import output_file, output_tree
from gwimage.lab import preflight, sandbox
from gwimage.lab.machine import guest, qemu
from gwimage.lab.machine.processor import cores
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.plan import File
from gwimage.problem import ToolError
from gwimage.profile import Profile
from gwimage.verify import capture, run
from gwimage.verify import result as course
from gwimage.verify.result import PASS, UNTESTABLE, Result

_USUAL_SHAPE = qemu.Shape()


@dataclass(frozen=True)
class Report:
    """The proof of one image. `times` are seconds since power-on unless their name says otherwise."""

    image: str
    image_sha256: str
    profile: str
    release: str
    profile_digest: str
    results: tuple[Result, ...]
    times: dict[str, float]
    environment: dict[str, str]
    started: float = 0  # seconds since the epoch
    places: dict[str, str] = field(default_factory=dict)  # location in the profile of each claim's path
    allowlist: tuple[tuple[str, str], ...] = guest.ALLOWED
    version: str = __version__

    @property
    def good(self) -> bool:
        """Whether at least one claim passed and none failed; untestable ones do not count as failed."""
        statuses = {result.status for result in self.results}
        return PASS in statuses and statuses <= {PASS, UNTESTABLE}


def verify(
    image: Path,
    profile: Profile,
    claims: Sequence[Claim],
    *,
    shape: qemu.Shape = _USUAL_SHAPE,
    profile_digest: str = "",
    places: Mapping[str, str] = MappingProxyType({}),
    logs: Path | None = None,
    faults: tuple[str, ...] | None = None,
    ports: Sequence[int] = ALL_PORTS,
    say: sandbox.Say = lambda text: None,
) -> Report:
    """Boots the image twice in its lab and probes every claim.

    logs: receives consoles, host logs, and the packets of failed claims; faults and ports: see run.Job.
    Never writes to the image. Raises ToolError if the host cannot run the lab, or if the image
    changes meanwhile.
    """
    if problems := preflight.missing(shape.machine):
        raise ToolError(("gwimage", "verify"), 3, "; ".join(problems))
    started, state, digest = time.time(), _state(image), _digest(image)
    with tempfile.TemporaryDirectory(prefix="gwimage-lab-") as folder:
        job = run.Job(image.resolve(), profile, tuple(claims), shape, Path(folder), faults, ports)
        try:
            outcome = sandbox.call(run.run, job, say=say)
            results = tuple(_told(result, Path(folder)) for result in outcome.results)
        finally:
            if logs:
                _keep(Path(folder), logs)
    if _state(image) != state:
        raise ToolError(("gwimage", "verify", str(image)), 3, "the image changed while it was verified")
    return Report(
        image=image.name,
        image_sha256=digest,
        profile=profile.name,
        release=profile.release,
        profile_digest=profile_digest,
        results=results,
        times=outcome.times,
        environment=_environment(shape, outcome),
        started=started,
        places=dict(places),
    )


def built_from(image: Path, files: dict[str, File]) -> None:
    """Raises ToolError if the image was not built from this profile, or has changed since.

    files: what the profile compiles to now.
    """
    manifest = image.with_suffix(".manifest.json")
    if why := _not_built_from(image, manifest, files):
        raise ToolError(("gwimage", "verify", str(image)), 1, f"{why}; run `gwimage build` with this profile first")


def _not_built_from(image: Path, manifest: Path, files: dict[str, File]) -> str:
    if not image.exists():
        return "there is no such image"
    if not manifest.exists():
        return f"there is no {manifest.name} beside it, so nobody knows which profile it was built from"
    wanted = json.loads(files["manifest.json"].text)
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        same_input, same_files = (found[key] == wanted[key] for key in ("input", "files"))
    except output_tree.UNLIKE:
        return f"{manifest.name} cannot be read"
    if not same_input:
        return "the profile has changed since it was built"
    if not same_files:
        return "a file that the profile names, or gwimage itself, has changed since it was built"
    return digests.why_not_as_built(image)


def _environment(shape: qemu.Shape, outcome: course.Outcome) -> dict[str, str]:
    found = outcome.environment | {
        "qemu": qemu.version(),
        "machine": f"{shape.machine}, {cores(outcome.environment['accel'], shape.cores)} CPUs, {shape.memory} MiB",
        "host": f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs",
    }
    if outcome.findings:
        found["guest"] = outcome.findings.release
        found["guest boot"] = outcome.findings.boot_time
        found["guest connections"] = f"room for {outcome.findings.connections}"
        found["guest memory available"] = f"{outcome.findings.memory_available // 1024} MiB"
    return found


def _digest(image: Path) -> str:
    with image.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(image: Path) -> tuple[int, int, int]:
    found = image.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _told(result: Result, folder: Path) -> Result:
    return replace(result, packets=capture.told(folder / result.capture)) if result.capture else result


def _keep(folder: Path, logs: Path) -> None:
    """Copies logs and captures, after removing the captures of an earlier run."""
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.pcapng"):
        old.unlink()
    for found in (*folder.glob("*.log"), *folder.glob("*.pcapng")):
        output_file.write(logs / found.name, found.read_bytes(), output_file.SHARED)
