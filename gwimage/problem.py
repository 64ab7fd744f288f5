"""Problems (diagnostics) as data, their text and JSON form, and the program's only two exceptions.

A check speaks in profile paths and never sees a line number; `Source.locate` adds the place.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]

INDENT = "    "
WINDOW = 100  # an SSH key is far longer than a terminal is wide
MOST = 1000  # of one profile; nobody mends more at once, and a hostile profile must not keep us busy


@dataclass(frozen=True)
class Place:
    """Where in a file: line and column count from 1; line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing to mend. `on_key` points at the key (unknown, duplicate, missing), else at the value.

    severity: error, warning, or note, which need not be mended: what the host needs, what may not be meant, such as guests
    behind a home router, and what nobody checks, such as raw rules.
    """

    path: Path
    message: str
    hint: str = ""
    severity: str = "error"
    on_key: bool = False
    place: Place | None = None


class ProfileError(Exception):
    """The profile, or what the user asked to do with it, is wrong."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(as_text(problem) for problem in self.problems))


class ToolError(Exception):
    """A tool or the host failed; the profile is not to blame."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str):
        self.argv, self.status, self.stderr = tuple(argv), status, stderr
        super().__init__(f"{' '.join(self.argv)}: exit status {status}: {stderr.strip()}")


def cut(value: object) -> str:
    """A value of the user's within a message."""
    text = str(value)[:41].replace("\n", " ")
    text = text if len(text) <= 40 else text[:37] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def dotted(path: Path) -> str:
    """The path as people write it: lans.lan.address."""
    return ".".join(str(part) for part in path)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that stop a compilation."""
    return [problem for problem in problems if problem.severity == "error"]


def warned(problems: Iterable[Problem]) -> list[Problem]:
    """Errors and warnings, without notes."""
    return [problem for problem in problems if problem.severity != "note"]


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted by place, each said once; of more than MOST the errors before the warnings."""

    def key(problem: Problem) -> tuple:
        place = problem.place or Place("")
        return place.file, place.line, place.column, dotted(problem.path), problem.message

    found = sorted(set(problems), key=key)
    if len(found) > MOST:  # an error behind many warnings must still stop everything
        found = sorted(sorted(found, key=lambda problem: problem.severity != "error")[:MOST], key=key)
    return found


def as_text(problem: Problem) -> str:
    """The form for people: place, severity, message, path; the line with carets; the hint."""
    place = problem.place or Place("profile")
    where = f"{place.file}:{place.line}:{place.column}" if place.line else place.file
    path = f" [{dotted(problem.path)}]" if problem.path else ""
    lines = [f"{where}: {problem.severity}: {problem.message}{path}"]
    if place.text.strip():
        lines += _excerpt(place)
    if problem.hint:
        lines.append(f"{INDENT}hint: {problem.hint}")
    return "\n".join(map(_visible, lines))


def to_json(problem: Problem) -> dict[str, str | int]:
    """The form for machines, one flat object."""
    place = problem.place or Place("")
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "width": place.width,
        "severity": problem.severity,
        "path": dotted(problem.path),
        "message": problem.message,
        "hint": problem.hint,
    }


def _visible(text: str) -> str:
    """Nothing that a profile says may move the cursor or the eye."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _excerpt(place: Place) -> list[str]:
    text = _visible(place.text.rstrip().replace("\t", " "))
    indent = min(len(text) - len(text.lstrip()), place.column - 1)
    start = place.column - 1
    if start - indent > WINDOW // 2:
        indent = start - WINDOW // 2
    shown = text[indent : indent + WINDOW].rstrip()
    before, marked = shown[: start - indent], shown[start - indent :][: place.width]
    return [INDENT + shown, INDENT + " " * _cells(before) + "^" * max(1, _cells(marked))]


def _cells(text: str) -> int:
    """How many cells of a terminal the text fills: none for an accent, two for a wide character (UAX #11)."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in text)
