"""Whatever the profile says, the answer is files or problems: never an exception, never a stray control character."""

import copy
import unicodedata

import yaml
from conftest import TESTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gwimage import source
from gwimage.compile import compile
from gwimage.problem import as_text, errors, to_json

TEXT = (TESTS / "cases" / "everything" / "profile.yaml").read_text()
DATA = source.parse(TEXT, "p").data
STRAY = ("Cc", "Cs", "Zl", "Zp")
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

WORDS = st.sampled_from(
    "dhcp net0 net5 lan fibre cable all lo 10.0.0.1/24 10.0.0.0/8 0.0.0.0/0 255.255.255.255/32 10.0.0.1 127.0.0.1 9.9.9.9"
    " 10.0.0.1-10.0.0.0 0.0.0.0-255.255.255.255 52:54:00:12:34:56 1h 9999999d root localhost true null 1.0.0 $6$ ssh-ed25519".split()
)
LEAVES = WORDS | st.text(max_size=20) | st.integers() | st.booleans() | st.none()
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(WORDS | st.text(max_size=8), LEAVES, max_size=3)


def places(node, path=()):
    yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        yield from places(value, (*path, key))


PLACES = [path for path in places(DATA) if path]


def ask(raw):
    files, problems = compile(source.parse(raw, "p.yaml"))
    assert bool(files) != bool(errors(problems))
    for problem in problems:
        lines = as_text(problem).splitlines()
        assert problem.place
        assert to_json(problem)
        assert len(lines) <= 4
        assert all(c.isprintable() for line in lines for c in line)
    for path, file in files.items():
        assert not {c for c in file.text + file.link if unicodedata.category(c) in STRAY} - {"\n"}, path


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES, st.sampled_from(["set", "drop", "add"])), min_size=1, max_size=3))
@QUICK
def test_changed_values(changes):
    data = copy.deepcopy(DATA)
    for path, value, how in changes:
        node = data
        try:
            for part in path[:-1]:
                node = node[part]
            if how == "drop":
                del node[path[-1]]
            elif how == "set" or isinstance(node, list):
                node[path[-1]] = value
            else:
                node[str(value)] = node.pop(path[-1])
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier change took the place away
    ask(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


@given(st.integers(0, len(TEXT)), st.integers(0, 30), st.text(max_size=10) | st.sampled_from(list("[]{}&*!|>%@`\t\r:-?#'\"\\")))
@QUICK
def test_changed_text(start, length, insert):
    ask((TEXT[:start] + insert + TEXT[start + length :]).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60) | st.text(max_size=60))
@QUICK
def test_noise(raw):
    ask(raw)
