"""What a command loads before it does anything: each in a fresh interpreter."""

import json
import subprocess
import sys

import click
import pytest

from gwimage.commands.main import cli
from tests.support.paths import HOMELAB, ROOT

# the program, then as JSON the names of all that is loaded
LOADED = """
import json, sys
from gwimage.commands.main import cli
try:
    cli(sys.argv[1:])
finally:
    print(json.dumps(list(sys.modules)), file=sys.stderr)
"""
NEVER = {"unittest", "asyncio", "xml", "http"}  # slow to load, and of no use to any command's start
HEAVY = {"pycdlib", "cryptography", "segno"}  # each for what few commands do
LATE = {"lab", "verify", "build", "seed", "explain", "report"}


def loaded(*words):
    """Modules by their first name, and the packages of the program."""
    argv = [sys.executable, "-c", LOADED, *map(str, words)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stderr.splitlines()[-1])
    ours = {name.split(".")[1] for name in names if name.startswith("gwimage.")}
    return {name.split(".")[0] for name in names}, ours


def commands(group=cli, before=()):
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_help_loads_what_help_needs(words):
    modules, ours = loaded(*words, "--help")
    assert not modules & (NEVER | HEAVY | {"jsonschema"}) and not ours & LATE


def test_check_loads_the_checker_alone():
    modules, ours = loaded("check", HOMELAB)
    assert not modules & (NEVER | HEAVY) and not ours & LATE


@pytest.mark.parametrize("words", [("show",), ("explain",), ("seed", "--base", "debian-13", "--explain")], ids=" ".join)
def test_no_command_loads_the_tools_of_tests(words):
    assert not loaded(words[0], HOMELAB, *words[1:])[0] & {"unittest", "asyncio"}
