"""Reads a profile: strict YAML into plain data, and the place of every key and value.

Built on PyYAML's event stream, not on its constructors: those make an integer of an unquoted MAC
address and of 0644, keep the last of two equal keys in silence, and recurse on deep nesting.
`read` is the only function here that touches the disk; it also reads the files that the profile names.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from gwimage.problem import Path, Place, Problem, in_order

MAX_BYTES = 1 << 20
MAX_NAMED = 1 << 16
MAX_DEPTH = 16
MAX_SHOWN = 10
STDIN = "<stdin>"

# C0 and C1 controls (tab, newline and CR LF apart), what Unicode or YAML 1.1 calls a line end, invisible
# and direction-changing characters: with them a reviewer does not see what the program reads
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\uffff\ud800-\udfff\U000e0000-\U000e0fff]|\r(?!\n)"
)
SECRET = re.compile(r"(?i)((?:pass|secret|private)[\w-]*[\"']?\s*:\s*)(.*)")
LONGEST_EXCERPT = 4096
AMBIGUOUS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Mark:
    """A stretch of one line; line and column count from 1."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True)
class Named:
    """A file that the profile names: its text, or why there is none; or its text and a warning."""

    text: str = ""
    error: str = ""
    warning: str = ""


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

    def unread(self) -> Iterator[Problem]:
        """What is wrong with the files that the profile names. Neither name nor content is repeated: either may be a key."""
        for path, name in self.names.items():
            named = self.files.get(name, Named(error="it was not read"))
            if named.error:
                hint = "give its path, relative to the folder of the profile"
                yield Problem(path, f"cannot use this file: {named.error}", hint)
            elif named.warning:
                yield Problem(path, named.warning, "chmod 600 keeps it to yourself", "warning")

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

    def locate(self, problem: Problem) -> Problem:
        """The problem with its file, line and column."""
        if problem.place:
            return problem
        mark = self.mark(problem.path, problem.on_key)
        place = _place(self.filename, self.lines, mark)
        if problem.path[:2] == ("system", "admin") and problem.path[2:] != ("name",):  # whatever stands there may be a password or a private key
            place = replace(place, text="")
        return replace(problem, place=place)


class _Stop(Exception):
    """Reading on would only produce noise."""


def read(path: str) -> Source:
    """Reads one file, or standard input if it is `-`; what the disk says is a problem like any other."""
    shown, folder = (STDIN, "") if path == "-" else (path, os.path.dirname(path))
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            source = parse(file.read(MAX_BYTES + 1), shown)
    except OSError as error:
        return _failed(shown, b"", f"cannot read the profile: {error.strerror}")
    return source if source.problems else replace(source, files=_named(source.names.values(), folder))


def _named(names: Iterable[str], folder: str) -> dict[str, Named]:
    """The files that a profile names, all together no larger than a profile may be."""
    files, left = {}, MAX_BYTES
    for name in names:
        if name not in files:
            files[name] = _read_named(os.path.join(folder, name), min(left, MAX_NAMED))
            left -= len(files[name].text)
    return files


def _read_named(path: str, most: int) -> Named:
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # a pipe would wait for a writer
            return Named(error="it is not a regular file")
        with open(path, "rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            return Named(error="it is larger than 64 KiB" if most == MAX_NAMED else "all files together are larger than 1 MiB")
        text = raw.decode()
    except OSError as error:
        return Named(error=(error.strerror or "it cannot be opened").lower())
    except UnicodeDecodeError:
        return Named(error="it is not UTF-8 text")
    except ValueError:
        return Named(error="this is not the name of a file")
    return Named(text, warning="every user of this machine can read this file" if mode & stat.S_IROTH else "")


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
    reader = _Reader()
    if not reader.unseen(text):
        reader.run(text)
    problems = in_order(replace(p, place=_place(filename, lines, m)) for p, m in reader.found)
    digest = hashlib.sha256(raw).hexdigest()
    return Source(filename, digest, lines, reader.data, reader.keys, reader.values, tuple(problems), reader.names)


class _Reader:
    """Folds the events of one document into data; keeps its own stack, so depth cannot exhaust Python's."""

    def __init__(self):
        self.data, self.keys, self.values, self.names = None, {}, {}, {}
        self.found: list[tuple[Problem, Mark]] = []
        self.stack: list[_Frame] = []
        self.documents = 0

    def problem(self, mark: Mark, message: str, hint: str = "", path: Path = ()) -> None:
        self.found.append((Problem(path, message, hint), mark))

    def unseen(self, text: str) -> bool:
        for match in list(UNSEEN.finditer(text))[:MAX_SHOWN]:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            what = f"character U+{ord(match.group()):04X} is invisible or changes the direction of text"
            self.problem(Mark(line, column), what, "remove it")
        return bool(self.found)

    def run(self, text: str) -> None:
        try:
            loader = yaml.SafeLoader(text)
            while loader.check_event():
                self.event(loader.get_event())
            if not self.documents:
                self.problem(Mark(1, 1), "the profile is empty", "begin with: version: 1")
        except _Stop:
            pass
        except yaml.MarkedYAMLError as error:
            self.syntax(error)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # PyYAML lets chr() and int() fail on absurd escapes and directives
            self.problem(_mark(loader.get_mark()), f"not YAML: {str(error).splitlines()[0]}")

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = _mark(error.problem_mark or error.context_mark)
        what = f"{error.context}, {error.problem}" if error.context else str(error.problem)
        hint = ""
        if "'\\t'" in what:
            hint = "YAML is indented by spaces, never by tabs"
        elif "mapping values are not allowed" in what or "could not find expected ':'" in what:
            hint = "check the indentation; put a value that contains ': ' in quotes"
        self.problem(mark, f"not YAML: {what}", hint)

    def event(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.problem(_mark(event.start_mark), "a second document begins here", "one file holds one profile")
                raise _Stop
        elif isinstance(event, yaml.NodeEvent):
            self.node(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()

    def node(self, event: yaml.NodeEvent) -> None:
        mark = _mark(event.start_mark, event.end_mark)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self.problem(mark, "anchors and aliases (& and *) are not allowed", "write the value out, or quote it")
        elif event.tag:
            self.problem(mark, "tags are not allowed", "write the plain value")
        frame = self.stack[-1] if self.stack else None
        if frame and frame.wants_key:
            self.key(frame, event, mark)
            return
        path = frame.next_path() if frame else ()
        value = self.value(event, mark, path)
        empty = value is None and getattr(event, "value", None) == ""
        self.values[path] = self.keys.get(path, mark) if empty else mark
        if isinstance(value, str) and path and str(path[-1]).endswith("_file"):
            self.names[path] = value
        if frame:
            frame.put(value)
        else:
            self.data = value
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self.stack) >= MAX_DEPTH:
                self.problem(mark, f"nested more than {MAX_DEPTH} levels deep")
                raise _Stop
            self.stack.append(_Frame(value, path))

    def key(self, frame: "_Frame", event: yaml.NodeEvent, mark: Mark) -> None:
        if not isinstance(event, yaml.ScalarEvent) or (event.implicit[0] and event.value in ("", "~", "null")):
            self.problem(mark, "a key must be text", path=frame.path)
            raise _Stop
        key, path = event.value, (*frame.path, event.value)
        if key == "<<" and event.implicit[0]:
            self.problem(mark, "merge keys (<<) are not allowed", "write the keys out", path)
        elif key in frame.value:
            line = self.keys[path].line
            self.problem(mark, f"key {key!r} appears twice, first in line {line}", "remove one of them", path)
        self.escapes(event, mark, path)
        self.keys.setdefault(path, mark)
        frame.key, frame.wants_key = key, False

    def value(self, event: yaml.NodeEvent, mark: Mark, path: Path) -> object:
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        if isinstance(event, yaml.AliasEvent):
            return None
        self.escapes(event, mark, path)
        if not event.implicit[0]:
            return event.value
        word = event.value.lower()
        if word in AMBIGUOUS or (word in ("true", "false") and word != event.value):
            wanted = AMBIGUOUS.get(word, word)
            self.problem(
                mark, f"{event.value!r} is ambiguous in YAML", f"write {wanted}, or quote it if it is a name", path
            )
        return _typed(event.value)

    def escapes(self, event: yaml.ScalarEvent, mark: Mark, path: Path) -> None:
        if event.style == '"' and (UNSEEN.search(event.value) or "\r" in event.value):
            self.problem(mark, "an escape makes an invisible or control character", "remove it", path)


@dataclass
class _Frame:
    """A collection that is being filled."""

    value: dict | list
    path: Path
    key: str = ""
    wants_key: bool = False

    def __post_init__(self):
        self.wants_key = isinstance(self.value, dict)

    def next_path(self) -> Path:
        return (*self.path, len(self.value) if isinstance(self.value, list) else self.key)

    def put(self, value: object) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        else:
            self.value[self.key] = value
            self.wants_key = True


def _typed(text: str) -> object:
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if INTEGER.fullmatch(text) else text


def _mark(start: yaml.Mark, end: yaml.Mark | None = None) -> Mark:
    width = end.column - start.column if end and end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(1, width))


def _place(filename: str, lines: tuple[str, ...], mark: Mark) -> Place:
    text = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
    return Place(filename, mark.line, mark.column, mark.width, _masked(text, lines, mark.line))


def _masked(text: str, lines: tuple[str, ...], line: int) -> str:
    """The line for an excerpt: what may be a password or a private key is never echoed, nor what nobody could read."""
    if len(text) > LONGEST_EXCERPT:
        return ""
    for number in range(line, 0, -1):
        if "PRIVATE KEY-----" in lines[number - 1]:
            if number == line or "-----BEGIN" in lines[number - 1]:
                return ""
            break
    return SECRET.sub(lambda match: match[1] + "*" * len(match[2]), text)


def _failed(filename: str, raw: bytes, message: str, hint: str = "", mark: Mark | None = None) -> Source:
    place = Place(filename, mark.line, mark.column) if mark else Place(filename)
    problem = Problem((), message, hint, place=place)
    return Source(filename, hashlib.sha256(raw).hexdigest(), (), problems=(problem,))
