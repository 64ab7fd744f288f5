"""The digest of everything that a profile compiles to: the base that a seed is made against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from gwimage.plan import File
from gwimage.render import manifest

LAYER, IDENTITY = "config/", "seed/"
BASE = f"{LAYER}etc/gwimage/base"  # its digest, in the configuration layer


def digest(files: Mapping[str, File]) -> str:
    """Of what a profile compiles to: definitions and configuration, without what says so itself."""
    known = {
        path: manifest.entry(file)
        for path, file in files.items()
        if not path.startswith((IDENTITY, manifest.PATH)) and path != BASE
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
