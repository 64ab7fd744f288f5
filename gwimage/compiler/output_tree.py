"""Writes compiled files: the whole tree or nothing, and never over what somebody else wrote or changed."""

import contextlib
import json
import os
import shutil
import tempfile

from gwimage.plan import File
from gwimage.problem import Place, Problem, ProfileError, ToolError
from gwimage.render import manifest

UNLIKE = (OSError, ValueError, KeyError, TypeError, AttributeError)  # what reading a manifest of others' raises


def write(files: dict[str, File], directory: str) -> None:
    """Puts the whole tree there or nothing. Replaces only what gwimage wrote and nobody touched since.

    Raises ProfileError if something else is there, ToolError if the disk fails.
    """
    write_all({directory: files})


def write_all(trees: dict[str, dict[str, File]]) -> None:
    """Several trees by directory, as `write` does; none of them if one may not be written. A disk may fail in between."""
    targets = {directory: os.path.realpath(directory) for directory in trees}
    hint = "give another directory, or move it away"
    foreign = {directory: _foreign(target) for directory, target in targets.items()}
    if problems := [Problem((), message, hint, place=Place(name)) for name, message in foreign.items() if message]:
        raise ProfileError(problems)
    for directory, files in trees.items():
        _write(files, targets[directory])


def _write(files: dict[str, File], target: str) -> None:
    fresh = None
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        fresh = tempfile.mkdtemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
        for path, file in sorted(files.items()):
            _put(fresh, path, file)
        os.chmod(fresh, 0o755)
        _exchange(fresh, target)
    except OSError as error:
        raise ToolError(("write", error.filename or target), 1, error.strerror or str(error)) from error
    finally:
        if fresh:
            shutil.rmtree(fresh, ignore_errors=True)


def _put(root: str, path: str, file: File) -> None:
    folder = root
    for part in path.split("/")[:-1]:
        folder = os.path.join(folder, part)
        if not os.path.isdir(folder):
            os.mkdir(folder)
            os.chmod(folder, 0o755)
    full = os.path.join(root, path)
    if file.link:
        os.symlink(file.link, full)
        return
    # never wider than wanted, not even for a moment: it may be a password's hash
    with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as out:
        out.write(file.text)
        os.fchmod(out.fileno(), file.mode)


def _exchange(fresh: str, target: str) -> None:
    """Two renames: the old tree is put back if the second one fails, and deleted after it.

    An empty directory is filled and stays the same one: somebody may stand in it, or have mounted it.
    """
    if not os.path.lexists(target):
        os.rename(fresh, target)
        return
    if not os.listdir(target):
        for name in sorted(os.listdir(fresh), key=lambda name: (name == manifest.PATH, name)):
            os.rename(os.path.join(fresh, name), os.path.join(target, name))
        return
    old = f"{fresh}.old"
    os.rename(target, old)
    try:
        os.rename(fresh, target)
    except OSError:
        os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _foreign(target: str) -> str:
    """Why this directory is not ours to replace; empty if it is, or if there is nothing."""
    if not os.path.lexists(target) or (os.path.isdir(target) and not os.listdir(target)):
        with contextlib.suppress(*UNLIKE):
            _written(os.path.dirname(target))
            return "it would lie in the tree of a profile, which gwimage would not replace any more"
        return ""
    try:
        known, found = _written(target), _tree(target)
        changed = sorted(found ^ (known.keys() | {manifest.PATH}))
        changed = changed or [path for path in sorted(known) if manifest.entry(_read(target, path)) != known[path]]
    except UNLIKE:
        return "gwimage did not write this, so it does not replace it"
    return f"{changed[0]} was changed or added since gwimage wrote this; that work would be lost" if changed else ""


def _written(root: str) -> dict[str, dict]:
    """The files that the manifest in a directory names. Raises one of UNLIKE if there is none of ours."""
    with open(os.path.join(root, manifest.PATH), encoding="utf-8") as file:
        data = json.load(file)
    if data["format"] != manifest.FORMAT or not data["files"].items():
        raise ValueError("another manifest")
    return data["files"]


def _tree(root: str) -> set[str]:
    """Paths of all that lies in a directory, directories apart."""
    found = set()
    for folder, folders, names in os.walk(root):
        names += [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {os.path.relpath(os.path.join(folder, name), root) for name in names}
    return found


def _read(root: str, path: str) -> File:
    """A file in the form in which it was written. Raises ValueError for what we never write, such as a pipe."""
    full = os.path.join(root, path)
    if os.path.islink(full):
        return File(link=os.readlink(full))
    if not os.path.isfile(full):
        raise ValueError(path)
    with open(full, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return File(file.read(), mode=os.stat(full).st_mode & 0o7777)
