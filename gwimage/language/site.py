"""One site of many: a small file over a profile.

Its mappings are merged into those of the profile, key by key; everything else, lists too, takes the place of what stands there.
A site may set what the schema marks as seedable, so that no site needs another image. Its name becomes the host name, unless it
says another one.
"""

from __future__ import annotations

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
    """A profile with a site over it: what each of them says keeps its own place."""

    site: Source | None = None

    def locate(self, problem: Problem) -> Problem:
        if problem.place:
            return problem
        theirs = self.site.locate(problem)
        return theirs if _depth(self.site, problem.path) >= max(1, _depth(self, problem.path)) else super().locate(problem)


def name(site: Source) -> str:
    """Of a site that was checked."""
    return site.data[KEY]


def check(site: Source) -> list[Problem]:
    """What is wrong with it by itself."""
    return list(site.problems) if errors(site.problems) else in_order(site.locate(problem) for problem in _check(site.data))


def overlay(profile: Source, site: Source) -> Overlaid:
    """Pure; of a site that was checked."""
    said = copy.deepcopy({key: value for key, value in site.data.items() if key != KEY})
    if isinstance(said.setdefault("system", {}), dict):  # else the schema says what is wrong with it
        said["system"].setdefault("hostname", site.data[KEY])
    files = profile.files | _apart(said, site)
    gone: list[Path] = []
    data = _merge(profile.data, said, (), gone)

    def left(marks: Mapping) -> dict:
        return {path: mark for path, mark in marks.items() if not any(path[: len(each)] == each for each in gone)}

    fields = {key: left(getattr(profile, key)) | getattr(site, key) for key in ("keys", "values", "names")}
    fields["names"] |= {path: f"{site.filename}: {name}" for path, name in site.names.items()}
    return Overlaid(
        profile.filename, profile.sha256, profile.lines, data, problems=profile.problems, files=files, site=site, **fields
    )


def _apart(said: dict, site: Source) -> dict[str, Named]:
    """The files that the site names, which lie in its own folder: under names that the profile cannot have."""
    for path, name in site.names.items():
        inner = said
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = f"{site.filename}: {name}"
    return {f"{site.filename}: {name}": file for name, file in site.files.items()}


def _depth(source: Source, path: Path) -> int:
    """How much of the path was written down there."""
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
        Problem(path, f"a site cannot set {path[-1]!r}", hint, on_key=True) for path in _beyond(said, schema.whole(), ())
    ]
    return problems


def _beyond(data: Mapping, described: Mapping, path: Path) -> Iterator[Path]:
    """What stands there and is not seedable."""
    known = described.get("properties", {})
    for key, value in data.items():
        part = known.get(key, {})
        if part.get("seedable"):
            continue
        inner = part.get("properties", {})
        if isinstance(value, dict) and any(each.get("seedable") for each in inner.values()):
            yield from _beyond(value, part, (*path, key))
        else:
            yield (*path, key)


def _merge(base: object, over: object, path: Path, gone: list[Path]) -> object:
    """gone: paths of the base of which nothing is left."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        gone.append(path)
        return over
    return base | {key: _merge(base[key], value, (*path, key), gone) if key in base else value for key, value in over.items()}
