"""The text and JSON of problems: carets under the fault, and no secret repeated."""

import json

import pytest

from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.problem import MOST, Place, Problem, ProfileError, ToolError, as_text, errors, in_order, to_json
from tests.support.paths import ROOT

PROFILE = "lans:\n  lan:\n    nic: net1\n\n    addres: 10.0.0.1/24\n"
PLAIN = ROOT / "profiles" / "homelab.yaml"
UNKNOWN = Problem(("lans", "lan", "addres"), "unknown key 'addres'", "did you mean 'address'?", on_key=True)


def located(text, problem):
    return source.parse(text, "edge.yaml").locate(problem)


def test_text():
    assert as_text(located(PROFILE, UNKNOWN)) == (
        "edge.yaml:5:5: error: unknown key 'addres' [lans.lan.addres]\n"
        "    addres: 10.0.0.1/24\n"
        "    ^^^^^^\n"
        "    hint: did you mean 'address'?"
    )


def test_text_without_a_line():
    assert as_text(Problem((), "no such file", place=Place("x.yaml"))) == "x.yaml: error: no such file"


def test_json():
    assert json.loads(json.dumps(to_json(located(PROFILE, UNKNOWN)))) == {
        "file": "edge.yaml",
        "line": 5,
        "column": 5,
        "width": 6,
        "severity": "error",
        "path": "lans.lan.addres",
        "message": "unknown key 'addres'",
        "hint": "did you mean 'address'?",
    }


def test_long_lines_are_cut_around_the_fault():
    text = "keys: [" + "x" * 500 + ", bad, " + "y" * 500 + "]"
    lines = as_text(located(text, Problem(("keys", 1), "wrong"))).splitlines()
    assert len(lines[1]) <= 104
    assert lines[1][lines[2].index("^") :].startswith("bad")
    assert lines[2].count("^") == 3


def test_an_error_behind_many_warnings_is_still_said():
    place = Place("p", 1, 1)
    many = [Problem(("a", number), "soon", severity="warning", place=place) for number in range(2 * MOST)]
    found = in_order([*many, Problem(("b",), "late", place=Place("p", 2, 1))])
    assert len(found) == MOST
    assert found[-1].message == "late"


def test_order_and_severity():
    late, soon = Problem(("b",), "late"), Problem(("a",), "soon", severity="warning")
    read = source.parse("a: 1\nb: 2", "p")
    found = in_order([read.locate(late), read.locate(soon), read.locate(late)])
    assert [p.message for p in found] == ["soon", "late"]
    assert [p.message for p in errors(found)] == ["late"]


@pytest.mark.parametrize(
    "text",
    [
        "password_hash: hunter2-",
        "'password_hash' : hunter2-",
        "password: hunter2-",
        "{name: root, password_hash: hunter2-}",
        "passwd: [hunter2-",
        "private_key: hunter2-",
        "a: {wg_key: hunter2-}",
        "key_file_psk: hunter2-",
        "psk: !x hunter2-",
        "a:\n  host_key:\n    hunter2-\n  b: &x c",
        "a:\n  host_key:\n\n    !x hunter2-",
        "a:\n  host_keys:\n  - &x hunter2-",
        "a: {password:\nhunter2-, b: }}",
        "a: {password:\n\n   !y hunter2-}",
        "? password\n: !x hunter2-",
        'password: |\n  x\n  hunter2-: "\n   :\n',
        "password: x\n  hunter2-: y",
    ],
)
def test_secrets_are_masked(text):
    read = source.parse(text + "\n", "p")
    lines = [read.at(Problem((), "x"), source.Mark(line, 1)) for line in range(1, len(read.lines) + 1)]
    paths = [read.locate(Problem(path, "x")) for path in (*read.values, *read.keys)]
    for problem in (*read.problems, *lines, *paths):
        assert "hunter2" not in as_text(problem)


def test_what_is_no_secret_is_shown():
    read = source.parse("password: x\n# y\nlans:\n  b: c\nkeys: d\n", "p")
    shown = [read.at(Problem((), "x"), source.Mark(line, 1)).place.text for line in range(1, 6)]
    assert shown == ["password:**", "# y", "lans:", "  b: c", "keys: d"]


@pytest.mark.parametrize(
    ("line", "carets"),
    [
        ("Küche: bad", "       ^^^"),
        ("Ku\u0308che: bad", "       ^^^"),  # the same, in two characters
        ("台所: bad", "      ^^^"),
        ("a: 台所", "   ^^^^"),
        ("\U0001f600: bad", "    ^^^"),
    ],
)
def test_carets_stand_under_wide_and_combining_characters(line, carets):
    read = source.parse(line, "p")
    assert as_text(read.locate(Problem(tuple(read.data), "x"))).splitlines()[2] == "    " + carets


@pytest.mark.parametrize(
    "admin",
    [
        "password_hash:\n      hunter2-secret",
        "pw: hunter2",
        "password_hash: |\n      hunter2",
        "password_hash: !hunter2 x",
        "ssh_keys: [b3BlbnNzaC1rZXktdjEAAAAABG5vbmhunter2]",
        "ssh_keys: [hunter2]",
    ],
)
def test_nothing_of_the_admin_is_echoed(admin):
    text = PLAIN.read_text().replace("wans:", f"system:\n  admin:\n    {admin}\nwans:", 1)
    _, problems = load(source.parse(text, "p.yaml"))
    assert problems
    assert not any(word in as_text(problem) for problem in problems for word in ("hunter2", "b3Bl"))


def test_private_keys_are_masked():
    text = (
        "a:\n  - -----BEGIN OPENSSH PRIVATE KEY-----\n    b3BlbnNzaC1: rZXktdjEA\n  -----END OPENSSH PRIVATE KEY-----\nb: c\n"
    )
    read = source.parse(text, "p")
    assert read.problems
    assert not any("b3B" in as_text(problem) or "BEGIN" in as_text(problem) for problem in read.problems)
    assert "b: c" in as_text(read.at(Problem((), "x"), source.Mark(5, 1)))


def test_exceptions_say_what_happened():
    assert str(ProfileError([located(PROFILE, UNKNOWN)])).startswith("edge.yaml:5:5: error: ")
    assert str(ToolError(("nft", "-f", "x"), 1, "bad\n")) == "nft -f x: exit status 1: bad"
