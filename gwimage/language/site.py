"""A site: a small file overlaid on a profile that several sites share.

Mappings are merged key by key; everything else, lists too, replaces the profile's value. A site may set only what the schema
marks as seedable, so that all sites use the same image. Its name becomes the host name unless it sets another.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gwimage.language import schema
from gwimage.language.referenced_files import Named
from gwimage.language.source import Source
from gwimage.problem import Path, Problem, errors, in_order
from gwimage.values import domain_names

KEY = "site"


@dataclass(frozen=True)
class Overlaid(Source):
    """A profile overlaid with a site; each value keeps its position in its own file."""

    site: Source | None = None

    def locate(self, problem: Problem) -> Problem:
        if problem.place:
            return problem
        theirs = self.site.locate(problem)
        return theirs if _depth(self.site, problem.path) >= max(1, _depth(self, problem.path)) else super().locate(problem)


def name(site: Source) -> str:
    """The name of a site that was checked."""
    return site.data[KEY]


def check(site: Source) -> list[Problem]:
    """Problems of a site file by itself, without a profile."""
    return list(site.problems) if errors(site.problems) else in_order(site.locate(problem) for problem in _check(site.data))


def overlay(profile: Source, site: Source) -> Overlaid:
    """The profile overlaid with a site that was checked. Pure."""
    said = copy.deepcopy({key: value for key, value in site.data.items() if key != KEY})
    if isinstance(said.setdefault("system", {}), dict):  # else the schema check reports it
        said["system"].setdefault("hostname", site.data[KEY])
    files = profile.files | _site_files(said, site)
    replaced: list[Path] = []
    data = _merge(profile.data, said, (), replaced)

    def left(marks: Mapping) -> dict:
        return {path: mark for path, mark in marks.items() if not any(path[: len(each)] == each for each in replaced)}

    fields = {key: left(getattr(profile, key)) | getattr(site, key) for key in ("keys", "values", "names")}
    fields["names"] |= {path: f"{site.filename}: {name}" for path, name in site.names.items()}
    return Overlaid(
        profile.filename, profile.sha256, profile.lines, data, problems=profile.problems, files=files, site=site, **fields
    )


def _site_files(said: dict, site: Source) -> dict[str, Named]:
    """The site's referenced files, under names that cannot clash with the profile's.

    They are relative to the site's folder; names in `said` are changed in place.
    """
    for path, name in site.names.items():
        inner = said
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = f"{site.filename}: {name}"
    return {f"{site.filename}: {name}": file for name, file in site.files.items()}


def _depth(source: Source, path: Path) -> int:
    """Length of the longest prefix of the path that is written in the source."""
    return next((end for end in range(len(path), 0, -1) if path[:end] in source.values or path[:end] in source.keys), 0)


def _check(data: object) -> list[Problem]:
    if not isinstance(data, dict) or KEY not in data:
        hint = "such as `site: branch-7`; it becomes the host name"
        return [Problem((), "a site begins with its name", hint)]
    problems = []
    if not isinstance(data[KEY], str) or not domain_names.is_label(data[KEY]):
        hint = "at most 63 lower-case letters, digits and hyphens, no hyphen first or last"
        problems.append(Problem((KEY,), "the name of a site is a host name without dots", hint))
    said = {key: value for key, value in data.items() if key != KEY}
    hint = f"it may set {', '.join(schema.seedable())}; for others make a profile of its own"
    problems += [
        Problem(path, f"a site cannot set {path[-1]!r}", hint, on_key=True) for path in _not_seedable(said, schema.whole(), ())
    ]
    return problems


def _not_seedable(data: Mapping, described: Mapping, path: Path) -> Iterator[Path]:
    """Paths in the data that are not seedable."""
    known = described.get("properties", {})
    for key, value in data.items():
        part = known.get(key, {})
        if part.get("seedable"):
            continue
        inner = part.get("properties", {})
        if isinstance(value, dict) and any(each.get("seedable") for each in inner.values()):
            yield from _not_seedable(value, part, (*path, key))
        else:
            yield (*path, key)


def _merge(base: object, over: object, path: Path, replaced: list[Path]) -> object:
    """`over` merged into `base`; replaced: collects paths whose base value was replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        replaced.append(path)
        return over
    return base | {
        key: _merge(base[key], value, (*path, key), replaced) if key in base else value for key, value in over.items()
    }
