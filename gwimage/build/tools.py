"""Build tools: a mkosi of at least version OLDEST, and the tools tree that it runs. Both are cached, shared by checkouts.

mkosi is not on PyPI: the host's is used if it is new enough, else Debian's package is downloaded from the
mirror of the host's own apt, which checks the signature, and unpacked without installing it.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gwimage.build import host
from gwimage.build.host import Mirror
from gwimage.build.progress import Steps
from gwimage.problem import ToolError

OLDEST = (25, 3)


@dataclass(frozen=True)
class Mkosi:
    """Command line of one mkosi, and the environment variables that it needs."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()

    def environment(self) -> dict[str, str]:
        return os.environ | dict(self.env)


def mkosi(steps: Steps, mirror: Mirror, suite: str | None = None) -> Mkosi:
    """The host's mkosi if at least 25.3, else Debian 13's; the one of `suite` if given."""
    if not suite and (path := shutil.which("mkosi")) and _version(path) >= OLDEST:
        return Mkosi((path,))
    suite = suite or "trixie"
    with locked("mkosi", steps):
        found = host.cache() / f"mkosi-{suite}"
        if not found.exists():
            with steps.step(f"fetching mkosi of Debian {suite}"):
                _unpack(_download("mkosi", suite, mirror), found)
    # Debian's own Python where there is one: mkosi looks for its interpreter below /usr
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    return Mkosi((python, "-m", "mkosi"), (("PYTHONPATH", str(found / "usr/lib/python3/dist-packages")),))


def tree(steps: Steps, mkosi: Mkosi, mirror: Mirror) -> Path:
    """Path of the tools tree, built once per definition, mkosi and mirror."""
    conf = (files("gwimage") / "toolstree" / "mkosi.conf").read_text(encoding="utf-8")
    key = hashlib.sha256(f"{mkosi.argv}{mkosi.env}{conf}{mirror.sources('trixie')}".encode()).hexdigest()[:12]
    found = host.cache() / f"tools-{key}"
    with locked("tools", steps):
        if not found.exists():
            with tempfile.TemporaryDirectory(dir=host.cache(), prefix="tools.") as work:
                definition = Path(work) / "tree"
                definition.mkdir()
                (definition / "mkosi.conf").write_text(conf)
                output = run(steps, "building the tools tree (once)", mkosi, mirror, definition)
                (output / "tools").rename(found)
    return found


def run(steps: Steps, text: str, mkosi: Mkosi, mirror: Mirror, definition: Path, *words: str) -> Path:
    """Runs one mkosi build as a step; returns the output folder. Everything is written beside the definition.

    Packages come from `mirror`; downloads are cached for all checkouts of this user.
    """
    definition = definition.resolve()  # mkosi takes relative paths from its own directory
    work = definition.parent
    folders = {name: work / name for name in ("sandbox", "scratch", "out")}
    for folder in (*folders.values(), host.cache() / "packages"):
        folder.mkdir(exist_ok=True)
    sources = folders["sandbox"] / "etc/apt/sources.list.d/mkosi.sources"  # this name replaces mkosi's own list
    sources.parent.mkdir(parents=True)
    sources.write_text(mirror.sources("trixie"))
    argv = [
        *mkosi.argv,
        "--directory",
        definition,
        "--sandbox-tree",
        folders["sandbox"],
        "--package-cache-dir",
        host.cache() / "packages",
        "--workspace-dir",
        folders["scratch"],
        "--output-dir",
        folders["out"],
        *words,
        "build",
    ]
    steps.run(argv, text, env=mkosi.environment(), umask=0o022)  # depmod and others create files in the image with it
    return folders["out"]


@contextlib.contextmanager
def locked(name: str, steps: Steps) -> Iterator[None]:
    """Lock across all gwimage processes of this user; the kernel releases it when its holder ends (flock(2))."""
    with open(host.cache() / f"{name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with steps.step(f"waiting for another gwimage ({name})"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _version(path: str) -> tuple[int, ...]:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])


def _download(package: str, suite: str, mirror: Mirror) -> Path:
    """Downloads a package of another suite; returns the .deb."""
    root = host.cache() / f"apt-{suite}"
    apt(root, suite, mirror, ("update",), ("download", package))
    return max(root.glob(f"{package}_*.deb"), key=lambda file: file.stat().st_mtime)


def apt(root: Path, suite: str, mirror: Mirror, *orders: tuple[str, ...], status: Path | None = None) -> None:
    """Runs apt-get for a Debian suite in `root`, independent of the host's state; signatures are checked.

    status: dpkg status file of the packages that count as installed; default none.
    """
    for folder in (
        "etc/apt/preferences.d",
        "etc/apt/sources.list.d",
        "var/lib/apt/lists/partial",
        "var/lib/dpkg",
        "var/cache/apt/archives/partial",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "etc/apt/sources.list.d/debian.sources").write_text(mirror.sources(suite))
    # The host's apt.conf still applies (proxies, certificates); a mirror's snapshot may be past its Valid-Until.
    argv = ["apt-get", "-qq"]
    for option in (
        f"Dir::Etc={root}/etc/apt",
        f"Dir::State={root}/var/lib/apt",
        f"Dir::Cache={root}/var/cache/apt",
        f"Dir::State::status={status or root / 'var/lib/dpkg/status'}",
        "APT::Sandbox::User=root",
        "Acquire::Check-Valid-Until=false",
        "APT::Update::Post-Invoke-Success::=",
        "Acquire::Languages=none",
    ):
        argv += ["-o", option]
    for words in orders:
        done = subprocess.run([*argv, *words], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolError((*argv, *words), done.returncode, done.stderr)


def _unpack(package: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="unpack.") as work:
        host.output(("dpkg-deb", "-x", str(package), f"{work}/root"))
        Path(work, "root").rename(target)
