"""SHA-256 digests of a built image and of each of its partitions, in a file beside it.

Written by the build; read by whoever takes an image for what the build made. Not in manifest.json, which follows from the
profile alone.
"""

import hashlib
import json
from pathlib import Path

from gwimage.build import disk_image
from gwimage.build.disk_image import Partition

SUFFIX = ".digests.json"
_FORMAT = 1
_UNLIKE = (OSError, ValueError, KeyError, TypeError, AttributeError)  # raised by reading a foreign file


def render(raw: Path, qcow2: Path) -> str:
    """Text of the file for an image in both forms."""
    found = {"format": _FORMAT, "files": {"raw": _sha256(raw), "qcow2": _sha256(qcow2)}, "partitions": _partitions(raw)}
    return json.dumps(found, indent=2) + "\n"


def why_not_as_built(image: Path) -> str:
    """Reason why IMAGE, raw or qcow2, is not what its build wrote, byte for byte; empty if it is."""
    beside = image.with_suffix(SUFFIX)
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))
        files, partitions = dict(known["files"]), dict(known["partitions"])
        if known["format"] != _FORMAT:
            return f"{beside.name} is of another version of gwimage"
    except FileNotFoundError:
        return f"there is no {beside.name} beside it, as older versions of gwimage wrote none: nobody knows if it is damaged"
    except _UNLIKE:
        return f"{beside.name} cannot be read"
    found = _sha256(image)
    if found in files.values():
        return ""
    return f"it is damaged, or was changed since it was built: {'; '.join(_changes(image, found, files, partitions))}"


def _changes(image: Path, whole: str, files: dict[str, str], partitions: dict[str, str]) -> list[str]:
    """Partitions of a raw image that differ; the file as a whole if none does, or if it has none, as a qcow2."""
    built = " or ".join(f"{digest} ({form})" for form, digest in files.items())
    try:
        there = _partitions(image)
    except ValueError:
        return [_told("the file", whole, built)]
    labels = [label for label in {**partitions, **there} if there.get(label) != partitions.get(label)]
    differ = [_told(f"partition {label}", there.get(label), partitions.get(label)) for label in labels]
    return differ or [_told("no partition, but the file", whole, built)]


def _told(what: str, found: str | None, built: str | None) -> str:
    return f"{what} has SHA-256 {found}, the build wrote {built}"


def _partitions(raw: Path) -> dict[str, str]:
    return {label: _sha256(raw, place) for label, place in disk_image.partitions(raw).items()}


def _sha256(path: Path, place: Partition | None = None) -> str:
    """Of the whole file, or of a partition; read in pieces."""
    digest, place = hashlib.sha256(), place or Partition(0, path.stat().st_size)
    with path.open("rb") as file:
        file.seek(place.start)
        left = place.size
        while left and (data := file.read(min(disk_image.CHUNK, left))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()
