"""Profiles that want to keep us busy are refused, by few words. The clock is read in bench/hostile.py only."""

import pytest

from bench import hostile
from gwimage.commands import diagnostics
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.problem import MOST, dotted, errors

SHAPES = hostile.shapes()
EXPECTED = {  # how many problems, and the words of the first
    "problems on one line": (MOST, "'yes' is ambiguous in YAML"),
    "problems on long lines": (MOST, "anchors and aliases"),
    "equal long keys": (MOST, "appears twice, first in line 1"),
    "endless key": (1, "a key is longer than 200 characters"),
    "many values": (1, "the profile has more than 50,000 keys and values"),
    "deep lists": (1, "nested more than 16 levels deep"),
    "deep blocks": (1, "nested more than 16 levels deep"),
    "like secrets": (1, "not YAML"),
    "unknown keys in a network": (MOST, "unknown key 'addres0'"),
    "correct networks": (1, "there are more than 64 here"),
    "mixed list": (MOST, "the list has more than 16 entries"),
    "huge key": (2, "damaged or cut off"),
    "files": (MOST, "unknown key 'a0_file'"),
    "large and wrong": (MOST, "VLAN 1 on net5 is already lans.lan0x"),
    "10 MB": (1, "the profile is larger than 1 MiB"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_refused(name):
    profile, problems = load(source.parse(SHAPES[name], "p.yaml"))
    count, words = EXPECTED[name]
    assert profile is None
    assert len(problems) == count
    assert words in "\n".join(problem.message for problem in problems[:2])
    for problem in problems:
        assert len(problem.message) < 300
        assert len(dotted(problem.path)) < 500
    said = diagnostics.text(problems)
    assert len(said) < 100_000
    assert said.count(" error: ") == len(errors(problems[: diagnostics.SHOWN]))
    assert ("and at least 900 more" in said) == (count == MOST)


def test_a_large_profile_is_no_hostile_one():
    profile, problems = load(source.parse(SHAPES["large and correct"], "p.yaml"))
    assert not problems
    assert len(profile.lans) == 64


def test_the_benchmark_has_all_of_them():
    assert set(EXPECTED) <= set(SHAPES)
    assert all(len(text.encode()) <= hostile.SIZE for name, text in SHAPES.items() if name != "10 MB")
