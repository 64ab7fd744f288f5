"""`gwimage seed`: volumes for sites, and what each of them changes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from gwimage import source as sources
from gwimage.problem import Problem, ProfileError, ToolError, errors
from gwimage.profile import Profile
from gwimage.seed import Seed
from gwimage.source import Source
from gwimage.terminal import BUILD, PROFILE, loaded, show_problems

_FEW = 8  # of which another process would cost more than it brings


@dataclass(frozen=True)
class Made:
    """What became of one site: its problems; or also what it makes of the profile, its seed, the volume and the diff."""

    file: str
    problems: tuple[Problem, ...]
    profile: Profile | None = None
    seed: Seed | None = None
    volume: bytes = b""
    changes: str = ""


@click.command()
@PROFILE
@click.option("--site", "sites", multiple=True, required=True, type=click.Path(exists=True), help="A file, or a folder; repeatable.")
@click.option("-o", "--output", default="build", type=BUILD, show_default=True, help="Directory to write.")
@click.option("--explain", is_flag=True, help="Write nothing; show what each site changes, file by file.")
def seed(profile: str, sites: tuple[str, ...], output: Path, explain: bool) -> None:
    """Write the seed of each SITE: what one instance of PROFILE's image has that the image has not.

    A site is a small YAML file: its name, and what differs (docs/sites.md). Its seed is a volume for the VM, beside the image:
    OUTPUT/NAME_VERSION_SITE.seed.iso, a CD image that is also good as a disk. Nothing is written if any site is wrong.
    """
    from gwimage import proxmox
    from gwimage.render import mkosi as definitions

    ((parsed, source),) = loaded((profile,))
    found = list(_all(source, _files(sites)))
    problems = [problem for made in found for problem in made.problems] + _twice(found)
    if errors(problems):
        raise ProfileError(problems)
    show_problems(problems)
    stem = definitions.image_name(parsed)
    for made in found:
        if explain:
            click.echo(f"{made.file}: {_next_boot(made.seed)}\n{made.changes}")
        else:
            _write(output / f"{stem}_{made.seed.site}.seed.iso", made.volume)
    if not explain:
        click.echo(f"{output}: {len(found)} seed{'s' * (len(found) > 1)} for {stem}", err=True)
        for made in found[:1]:
            lines = proxmox.commands(made.profile, f"{stem}_{made.seed.site}.seed.iso")
            click.echo("\n".join(["on Proxmox, with image and seed copied there:", *(f"    {line}" for line in lines)]))


def _files(sites: Iterable[str]) -> list[str]:
    found = []
    for name in sites:
        inner = sorted(map(str, Path(name).glob("*.yaml"))) if os.path.isdir(name) else [name]
        if not inner:
            raise click.UsageError(f"{name} holds no *.yaml")
        found += inner
    return list(dict.fromkeys(found))


def _all(source: Source, files: list[str]) -> Iterator[Made]:
    one = partial(make, source)
    if len(files) <= _FEW:
        yield from map(one, files)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        done = pool.map(one, files, chunksize=4)
        with click.progressbar(done, len(files), "sites", file=click.get_text_stream("stderr")) as bar:
            yield from bar


def make(source: Source, file: str) -> Made:
    """The seed of one site of a correct profile."""
    from gwimage import compile as compiler
    from gwimage import seed as seeds
    from gwimage import site as overlays
    from gwimage import volume
    from gwimage.loading import load

    site = sources.read(file)
    wanted, problems = overlays.wanted(source, site)
    if wanted is None:
        return Made(file, tuple(problems))
    base = compiler.render(load(source)[0], source)
    try:
        found = seeds.difference(overlays.name(site), base, compiler.render(wanted, overlays.overlay(source, site)))
        raw = volume.make(seeds.volume(found))
    except ValueError as error:
        hint = "make a profile of its own of this site"
        large = isinstance(error, seeds.TooLarge)
        what = f"the seed is larger than Proxmox takes: {error}" if large else f"no seed can make that of the image: it changes {error}"
        return Made(file, (*problems, site.locate(Problem((), what, hint))))
    # what the profile's own check says was said already
    said = tuple(problem for problem in problems if problem.place.file == file)
    return Made(file, said, wanted, found, raw, "".join(_changes(base, found)))


def _twice(found: Iterable[Made]) -> list[Problem]:
    problems, first = [], {}
    for made in found:
        if made.seed and first.setdefault(made.seed.site, made.file) != made.file:
            message = f"another site is called {made.seed.site!r} too: {first[made.seed.site]}"
            problems.append(sources.read(made.file).locate(Problem(("site",), message, "give each site a name of its own")))
    return problems


def _changes(base: dict, found: Seed) -> Iterator[str]:
    """A unified diff, but of files that only their owner may read (secrets) no more than their names."""
    for path in sorted({*found.changed, *found.gone}):
        before, after = base.get(f"config/{path}"), found.changed.get(path)
        if any(file and not file.mode & 0o077 and not file.link for file in (before, after)):
            yield f"--- /{path}: not shown, it may hold a secret\n"
            continue
        old, new = (((f"-> {file.link}\n" if file.link else file.text) if file else "").splitlines(True) for file in (before, after))
        for line in difflib.unified_diff(old, new, f"baked/{path}", f"seed/{path}"):
            yield line if line.endswith("\n") else f"{line}\n"


def _next_boot(found: Seed) -> str:
    if not found.changed and not found.gone:
        return "nothing changes"
    gone = f", {len(found.gone)} will not be there" if found.gone else ""
    return f"the next boot lays {len(found.changed)} files over the image's{gone}; a running gateway does not notice"


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing; read back and compared."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if part.read_bytes() != content:
            raise ToolError(("write", str(path)), 1, "what was read back differs from what was written")
        part.replace(path)
    except OSError as error:
        raise ToolError(("write", str(path)), 1, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
