"""manifest.json: digests of the input and of every file, and the source map.

The only output file that contains gwimage's version.
"""

import hashlib
import json

import gwimage
from gwimage.language.source import Source
from gwimage.plan import File
from gwimage.profile import Profile

PATH = "manifest.json"
FORMAT = 1


def render(profile: Profile, source: Source, files: dict[str, File]) -> dict[str, File]:
    data = {
        "format": FORMAT,
        "gwimage": gwimage.__version__,
        "name": profile.name,
        "release": profile.release,
        "description": profile.description,
        "input": {"sha256": source.sha256},
        "files": {path: entry(file) for path, file in sorted(files.items())},
        "sources": {path: _origins(file, source) for path, file in sorted(files.items()) if file.origins},
    }
    return {PATH: File(json.dumps(data, indent=2) + "\n")}


def entry(file: File) -> dict[str, str]:
    """The manifest's entry for one file; `write` compares files on disk with it."""
    if file.link:
        return {"link": file.link}
    return {"mode": f"{file.mode:04o}", "sha256": hashlib.sha256(file.text.encode()).hexdigest()}


def _origins(file: File, source: Source) -> dict[str, str]:
    """Source map of a file: output line or range -> "LINE:COLUMN path" of the profile; adjacent lines share an entry."""
    ranges: list[list] = []
    for line, path in file.origins:
        if ranges and ranges[-1][1] == line - 1 and ranges[-1][2] == path:
            ranges[-1][1] = line
        else:
            ranges.append([line, line, path])
    return {_range(first, last): _where(path, source) for first, last, path in ranges}


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _where(path: str, source: Source) -> str:
    """LINE:COLUMN and path: of the nearest written key for a default, without position if the profile has no cause."""
    keys = tuple(int(part) if part.isdecimal() else part for part in path.split("."))
    if keys[:1] not in source.keys:
        return path
    mark = source.mark(keys, on_key=True)
    return f"{mark.line}:{mark.column} {path}"
