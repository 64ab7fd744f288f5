"""Reads a profile: its text, as plain data with the places of all keys and values, and the files that it names.

`read` is the only function here that touches the disk.
"""

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property

from gwimage.language import referenced_files
from gwimage.language.referenced_files import Named
from gwimage.language.yaml_reader import Mark, Reader
from gwimage.problem import Path, Place, Problem, in_order
from gwimage.values import secret_keys

MAX_BYTES = 1 << 20
STDIN = "<stdin>"


@dataclass(frozen=True)
class Source:
    """A profile as it was read. With problems, `data` is not to be used.

    names: the value of each key that ends in `_file`; files: what was found there, by that value as it was written.
    """

    filename: str
    sha256: str
    lines: tuple[str, ...]
    data: object = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    names: dict[Path, str] = field(default_factory=dict)
    files: dict[str, Named] = field(default_factory=dict)

    def mark(self, path: Path, on_key: bool = False) -> Mark:
        """The place of a path, or of its nearest ancestor that was written down."""
        wanted = self.keys if on_key else self.values
        if path in wanted:
            return wanted[path]
        for end in range(len(path), 0, -1):
            for marks in (self.keys, self.values):
                if path[:end] in marks:
                    return marks[path[:end]]
        return self.values.get((), Mark(1, 1))

    def path(self, text: str) -> Path:
        """The path that `dotted` wrote, as far as it was written down: lans.lan.dns.0."""
        found: Path = ()
        for part in text.split("."):
            item = (*found, int(part)) if part.isdecimal() else None
            found = item if item in self.values else (*found, part)
        return found

    def locate(self, problem: Problem) -> Problem:
        """The problem with its file, line and column."""
        return problem if problem.place else self.at(problem, self.mark(problem.path, problem.on_key))

    def at(self, problem: Problem, mark: Mark) -> Problem:
        """The problem at a place; its excerpt shows no secret."""
        known = 0 < mark.line <= len(self.lines) and mark.line not in self._hidden
        text = secret_keys.masked(self.lines[mark.line - 1]) if known and not secret_keys.holds(problem.path) else ""
        return replace(problem, place=Place(self.filename, mark.line, mark.column, mark.width, text))

    @cached_property
    def _hidden(self) -> frozenset[int]:
        return secret_keys.hidden(self.lines)


def read(path: str) -> Source:
    """Reads one file, or standard input if it is `-`; what the disk says is a problem like any other."""
    shown, folder = (STDIN, "") if path == "-" else (path, os.path.dirname(path))
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            source = parse(file.read(MAX_BYTES + 1), shown)
    except OSError as error:
        return _failed(shown, b"", f"cannot read the profile: {error.strerror}")
    return source if source.problems else replace(source, files=referenced_files.read(source.names.values(), folder))


def parse(raw: bytes | str, filename: str) -> Source:
    """Pure: bytes to plain data and places. All problems are in the result; nothing is raised."""
    raw = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(raw) > MAX_BYTES:
        return _failed(filename, raw, "the profile is larger than 1 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8-sig")
        mark = Mark(good.count("\n") + 1, len(good) - good.rfind("\n"))
        return _failed(filename, raw, "the profile is not UTF-8 text", "save it as UTF-8", mark)
    lines = tuple(line.rstrip("\r") for line in text.split("\n"))
    reader = Reader()
    if not reader.unseen(text):
        reader.run(text)
    digest = hashlib.sha256(raw).hexdigest()
    source = Source(filename, digest, lines, reader.data, reader.keys, reader.values, names=reader.names)
    return replace(source, problems=tuple(in_order(source.at(problem, mark) for problem, mark in reader.found)))


def _failed(filename: str, raw: bytes, message: str, hint: str = "", mark: Mark | None = None) -> Source:
    place = Place(filename, mark.line, mark.column) if mark else Place(filename)
    problem = Problem((), message, hint, place=place)
    return Source(filename, hashlib.sha256(raw).hexdigest(), (), problems=(problem,))
