"""The command that draws more random numbers; and that the tests draw the same ones of the same seed."""

import os
import subprocess
import sys

import pytest

from bench import fuzz
from tests.support.paths import ROOT

# a test that fails after it has said what it was given
PROBE = """
from hypothesis import given, settings, strategies as st

@settings(max_examples=5)
@given(st.integers())
def test_probe(number):
    print("drawn", number)

def test_red(request):
    assert not request.config.getoption("--seed")
"""


@pytest.fixture
def drawn(tmp_path):
    """What a run of the probe draws and says, with these words, in CI or not."""
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_probe.py").write_text(PROBE)

    def run(*words, ci="", jobs=()):
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rP",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            tmp_path,
            tmp_path,
            *jobs,
            *words,
        ]
        env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
        env = {name: value for name, value in env.items() if not name.startswith("PYTEST_")}
        said = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True).stdout
        return [line for line in said.splitlines() if line.startswith("drawn")], said

    return run


def test_a_seed_draws_the_same_and_others_draw_others(drawn):
    first, said = drawn()
    seed = said.split("the same ones again with --seed ")[1].split()[0]
    assert first and drawn("--seed", seed)[0] == first
    assert drawn("--seed", seed, jobs=("-n", "1"))[0] == first
    assert drawn("--seed", str(int(seed) + 1))[0] != first


def test_in_ci_the_same_are_drawn_every_time(drawn):
    first, said = drawn(ci="true")
    assert first and "seed 1; the same ones again with CI=true" in said
    assert drawn(ci="true", jobs=("-n", "1"))[0] == first
    assert drawn("--seed", "7", ci="true")[0] == drawn("--seed", "7")[0] != first


def test_it_starts_tests_that_are_there():
    assert all((ROOT / name).is_file() for name in fuzz.TESTS)


def test_its_exit_status_is_that_of_the_tests_or_of_the_clock(capfd):
    assert fuzz.run([sys.executable, "-c", "raise SystemExit(5)"], 60) == 5
    assert fuzz.run(["sleep", "60"], 0.1) == 1
    assert "not done" in capfd.readouterr().err
