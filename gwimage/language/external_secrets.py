"""`--secret PATH=SOURCE`: what only `seed` and `verify --site` are told, and no file of the profile holds.

SOURCE is file:NAME, env:NAME or command:LINE, which the shell runs. {site} in it becomes the site's name, so that each site of a
folder gets its own. The secret takes the place of a site's key: of one that names a file (vpn.wg.private_key_file) as that file's
content, else (system.admin.password_hash) as its value. It is never shown.
"""

from __future__ import annotations

import copy
import os
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gwimage.language import referenced_files
from gwimage.language.referenced_files import Named
from gwimage.language.source import Source
from gwimage.language.yaml_reader import Mark
from gwimage.problem import Path, Problem
from gwimage.values import secret_keys

COMMAND = "command"
KINDS = ("file", "env", COMMAND)
_FILE = "_file"  # how a key ends that names a file
_PATIENCE = 120  # seconds: somebody may have to type a passphrase


@dataclass(frozen=True)
class Secret:
    """The key that it is for, and where it comes from."""

    path: Path
    kind: str
    where: str

    @property
    def label(self) -> str:
        return f"--secret {'.'.join(map(str, self.path))}"


def parse(texts: Sequence[str]) -> tuple[Secret, ...]:
    """Raises ValueError, which does not repeat a text: it may hold the secret itself."""
    found = tuple(map(_parse, texts))
    if len({one.path for one in found}) < len(found):
        raise ValueError("two secrets for one key")
    return found


def _parse(text: str) -> Secret:
    path, equals, source = text.partition("=")
    kind, colon, where = source.partition(":")
    parts = tuple(path.split("."))
    if not (equals and all(parts) and colon and where and kind in KINDS):
        raise ValueError(f"expected PATH=SOURCE, where SOURCE begins with {', '.join(f'{kind}:' for kind in KINDS)}")
    if not secret_keys.holds(parts):
        raise ValueError("this key holds no secret; let the site say it")
    return Secret(parts, kind, where)


def put(site: Source, secrets: Sequence[Secret], name: str) -> tuple[Source, list[Problem]]:
    """The site called `name` with its secrets, or why one of them could not be had."""
    problems, data, names, files, values = [], copy.deepcopy(site.data), dict(site.names), dict(site.files), dict(site.values)
    for one in secrets:
        found = _fetch(one.kind, one.where.replace("{site}", name))
        if found.error:
            problems.append(site.locate(Problem(one.path, f"{one.label} gives nothing: {found.error}")))
            continue
        inner = data
        for key in one.path[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                break
        else:
            is_file = one.path[-1].endswith(_FILE)
            inner[one.path[-1]] = one.label if is_file else found.text.strip()
            values[one.path] = Mark(1, 1)  # so that what is wrong with it is told with the name of the site
            if is_file:
                names[one.path], files[one.label] = one.label, found
            continue
        problems.append(site.locate(Problem(one.path, f"{one.label} has no place here: what stands above it is no mapping")))
    return replace(site, data=data, names=names, files=files, values=values), problems


def _fetch(kind: str, where: str) -> Named:
    if kind == "file":
        (found,) = referenced_files.read([where], "").values()
    elif kind == "env":
        found = Named(os.environ[where]) if where in os.environ else Named(error="this variable is not set")
    else:
        found = _run(where)
    return found if found.error or found.text.strip() else Named(error="it is empty")


def _run(line: str) -> Named:
    """What it prints; what it says on standard error goes to the user's."""
    with subprocess.Popen(line, shell=True, stdout=subprocess.PIPE) as process:
        raw = _read(process.stdout.fileno())
        if raw is None or len(raw) > referenced_files.LARGEST:
            process.kill()
        process.stdout.close()
    if raw is None:
        return Named(error=f"the command was not done after {_PATIENCE} s")
    if len(raw) > referenced_files.LARGEST:
        return Named(error="it is larger than 64 KiB")
    if process.returncode:
        return Named(error=f"the command ended with status {process.returncode}")
    try:
        return Named(raw.decode())
    except UnicodeDecodeError:
        return Named(error="it is not UTF-8 text")


def _read(source: int) -> bytes | None:
    """All that comes, or a byte more than may; None if its end does not come in time, whoever still holds it open."""
    raw, deadline = b"", time.monotonic() + _PATIENCE
    while len(raw) <= referenced_files.LARGEST:
        if not select.select([source], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        if not (part := os.read(source, referenced_files.LARGEST + 1 - len(raw))):
            break
        raw += part
    return raw
