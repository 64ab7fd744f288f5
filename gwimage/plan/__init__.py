"""The plan: what features want and renderers write. It knows neither YAML nor any feature.

Every entry carries the profile path that caused it; the manifest's source map comes from there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from gwimage.claims.claim import Claim


@dataclass(frozen=True)
class File:
    """One file or symbolic link (`link` is its target) of the output.

    origins: (line, profile path) of each line that one path caused.
    """

    text: str = ""
    link: str = ""
    mode: int = 0o644
    origins: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Setting:
    """One `key=value` in a section of a unit-like file; `instance` tells sections of one name apart."""

    file: str
    section: str
    key: str
    value: str
    path: str
    instance: str = ""


@dataclass(frozen=True)
class Rule:
    """One nft rule, without its comment; `stage` is a stage that the nftables renderer knows."""

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
    """A named nft set beyond those that the nftables renderer always knows; `type` such as ipv4_addr."""

    name: str
    type: str


@dataclass(frozen=True)
class Plan:
    """Parts add up: Plan() + part + part. Keep it free of fields that serve one feature only."""

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
    """The right side of a match in a rule: one value as it is, several in braces."""
    texts = list(map(str, values))
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def settings(file: str, section: str, path: str, values: Iterable[tuple[str, str]]) -> tuple[Setting, ...]:
    """Several keys of one section that one path caused."""
    return tuple(Setting(file, section, key, value, path) for key, value in values)


def file_of(lines: Iterable[tuple[str, str]]) -> File:
    """A file from (line, profile path or nothing) pairs."""
    lines = tuple(lines)
    origins = tuple((number, path) for number, (_, path) in enumerate(lines, 1) if path)
    return File("".join(f"{text}\n" for text, _ in lines), origins=origins)


def ini(values: Iterable[Setting]) -> File:
    """Sections in order of first appearance, keys in the order given; a key may repeat."""
    sections: dict[tuple[str, str], list[Setting]] = {}
    for setting in values:
        sections.setdefault((setting.section, setting.instance), []).append(setting)
    lines: list[tuple[str, str]] = []
    for (name, _), members in sections.items():
        lines += [("", "")] if lines else []
        lines.append((f"[{name}]", ""))
        lines += [(f"{member.key}={member.value}", member.path) for member in members]
    return file_of(lines)
