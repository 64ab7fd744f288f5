"""Rebakes an image for mutants and further profiles, without a full build."""

import os
from pathlib import Path

from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.build.rebake import bake
from gwimage.plan import File


def rebake(image: Path, files: dict[str, File], target: Path) -> Path:
    """Copies the raw image with the `config/` part of the files; does not check that the packages match. Returns `target`."""
    with open(os.devnull, "w") as nowhere:
        steps, mirror = Steps(target.with_suffix(".log"), nowhere), host.mirror()
        bake(files, image, target, tools.tree(steps, tools.mkosi(steps, mirror), mirror), steps)
    return target
