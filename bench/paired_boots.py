"""Compares the boots of two images by the clock, in turn on the same host: before and after a change.

    python -m bench.paired_boots BEFORE.raw AFTER.raw [--profile FILE] [--rounds N]

Each round boots both images once, from fresh disks, as bench.boot_times does; which one is first changes with each round, so
that a host whose load changes favours neither. Both images must be of the same profile.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from bench import boot_times
from bench.boot_times import Times
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.problem import ProfileError

NAMES = ("before", "after")
_PROFILE = Path(__file__).resolve().parent.parent / "profiles/homelab.yaml"


def table(rounds: Sequence[dict[str, Times]]) -> str:
    """Seconds of each boot, by round; then the medians, and the median of the differences of each pair."""
    lines = [
        f"{'':8} {'first offer':>21} {'first through':>21}",
        f"{'round':8} {'before':>10} {'after':>10} {'before':>10} {'after':>10}",
    ]
    columns = [[getattr(one[name], what) for one in rounds] for what in ("offer", "through") for name in NAMES]
    lines += [f"{number:<8} {_cells(values)}" for number, values in enumerate(zip(*columns), 1)]
    lines.append(f"{'median':8} {_cells([_median(values) for values in columns])}")
    saved = [
        _median([before - after if None not in (before, after) else None for before, after in zip(*columns[at : at + 2])])
        for at in (0, 2)
    ]
    return "\n".join([*lines, f"{'saved':8} {_cells([None, saved[0], None, saved[1]], never='')}"])


def _median(values: Sequence[float | None]) -> float | None:
    """None if one never came."""
    return None if None in values else median(values)


def _cells(values: Sequence[float | None], never: str = "never") -> str:
    return " ".join(f"{never if value is None else f'{value:.2f}':>10}" for value in values)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("images", nargs=2, type=Path, metavar="IMAGE")
    parser.add_argument("--profile", type=Path, default=_PROFILE)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    profile, problems = load(source.read(str(options.profile)))
    if profile is None:
        raise ProfileError(problems)
    rounds: list[dict[str, Times]] = []
    for number in range(options.rounds):
        pair = list(zip(NAMES, options.images))
        seen = {}
        for name, image in pair[:: -1 if number % 2 else 1]:
            say = partial(boot_times.progress, f"round {number + 1}, {name}", time.monotonic())
            seen[name] = boot_times.watch(image, profile, boots=1, say=say).boots[0].times
        rounds.append(seen)
    print(table(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
