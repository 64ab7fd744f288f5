"""The pure middle: a source becomes {path: File}; and `write`, the one step that puts them on the disk.

`compile` reads no clock, no environment, no network and no disk.
"""

import contextlib
import json
import os
import shutil
import tempfile

from gwimage import profile as profiles
from gwimage import seed
from gwimage.claim import Claim
from gwimage.loading import load
from gwimage.plan import File, Plan
from gwimage.problem import Place, Problem, ProfileError, ToolError
from gwimage.profile import Profile
from gwimage.render import manifest, mkosi, networkd, nftables, nocloud, resolved
from gwimage.source import Source

UNLIKE = (OSError, ValueError, KeyError, TypeError, AttributeError)  # what reading a manifest of others' raises
RENDERERS = (networkd, resolved, nftables)


def compile(source: Source) -> tuple[dict[str, File], list[Problem]]:
    """All files of the output by path, sorted; none if there are errors."""
    profile, problems = load(source)
    return (render(profile, source) if profile else {}), problems


def render(profile: Profile, source: Source) -> dict[str, File]:
    """All files of the output by path, sorted. `profile` is what `load` made of the source."""
    plan = profiles.plan(profile)
    files = config(plan)
    files |= nocloud.render(profile, files)
    files |= mkosi.render(profile, plan)
    files[seed.BASE] = File(f"{seed.digest(files)}\n")
    files |= manifest.render(profile, source, files)
    return dict(sorted(files.items()))


def config(plan: Plan) -> dict[str, File]:
    """The configuration layer: what lies over the packages' /etc."""
    files = {path: file for renderer in RENDERERS for path, file in renderer.render(plan).items()}
    files |= dict(plan.files)
    for unit, target in plan.units:
        # as plain files: presets and systemctl enable need a running package layer
        files[f"etc/systemd/system/{target}.wants/{unit}"] = File(link=f"/usr/lib/systemd/system/{unit}")
    return {f"config/{path}": file for path, file in sorted(files.items())}


def claims(profile: Profile) -> tuple[Claim, ...]:
    """What `verify` asks of the running gateway, each after those that it needs."""
    left, found = list(profiles.plan(profile).claims), {}
    while left:
        ready = next(claim for claim in left if found.keys() >= set(claim.needs))
        found[ready.id] = ready
        left.remove(ready)
    return tuple(found.values())


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
