"""Writes compiled files: the whole tree or nothing. Never overwrites files that gwimage did not write, or that were changed."""

import contextlib
import json
import os
import shutil
import tempfile

from gwimage.plan import File
from gwimage.problem import Place, Problem, ProfileError, ToolError
from gwimage.render import manifest

UNLIKE = (OSError, ValueError, KeyError, TypeError, AttributeError)  # raised by reading a foreign manifest


def write(files: dict[str, File], directory: str) -> None:
    """Writes the whole tree or nothing. Replaces only a tree that gwimage wrote and that is unchanged since.

    Raises ProfileError if something else is there, ToolError if the disk fails.
    """
    write_all({directory: files})


def write_all(trees: dict[str, dict[str, File]]) -> None:
    """Writes several trees by directory, as `write`; none if one may not be replaced.

    Not atomic over all trees if the disk fails in between.
    """
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
    # created as 0600, never wider than wanted even for a moment: it may hold a password hash
    with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as out:
        out.write(file.text)
        os.fchmod(out.fileno(), file.mode)


def _exchange(fresh: str, target: str) -> None:
    """Puts the fresh tree in the target's place; undone if it fails or is interrupted half-way.

    An empty directory is filled and keeps its inode: it may be a mount point or somebody's working directory.
    """
    if not os.path.lexists(target):
        os.rename(fresh, target)
    elif not os.listdir(target):
        _fill(fresh, target)
    else:
        _swap(fresh, target)


def _fill(fresh: str, target: str) -> None:
    names = sorted(os.listdir(fresh), key=lambda name: (name == manifest.PATH, name))
    try:
        for name in names:
            os.rename(os.path.join(fresh, name), os.path.join(target, name))
    except BaseException:
        for name in {*names} & {*os.listdir(target)}:
            os.rename(os.path.join(target, name), os.path.join(fresh, name))
        raise


def _swap(fresh: str, target: str) -> None:
    old = f"{fresh}.old"
    try:
        os.rename(target, old)
        os.rename(fresh, target)
    except BaseException:
        if not os.path.lexists(target):
            os.rename(old, target)
        raise
    finally:
        if os.path.lexists(target):
            shutil.rmtree(old, ignore_errors=True)


def _foreign(target: str) -> str:
    """Reason why this directory may not be replaced; empty if it may, or if it does not exist."""
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
    """Entries of the manifest in a directory, by path. Raises one of UNLIKE if it is not a manifest of gwimage."""
    with open(os.path.join(root, manifest.PATH), encoding="utf-8") as file:
        data = json.load(file)
    if data["format"] != manifest.FORMAT or not data["files"].items():
        raise ValueError("another manifest")
    return data["files"]


def _tree(root: str) -> set[str]:
    """Relative paths of all files and links below a directory."""
    found = set()
    for folder, folders, names in os.walk(root):
        names += [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found |= {os.path.relpath(os.path.join(folder, name), root) for name in names}
    return found


def _read(root: str, path: str) -> File:
    """Reads a file or link as a File. Raises ValueError for kinds that gwimage never writes, such as a pipe."""
    full = os.path.join(root, path)
    if os.path.islink(full):
        return File(link=os.readlink(full))
    if not os.path.isfile(full):
        raise ValueError(path)
    with open(full, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return File(file.read(), mode=os.stat(full).st_mode & 0o7777)
