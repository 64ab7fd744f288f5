"""Runs the real mkosi over a compiled tree; results appear under their final names whole or not at all."""

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gwimage import compile as compiler
from gwimage import nft, tools
from gwimage.host import Mirror
from gwimage.plan import File
from gwimage.problem import Problem, ToolError
from gwimage.render import nftables
from gwimage.step import Steps

COMMANDS = {"qemu-img": "qemu-utils"}
STAGING = ".building-"


@dataclass(frozen=True)
class Built:
    """The files of one build."""

    raw: Path
    qcow2: Path
    manifest: Path


def build(files: dict[str, File], stem: str, out: Path, steps: Steps, mirror: Mirror, suite: str | None = None) -> Built:
    """Builds the tree into OUT/STEM.{raw,qcow2,manifest.json}; ToolError if a tool fails, and nothing has changed."""
    out.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=STAGING) as staging, open(f"{staging}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        work = Path(staging) / "tree"
        compiler.write(files, str(work))
        raw = image(work, stem, steps, mirror, suite)
        qcow2 = raw.with_suffix(".qcow2")
        steps.run(
            ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", raw, qcow2],
            "compressing the qcow2",
        )
        shutil.copy(work / "manifest.json", raw.with_suffix(".manifest.json"))
        if any(path.startswith("config/") and not file.link and not file.mode & 0o004 for path, file in files.items()):
            raw.chmod(0o600)
            qcow2.chmod(0o600)
        built = Built(*(out / f"{stem}{suffix}" for suffix in (".raw", ".qcow2", ".manifest.json")))
        for path in (built.raw, built.qcow2, built.manifest):
            os.replace(raw.parent / path.name, path)
    return built


def judge_raw(files: dict[str, File], steps: Steps, mirror: Mirror, suite: str | None = None) -> list[Problem]:
    """What Debian's nft has against the rules of the user's own. Raises ToolError if it cannot be asked."""
    tree = tools.tree(steps, tools.mkosi(steps, mirror, suite), mirror)
    with steps.step("asking nft about firewall.raw"):
        problems, otherwise = nft.check(files[f"config/{nftables.PATH}"], tree)
        if otherwise:
            raise ToolError(("nft", "-f", nftables.PATH), 1, otherwise)
    return problems


def image(tree: Path, stem: str, steps: Steps, mirror: Mirror, suite: str | None = None) -> Path:
    """One run of mkosi in TREE, alone among all builds of this user; the raw image in a folder beside TREE."""
    mkosi = tools.mkosi(steps, mirror, suite)
    tools_tree = tools.tree(steps, mkosi, mirror)
    with tools.locked("build", steps):
        output = tools.run(steps, "building the image", mkosi, mirror, tree, "--tools-tree", str(tools_tree))
    return output / f"{stem}.raw"


def _sweep(out: Path) -> None:
    """Removes what killed builds left: a staging folder whose lock nobody holds."""
    for folder in out.glob(f"{STAGING}*"):
        try:
            with open(folder / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue
