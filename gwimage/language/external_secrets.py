"""Secrets passed by --secret PATH=SOURCE to `seed` and `verify --site`; never stored in a file of the profile.

SOURCE is file:NAME, env:NAME or command:LINE (run by the shell). {site} in it becomes the site's name, so that each site of
a folder gets its own. The secret replaces a key of the site: the content of a file if the key names one
(vpn.wg.private_key_file), else the value (system.admin.password_hash). It must never be shown.
"""

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
_FILE = "_file"  # suffix of keys that name a file
_TIMEOUT = 120  # seconds; the user may have to type a passphrase


@dataclass(frozen=True)
class Secret:
    """A secret: path of its key, kind of source (KINDS), and file name, variable or command line."""

    path: Path
    kind: str
    where: str

    @property
    def label(self) -> str:
        return f"--secret {'.'.join(map(str, self.path))}"


def parse(texts: Sequence[str]) -> tuple[Secret, ...]:
    """Parses --secret arguments; raises ValueError whose message never repeats one, since it may contain the secret."""
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
    """The site with its secrets inserted, and problems for those not available; name: replaces {site}."""
    problems, data, names, files, values = [], copy.deepcopy(site.data), dict(site.names), dict(site.files), dict(site.values)
    for one in secrets:
        found = _fetch(one.kind, one.where.replace("{site}", name))
        if found.error:
            problems.append(site.locate(Problem(one.path, f"{one.label} cannot be read: {found.error}")))
            continue
        inner = data
        for key in one.path[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                break
        else:
            is_file = one.path[-1].endswith(_FILE)
            inner[one.path[-1]] = one.label if is_file else found.text.strip()
            values[one.path] = Mark(1, 1)  # so that problems are reported at the site's file
            if is_file:
                names[one.path], files[one.label] = one.label, found
            continue
        problems.append(site.locate(Problem(one.path, f"{one.label} cannot be set: a key above it is not a mapping")))
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
    """Standard output of a shell command; its standard error goes to the terminal."""
    with subprocess.Popen(line, shell=True, stdout=subprocess.PIPE) as process:
        raw = _read(process.stdout.fileno())
        if raw is None or len(raw) > referenced_files.LARGEST:
            process.kill()
        process.stdout.close()
    if raw is None:
        return Named(error=f"the command did not finish within {_TIMEOUT} s")
    if len(raw) > referenced_files.LARGEST:
        return Named(error="it is larger than 64 KiB")
    if process.returncode:
        return Named(error=f"the command ended with status {process.returncode}")
    try:
        return Named(raw.decode())
    except UnicodeDecodeError:
        return Named(error="it is not UTF-8 text")


def _read(source: int) -> bytes | None:
    """Reads a pipe to its end, or to one byte over the limit.

    None if the end does not come in _TIMEOUT seconds, even if another process holds the pipe open.
    """
    raw, deadline = b"", time.monotonic() + _TIMEOUT
    while len(raw) <= referenced_files.LARGEST:
        if not select.select([source], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        if not (part := os.read(source, referenced_files.LARGEST + 1 - len(raw))):
            break
        raw += part
    return raw
