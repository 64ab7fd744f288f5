"""Measures the duration of `gwimage build`, `rebake` and `compile`, by running the commands themselves."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import compile as compiling
from bench.gateways import OURS, PROFILE
from bench.results import Row

ROOT = Path(__file__).resolve().parent.parent


def build(work: Path, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """Seconds of one build with an empty cache, then per round: a build with that cache, and a rebake of a changed profile."""
    cold, warm, again = (
        Row("build", f"gwimage {name}", "s", True, {OURS: []})
        for name in (
            "build, empty cache (with downloads)",
            "build, with caches",
            "rebake, another pool",
        )
    )
    env, out = {"XDG_CACHE_HOME": str(work / "cache")}, work / "out"
    changed = work / "changed.yaml"
    changed.write_text(PROFILE.read_text().replace("10.0.0.100-10.0.0.199", "10.0.0.120-10.0.0.199"))
    say("build: with an empty cache")
    cold.values[OURS].append(_seconds(["build", PROFILE, "-o", out], env))
    for number in range(rounds):
        say(f"build, round {number + 1}")
        warm.values[OURS].append(_seconds(["build", PROFILE, "-o", out], env))
        again.values[OURS].append(_seconds(["rebake", changed, "-o", work / "again", "--base", *out.glob("*.raw")], env))
    return [cold, warm, again]


def compiles(work: Path, rounds: int) -> list[Row]:
    """Seconds to compile 1 and 1000 profiles in one call."""
    files = compiling.profiles(work / "profiles", 1000)
    found = {number: [compiling.seconds(files[:number]) for _ in range(rounds)] for number in (1, 1000)}
    return [
        Row("compile", f"gwimage compile, {number} profiles", "s", True, {OURS: values}) for number, values in found.items()
    ]


def _seconds(words: Sequence[str | Path], env: dict[str, str]) -> float:
    start = time.monotonic()
    argv = [sys.executable, "-m", "gwimage", *map(str, words)]
    subprocess.run(argv, check=True, cwd=ROOT, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start
