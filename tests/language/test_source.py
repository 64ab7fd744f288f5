"""The strict YAML reader: what stays text, and the place of everything that it refuses."""

import os
import subprocess
import sys
import unicodedata

import pytest

from gwimage.language import characters, referenced_files, source
from tests.support.paths import ROOT

B = "﻿"


def said(raw) -> list[str]:
    found = source.parse(raw, "p.yaml").problems
    return [f"{p.place.line}:{p.place.column} {p.message}" for p in found]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("mac: 52:54:00:12:34:56", {"mac": "52:54:00:12:34:56"}),
        ("mode: 0644", {"mode": "0644"}),
        ("a: 0o17\nb: 0x1f\nc: 1_000\nd: 1:30", {"a": "0o17", "b": "0x1f", "c": "1_000", "d": "1:30"}),
        ("a: 12\nb: -3\nc: 0\nd: '12'", {"a": 12, "b": -3, "c": 0, "d": "12"}),
        ("a: 1.0\nb: 1e3\nc: 2001-01-01\nd: .inf", {"a": "1.0", "b": "1e3", "c": "2001-01-01", "d": ".inf"}),
        ("a: true\nb: false\nc: 'no'\nd: \"on\"", {"a": True, "b": False, "c": "no", "d": "on"}),
        ("a:\nb: ~\nc: null\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        ("1: a\ntrue: b\nno: c", {"1": "a", "true": "b", "no": "c"}),
        ("a: " + "9" * 5000, {"a": "9" * 5000}),
        ("a: [x, {b: c}, [d]]", {"a": ["x", {"b": "c"}, ["d"]]}),
        ("---\na: b\n...\n", {"a": "b"}),
        ("%YAML 1.2\n---\na: b\n", {"a": "b"}),
        (B + "a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("a: '='\nb: =", {"a": "=", "b": "="}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)
def test_data(text, data):
    read = source.parse(text, "p.yaml")
    assert not read.problems
    assert read.data == data


REFUSED = {
    "duplicate": ("a: 1\nb: 2\na: 3", ["3:1 key 'a' appears twice, first in line 1"]),
    "duplicate deep": ("x: {a: 1, b: 2, 'a': 3}", ["1:17 key 'a' appears twice, first in line 1"]),
    "duplicate thrice": (
        "a: 1\na: 2\na: 3",
        ["2:1 key 'a' appears twice, first in line 1", "3:1 key 'a' appears twice, first in line 1"],
    ),
    "documents": ("a: b\n---\nc: d", ["2:1 a second document begins here"]),
    "tag": ("a: !!str 5", ["1:4 tags are not allowed"]),
    "bare tag": ("a: ! b", ["1:4 tags are not allowed"]),
    "python tag": ("a: !!python/object/apply:os.system [x]", ["1:4 tags are not allowed"]),
    "anchor": ("a: &x b\nc: *x", [f"{at} anchors and aliases (& and *) are not allowed" for at in ("1:4", "2:4")]),
    "merge": ("b:\n  <<: {c: d}", ["2:3 merge keys (<<) are not allowed"]),
    "yes": (
        "a: yes\nb: [no, Off]",
        ["1:4 'yes' is ambiguous in YAML", "2:5 'no' is ambiguous in YAML", "2:9 'Off' is ambiguous in YAML"],
    ),
    "True": ("a: True", ["1:4 'True' is ambiguous in YAML"]),
    "list key": ("a: b\n? [c]\n: d", ["2:3 a key must be text"]),
    "null key": ("a: b\n~: d", ["2:1 a key must be text"]),
    "empty": ("", ["1:1 the profile is empty"]),
    "comment only": ("# nothing\n", ["1:1 the profile is empty"]),
    "nul": ("a: b\nc: x\0", ["2:5 character U+0000 is invisible or changes the direction of text"]),
    "escape byte": ("a: \x1b[31m", ["1:4 character U+001B is invisible or changes the direction of text"]),
    "bidi": ("a: x\u202eb", ["1:5 character U+202E is invisible or changes the direction of text"]),
    "bom inside": ("a: b\n" + B + "c: d", ["2:1 character U+FEFF is invisible or changes the direction of text"]),
    "line separator": ("a: b\u2028c: d", ["1:5 character U+2028 is invisible or changes the direction of text"]),
    "next line": ("a: b\x85c: d", ["1:5 character U+0085 is invisible or changes the direction of text"]),
    "lone cr": ("a: b\rc: d", ["1:5 character U+000D is invisible or changes the direction of text"]),
    "escaped nul": ('a: "x\\0"', ["1:4 an escape makes an invisible or control character"]),
    "escaped bidi": ('a: "\\u202e"', ["1:4 an escape makes an invisible or control character"]),
    "escaped surrogate": ('a: "\\ud800"', ["1:4 an escape makes an invisible or control character"]),
    "escaped key": ('"a\\0": b', ["1:1 an escape makes an invisible or control character"]),
    "tab": (
        "a:\n\tb: c",
        ["2:1 not YAML: while scanning for the next token, found character '\\t' that cannot start any token"],
    ),
    "colon": ("a: b: c", ["1:5 not YAML: mapping values are not allowed here"]),
    "unclosed": ("a: [b", ["1:6 not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"]),
    "utf-8": (b"a: b\nc: \xff", ["2:4 the profile is not UTF-8 text"]),
    "utf-16": ("a: b".encode("utf-16"), ["1:1 the profile is not UTF-8 text"]),
    "several": (
        "a: yes\nb: &x 1\nb: 2",
        [
            "1:4 'yes' is ambiguous in YAML",
            "2:4 anchors and aliases (& and *) are not allowed",
            "3:1 key 'b' appears twice, first in line 2",
        ],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    raw, expected = REFUSED[case]
    assert said(raw) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:\n  b: c\n d: e", "check the indentation: what belongs together begins in the same column"),
        ('a: b\nc: "d\ne: f', "close the quote of line 2"),
        ("a: b\nc: {d: e\nf: g", "close the bracket of line 2, or add a comma"),
        ("a: [9.9.9.9, ::1]", "put a value that begins with such a character in quotes"),
    ],
)
def test_what_yaml_refuses_has_a_hint(text, hint):
    assert source.parse(text, "p").problems[0].hint == hint


@pytest.mark.parametrize("text", ['a: "\\U00110000"', 'a: "\\UFFFFFFFF"', "%YAML " + "9" * 5000 + ".1\n---\na: b"])
def test_what_breaks_pyyaml_is_a_problem(text):
    assert said(text)[0].split(" ", 1)[1].startswith("not YAML")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth(opening):
    found = said(opening * 20000)
    assert len(found) == 1
    assert "16 levels deep" in found[0] or "a key must be text" in found[0]


UNHIDDEN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # Cf, and yet drawn


def test_what_unicode_calls_invisible_is_refused():
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
    for number in range(0x110000):
        char = chr(number)
        if unicodedata.category(char) in kinds and char not in " \t\n" + UNHIDDEN:
            assert characters.UNSEEN.search(char), hex(number)
        elif unicodedata.category(char)[0] in "LNPS" and number not in (0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0, 0xFFFC, 0xFFFD):
            assert not characters.UNSEEN.search(char), hex(number)


@pytest.mark.parametrize(
    "char", "\xa0\u034f\u115f\u1160\u17b5\u180b\u180e\u2007\u2065\u2800\u3000\u3164\ufe00\ufe0f\uffa0\U000e0100"
)
def test_what_looks_like_nothing_is_refused(char):
    (problem,) = source.parse(f"# a{char}b\na: b", "p").problems
    assert problem.message.startswith(f"character U+{ord(char):04X} ")


@pytest.mark.parametrize(
    "comment",
    [
        "Grüße",
        "台所のスイッチ",
        "нет",
        "e\u0301",
        "1\ufe0f\u20e3 😀 👍🏽 ☎\ufe0f",
        "👩\u200d💻 👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥",
        "½ × “”—…",
    ],
)
def test_ordinary_text_is_welcome(comment):
    assert not source.parse(f"a: b # {comment}\n", "p").problems


def test_size():
    text = "a: b\n#" + "x" * source.MAX_BYTES
    assert [p.message for p in source.parse(text, "p").problems] == ["the profile is larger than 1 MiB"]


@pytest.mark.parametrize("path", ["missing.yaml", "."])
def test_unreadable(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (problem,) = source.read(path).problems
    assert problem.message.startswith("cannot read the profile: ")
    assert (problem.place.file, problem.place.line) == (path, 0)


MARKS = """\
a:
  b: {c: d}
  e: [f, {g: h}]
"""


@pytest.mark.parametrize(
    ("path", "on_key", "mark"),
    [
        (("a", "b", "c"), True, (2, 7, 1)),
        (("a", "b", "c"), False, (2, 10, 1)),
        (("a", "b"), False, (2, 6, 1)),
        (("a", "b", "missing"), True, (2, 3, 1)),
        (("a", "b", "missing", "more"), False, (2, 3, 1)),
        (("a", "e", 1, "missing"), True, (3, 10, 1)),
        (("a", "e", 1), False, (3, 10, 1)),
        (("missing",), True, (1, 1, 1)),
    ],
)
def test_marks(path, on_key, mark):
    found = source.parse(MARKS, "p").mark(path, on_key)
    assert (found.line, found.column, found.width) == mark


NAMED = """\
vpn:
  a: {key_file: a.key, psk_file: sub/../a.key}
  b:
    - {key_file: /nowhere}
  c: {key_file: [a.key], file: a.key, mode_file: 0}
"""


def write(tmp_path, text) -> source.Source:
    (tmp_path / "p.yaml").write_text(text)
    return source.read(str(tmp_path / "p.yaml"))


def unread(read: source.Source) -> list:
    return referenced_files.check(read.names, read.files)


def test_files_that_the_profile_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.key").write_text("secret\n")
    (tmp_path / "a.key").chmod(0o640)
    read = write(tmp_path, NAMED)
    assert read.names == {
        ("vpn", "a", "key_file"): "a.key",
        ("vpn", "a", "psk_file"): "sub/../a.key",
        ("vpn", "b", 0, "key_file"): "/nowhere",
    }
    assert {name: file.text for name, file in read.files.items()} == {
        "a.key": "secret\n",
        "sub/../a.key": "secret\n",
        "/nowhere": "",
    }
    assert [(p.path[1], p.severity, p.message) for p in unread(read)] == [
        ("b", "error", "cannot use this file: no such file or directory")
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "no such file or directory"),
        ("folder", "it is not a regular file"),
        ("''", "it is not a regular file"),
        ("pipe", "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
        ("large", "it is larger than 64 KiB"),
        ("binary", "it is not UTF-8 text"),
        ("loop", "too many levels of symbolic links"),
        ('"a\\nb"', "no such file or directory"),
        ("../" * 3000, "file name too long"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, said):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (referenced_files.LARGEST + 1))
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "loop").symlink_to("loop")
    (problem,) = unread(write(tmp_path, f"key_file: {name}"))
    assert problem.message == f"cannot use this file: {said}"
    assert problem.path == ("key_file",)


def test_a_file_that_everybody_can_read_is_a_warning(tmp_path):
    (tmp_path / "key").write_text("x")
    (tmp_path / "key").chmod(0o644)
    read = write(tmp_path, "key_file: key")
    assert [p.severity for p in unread(read)] == ["warning"]
    assert read.files["key"].text == "x"


def test_all_files_together_are_no_larger_than_a_profile(tmp_path):
    for number in range(18):
        (tmp_path / f"{number}").write_bytes(b"x" * referenced_files.LARGEST)
    read = write(tmp_path, "\n".join(f"a{number}_file: '{number}'" for number in range(18)))
    assert [p.message for p in unread(read) if p.severity == "error"] == [
        "cannot use this file: all files together are larger than 1 MiB"
    ] * 2


def test_standard_input(tmp_path):
    (tmp_path / "key").write_text("x")
    script = "import gwimage.language.source as s; r = s.read('-'); print(r.filename, r.data, r.files['key'].text)"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, cwd=tmp_path, env=env, input="key_file: key", capture_output=True, text=True, check=True)
    assert done.stdout == "<stdin> {'key_file': 'key'} x\n"
