"""Digest of a profile's compiled files: the base to which a seed belongs."""

import hashlib
import json
from collections.abc import Mapping

from gwimage.plan import File
from gwimage.render import manifest

LAYER, IDENTITY = "config/", "seed/"
BASE = f"{LAYER}etc/gwimage/base"  # holds the digest, in the configuration layer


def digest(files: Mapping[str, File]) -> str:
    """SHA-256 (hex) of the definitions and configuration; without seed files, manifest and the digest file itself."""
    known = {
        path: manifest.entry(file)
        for path, file in files.items()
        if not path.startswith((IDENTITY, manifest.PATH)) and path != BASE
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
