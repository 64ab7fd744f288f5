"""The plan: what features produce and renderers write. Must not know YAML or any feature.

Every entry carries the profile path that caused it, for the manifest's source map.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from gwimage.claims.claim import Claim


@dataclass(frozen=True)
class File:
    """An output file, or a symbolic link with the target `link`.

    origins: (line number from 1, profile path) of each line caused by a path.
    """

    text: str = ""
    link: str = ""
    mode: int = 0o644
    origins: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Setting:
    """One `key=value` in a section of a unit-like file; `instance` distinguishes sections with the same name."""

    file: str
    section: str
    key: str
    value: str
    path: str
    instance: str = ""


@dataclass(frozen=True)
class Rule:
    """One nft rule without its comment; `stage` is one of the nftables renderer's STAGES."""

    stage: str
    text: str
    path: str


@dataclass(frozen=True)
class Element:
    """One element of a named nft set."""

    set: str
    text: str
    path: str


@dataclass(frozen=True)
class Set:
    """A named nft set in addition to the nftables renderer's own; `type`: an nft type such as ipv4_addr."""

    name: str
    type: str


@dataclass(frozen=True)
class Plan:
    """Everything to render; plans add up: Plan() + part + part. Must have no field that serves one feature only."""

    network: tuple[Setting, ...] = ()
    resolved: tuple[Setting, ...] = ()
    rules: tuple[Rule, ...] = ()
    sets: tuple[Set, ...] = ()
    elements: tuple[Element, ...] = ()
    files: tuple[tuple[str, File], ...] = ()
    packages: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()  # (unit, the target that wants it)
    claims: tuple[Claim, ...] = ()

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Plan)))


def any_of(values: Iterable[object]) -> str:
    """The right side of an nft match: one value as it is, several as an anonymous set in braces."""
    texts = list(map(str, values))
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def settings(file: str, section: str, path: str, values: Iterable[tuple[str, str]]) -> tuple[Setting, ...]:
    """Several keys of one section, all caused by one profile path."""
    return tuple(Setting(file, section, key, value, path) for key, value in values)


def file_of(lines: Iterable[tuple[str, str]]) -> File:
    """A file from pairs of line and profile path (empty if none)."""
    lines = tuple(lines)
    origins = tuple((number, path) for number, (_, path) in enumerate(lines, 1) if path)
    return File("".join(f"{text}\n" for text, _ in lines), origins=origins)


def ini(values: Iterable[Setting]) -> File:
    """A unit-like file: sections in order of first appearance, keys in the order given; a key may repeat."""
    sections: dict[tuple[str, str], list[Setting]] = {}
    for setting in values:
        sections.setdefault((setting.section, setting.instance), []).append(setting)
    lines: list[tuple[str, str]] = []
    for (name, _), members in sections.items():
        lines += [("", "")] if lines else []
        lines.append((f"[{name}]", ""))
        lines += [(f"{member.key}={member.value}", member.path) for member in members]
    return file_of(lines)
