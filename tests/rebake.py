"""How mutants and further profiles come to a VM without a build."""

import os
from pathlib import Path

import oracle

from gwimage.plan import File
from gwimage.rebake import bake
from gwimage.step import Steps


def rebake(image: Path, files: dict[str, File], target: Path) -> Path:
    """A copy of the raw image with the `config/` part of the files, whatever packages they want."""
    with open(os.devnull, "w") as nowhere:
        bake(files, image, target, oracle.tree(), Steps(target.with_suffix(".log"), nowhere))
    return target
