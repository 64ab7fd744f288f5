"""Packages that Debian 13's tools tree lacks for a test, unpacked into the cache as an overlay, not installed."""

import tempfile
from pathlib import Path

from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.lab.netns import run


def unpacked(tree: Path, name: str, *packages: str) -> Path:
    """Packages and their dependencies beyond the tree, unpacked; fetched once for each tree."""
    found = host.cache() / f"{name}-{tree.name}"
    mirror = host.mirror()
    with tools.locked(name, Steps(host.cache() / "test.log")):
        if not found.exists():
            with tempfile.TemporaryDirectory(dir=host.cache(), prefix=f"{name}.") as work:
                root, words = Path(work, "apt"), ("-y", "--no-install-recommends", "--download-only", *packages)
                tools.apt(root, "trixie", mirror, ("update",), ("install", *words), status=tree / "var/lib/dpkg/status")
                for package in root.glob("var/cache/apt/archives/*.deb"):
                    run(["dpkg-deb", "-x", str(package), f"{work}/root"])
                Path(work, "root").rename(found)
    return found
