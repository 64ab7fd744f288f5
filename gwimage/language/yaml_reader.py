"""Strict YAML into plain data, and the place of every key and value.

Built on PyYAML's event stream, not on its constructors: those make an integer of an unquoted MAC
address and of 0644, keep the last of two equal keys in silence, and recurse on deep nesting.
"""

import contextlib
import re
from dataclasses import dataclass
from typing import NoReturn

import yaml

from gwimage.language import characters
from gwimage.problem import MOST, Path, Problem, cut

MAX_NODES = 50_000  # keys and values; what a person writes stays far below
MAX_DEPTH = 16
MAX_KEY = 200
MAX_UNSEEN = 10
AMBIGUOUS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Mark:
    """A stretch of one line; line and column count from 1."""

    line: int
    column: int
    width: int = 1


class _Stop(Exception):
    """Reading on would only produce noise."""


class Reader:
    """Folds the events of one document into data; keeps its own stack, so depth cannot exhaust Python's."""

    def __init__(self):
        self.data, self.keys, self.values, self.names = None, {}, {}, {}
        self.found: list[tuple[Problem, Mark]] = []
        self.stack: list[_Frame] = []
        self.documents = self.nodes = 0

    def problem(self, mark: Mark, message: str, hint: str = "", path: Path = ()) -> None:
        self.found.append((Problem(path, message, hint), mark))
        if len(self.found) >= MOST:
            raise _Stop

    def stop(self, mark: Mark, message: str, path: Path = ()) -> NoReturn:
        self.problem(mark, message, path=path)
        raise _Stop

    def unseen(self, text: str) -> bool:
        for line, column, what, cure in characters.found(text, MAX_UNSEEN):
            self.problem(Mark(line, column), what, cure)
        return bool(self.found)

    def run(self, text: str) -> None:
        with contextlib.suppress(_Stop):
            loader = yaml.SafeLoader(text)
            try:
                while loader.check_event():
                    self.event(loader.get_event())
            except yaml.MarkedYAMLError as error:
                self.syntax(error)
            except (yaml.YAMLError, ValueError, OverflowError) as error:
                # PyYAML lets chr() and int() fail on absurd escapes and directives
                self.problem(_mark(loader.get_mark()), f"not YAML: {str(error).splitlines()[0]}", path=self.path())
            if not self.documents and not self.found:
                self.problem(Mark(1, 1), "the profile is empty", "begin with: version: 1")

    def path(self) -> Path:
        """Where the reader is."""
        frame = self.stack[-1] if self.stack else None
        return () if frame is None else frame.path if frame.wants_key else frame.next_path()

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = _mark(error.problem_mark or error.context_mark)
        what = f"{error.context}, {error.problem}" if error.context else str(error.problem)
        hint = ""
        if "'\\t'" in what:
            hint = "YAML is indented by spaces, never by tabs"
        elif "mapping values are not allowed" in what or "could not find expected ':'" in what:
            hint = "check the indentation; put a value that contains ': ' in quotes"
        elif "expected <block end>" in what:
            hint = "check the indentation: what belongs together begins in the same column"
        elif "expected the node content" in what:
            hint = "put a value that begins with such a character in quotes"
        elif error.context_mark and ("quoted scalar" in what or "expected ','" in what):
            opened = error.context_mark.line + 1
            hint = (
                f"close the quote of line {opened}"
                if "quoted" in what
                else f"close the bracket of line {opened}, or add a comma"
            )
        self.problem(mark, f"not YAML: {what}", hint, self.path())

    def event(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.stop(_mark(event.start_mark), "a second document begins here")
        elif isinstance(event, yaml.NodeEvent):
            self.node(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()

    def node(self, event: yaml.NodeEvent) -> None:
        mark, path = _mark(event.start_mark, event.end_mark), self.path()
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.stop(mark, f"the profile has more than {MAX_NODES:,} keys and values", path)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self.problem(mark, "anchors and aliases (& and *) are not allowed", "write the value out, or quote it", path)
        elif event.tag:
            self.problem(mark, "tags are not allowed", "write the plain value", path)
        frame = self.stack[-1] if self.stack else None
        if frame and frame.wants_key:
            self.key(frame, event, mark)
            return
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
                self.stop(mark, f"nested more than {MAX_DEPTH} levels deep", path)
            self.stack.append(_Frame(value, path))

    def key(self, frame: "_Frame", event: yaml.NodeEvent, mark: Mark) -> None:
        if not isinstance(event, yaml.ScalarEvent) or (event.implicit[0] and event.value in ("", "~", "null")):
            self.stop(mark, "a key must be text", frame.path)
        if len(event.value) > MAX_KEY:
            self.stop(mark, f"a key is longer than {MAX_KEY} characters", frame.path)
        key, path = event.value, (*frame.path, event.value)
        if key == "<<" and event.implicit[0]:
            self.problem(mark, "merge keys (<<) are not allowed", "write the keys out", path)
        elif key in frame.value:
            line = self.keys[path].line
            self.problem(mark, f"key {cut(key)} appears twice, first in line {line}", "remove one of them", path)
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
            self.problem(mark, f"{event.value!r} is ambiguous in YAML", f"write {wanted}, or quote it if it is a name", path)
        return _typed(event.value)

    def escapes(self, event: yaml.ScalarEvent, mark: Mark, path: Path) -> None:
        if event.style == '"' and (characters.UNSEEN.search(event.value) or "\r" in event.value):
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
