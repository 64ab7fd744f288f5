"""Builds an image with mkosi from a compiled tree. Results get their final names complete or not at all."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gwimage.build import digests, nft_check, tools
from gwimage.build.host import Mirror
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.plan import File
from gwimage.problem import Problem, ToolError
from gwimage.render import nftables

COMMANDS = {"qemu-img": "qemu-utils"}
STAGING = ".building-"


@dataclass(frozen=True)
class Built:
    """Output files of one build."""

    raw: Path
    qcow2: Path
    manifest: Path


def build(files: dict[str, File], stem: str, out: Path, steps: Steps, mirror: Mirror, suite: str | None = None) -> Built:
    """Builds OUT/STEM.{raw,qcow2,manifest.json,digests.json}. Raises ToolError if a tool fails; OUT is then unchanged."""
    with staging(out) as folder:
        output_tree.write(files, str(folder / "tree"))
        return finish(files, image(folder / "tree", stem, steps, mirror, suite), out, steps)


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Locked staging folder in OUT, removed at the end, or by the next build if this process is killed."""
    out.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=STAGING) as folder, open(f"{folder}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def finish(files: dict[str, File], raw: Path, out: Path, steps: Steps) -> Built:
    """Adds qcow2, digests and manifest to a raw image in a staging folder, and moves the four into OUT."""
    qcow2, manifest, sums = (raw.with_suffix(suffix) for suffix in (".qcow2", ".manifest.json", digests.SUFFIX))
    steps.run(
        ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", raw, qcow2],
        "compressing the qcow2",
    )
    with steps.step("digests of the image and its partitions"):
        sums.write_text(digests.render(raw, qcow2), encoding="utf-8")
    manifest.write_text(files["manifest.json"].text, encoding="utf-8")
    usual = manifest.stat().st_mode & 0o777  # by the user's umask
    secret = any(path.startswith("config/") and not file.link and not file.mode & 0o004 for path, file in files.items())
    for path in (raw, qcow2):
        path.chmod(0o600 if secret else usual)
    # removed first and moved last, so that a manifest never stands beside another build's image
    for suffix in (".manifest.json", digests.SUFFIX, ".proof.json", ".proof.xml", ".proof.html"):
        (out / raw.with_suffix(suffix).name).unlink(missing_ok=True)
    for path in (raw, qcow2, sums, manifest):
        os.replace(path, out / path.name)
    return Built(*(out / path.name for path in (raw, qcow2, manifest)))


def check_raw_rules(files: dict[str, File], steps: Steps, mirror: Mirror, suite: str | None = None) -> list[Problem]:
    """Problems that Debian's nft reports in firewall.raw rules. Raises ToolError if nft cannot run."""
    tree = tools.tree(steps, tools.mkosi(steps, mirror, suite), mirror)
    with steps.step("asking nft about firewall.raw"):
        problems, failure = nft_check.check(files[f"config/{nftables.PATH}"], tree)
        if failure:
            raise ToolError(("nft", "-f", nftables.PATH), 1, failure)
    return problems


def image(tree: Path, stem: str, steps: Steps, mirror: Mirror, suite: str | None = None) -> Path:
    """Runs mkosi once in TREE, locked against other builds of this user; returns the raw image, in a folder beside TREE."""
    mkosi = tools.mkosi(steps, mirror, suite)
    tools_tree = tools.tree(steps, mkosi, mirror)
    with tools.locked("build", steps):
        output = tools.run(steps, "building the image", mkosi, mirror, tree, "--tools-tree", str(tools_tree))
    return output / f"{stem}.raw"


def _sweep(out: Path) -> None:
    """Removes staging folders of killed builds: those whose lock is free."""
    for folder in out.glob(f"{STAGING}*"):
        try:
            with open(folder / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue
