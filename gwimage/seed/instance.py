"""Makes the seed volume of one instance (a profile with a site), and the diff that it applies."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gwimage.language import source as sources
from gwimage.language.external_secrets import Secret
from gwimage.language.source import Source
from gwimage.problem import Problem, errors
from gwimage.profile import Profile
from gwimage.seed.difference import Seed


@dataclass(frozen=True)
class Made:
    """Result for one site: its problems; without errors also the instance's profile, seed and volume.

    file: the site's, or the profile's without a site; next_boot: what the next boot does with the seed, for people;
    changes: unified diff.
    """

    file: str
    problems: tuple[Problem, ...]
    profile: Profile | None = None
    seed: Seed | None = None
    volume: bytes = b""
    next_boot: str = ""
    changes: str = ""


def make(source: Source, file: str | None, secrets: Sequence[Secret] = (), *, stock_image: bool = False) -> Made:
    """Makes the seed of one site of a correct profile, or of the profile itself without a file.

    stock_image: for a stock cloud image instead of the profile's own image.
    """
    from gwimage import compiler
    from gwimage.compiler.loading import load
    from gwimage.seed import difference as seeds
    from gwimage.seed import iso
    from gwimage.seed import stock_image as stock

    place = file or source.filename
    profile, whole, name, problems = _wanted(source, file, secrets)
    if profile is None:
        return Made(place, tuple(problems))
    if profile.image.seed == "none" and not stock_image:
        hint = "say native or cloud-init, and build the image anew"
        return Made(place, (*problems, whole.locate(Problem(("image", "seed"), "this image reads no seeds", hint))))
    if stock_image:
        problems += map(whole.locate, stock.check(profile))
        if errors(problems):
            return Made(place, tuple(problems))
        profile = stock.for_stock_image(profile)
    wanted = compiler.render(profile, whole)
    base = stock.base(wanted) if stock_image else compiler.render(load(source)[0], source)
    try:
        found = seeds.difference(name, base, wanted)
        found = stock.complete(found, profile, wanted) if stock_image else found
        raw = iso.make(seeds.volume(found))
    except seeds.TooLarge as error:
        return Made(place, (*problems, whole.locate(Problem((), f"the seed is larger than Proxmox takes: {error}"))))
    except ValueError as error:
        hint = "make a profile of its own of this site"
        what = f"no seed can make that of the image: it changes {error}"
        return Made(place, (*problems, sources.read(place).locate(Problem((), what, hint))))
    next_boot = stock.next_boot(found) if stock_image else _next_boot(found)
    return Made(place, tuple(problems), profile, found, raw, next_boot, "".join(_changes(base, found)))


def _wanted(source: Source, file: str | None, secrets: Sequence[Secret]) -> tuple[Profile | None, Source, str, list[Problem]]:
    """Profile, source, name and problems of the instance; leaves out warnings of the profile itself, already shown."""
    from gwimage.compiler.loading import load
    from gwimage.language import external_secrets
    from gwimage.language import site as overlays

    if file is None:
        name = source.data.get("system", {}).get("hostname", source.data["name"])
        whole, problems = external_secrets.put(source, secrets, name)
        profile, found = (None, problems) if problems else load(whole)
        return profile, whole, name, [problem for problem in found if problem.severity == "error"]
    site = sources.read(file)
    if problems := errors(overlays.check(site)):
        return None, source, "", problems
    name = overlays.name(site)
    site, problems = external_secrets.put(site, secrets, name)
    whole = overlays.overlay(source, site)
    profile, found = (None, problems) if problems else load(whole)
    return profile, whole, name, [problem for problem in found if problem.severity == "error" or problem.place.file == file]


def _changes(base: dict, found: Seed) -> Iterator[str]:
    """Unified diff; of files that only their owner may read (secrets), only the names."""
    for path in sorted({*found.changed, *found.gone}):
        before, after = base.get(f"config/{path}"), found.changed.get(path)
        if any(file and not file.mode & 0o077 and not file.link for file in (before, after)):
            yield f"--- /{path}: not shown, it may hold a secret\n"
            continue
        old, new = (
            ((f"-> {file.link}\n" if file.link else file.text) if file else "").splitlines(True) for file in (before, after)
        )
        for line in difflib.unified_diff(old, new, f"baked/{path}", f"seed/{path}"):
            yield line if line.endswith("\n") else f"{line}\n"


def _next_boot(found: Seed) -> str:
    if not found.changed and not found.gone:
        return "nothing changes"
    gone = f", {len(found.gone)} will not be there" if found.gone else ""
    return f"the next boot lays {len(found.changed)} files over the image's{gone}; a running gateway does not notice"
