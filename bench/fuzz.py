"""The tests that draw random numbers, with others than before, and more of them than a usual run of the tests draws.

    python -m bench.fuzz [--seed N] [--documents N] [--pairs N] [--minutes N]

Documents for the checker, and what it accepts for Debian's own programs; lines of firewall.allow; first profiles of `init`; packets
for `explain` and a real kernel. Needs what the tests need (`./build.sh test`). Prints the seed first, by which a red run can be
repeated; it draws the same wherever it runs. Exit status: pytest's (0 all passed, 1 some failed), or 1 when the time is over.
"""

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
from pathlib import Path

TESTS = (
    "tests/language/test_fuzz.py",
    "tests/claims/test_allow.py",
    "tests/commands/test_init.py",
    "tests/explain/test_explain_kernel.py",
)
ROOT = Path(__file__).parent.parent


def command(seed: int, documents: int, pairs: int) -> list[str]:
    """What pytest is started with."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TESTS]
    return [*argv, "--seed", str(seed), "--documents", str(documents), "--pairs", str(pairs)]


def run(argv: list[str], seconds: float) -> int:
    """Its exit status; 1 when the time is over. What it started ends with it: tests hold machines and namespaces."""
    with subprocess.Popen(argv, cwd=ROOT, start_new_session=True) as tests:
        try:
            return tests.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"not done after {seconds / 60:.0f} minutes", file=sys.stderr)
            return 1
        finally:
            if tests.poll() is None:
                os.killpg(tests.pid, signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6), help="default: another one every time"
    )
    parser.add_argument("--documents", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--pairs", type=int, default=5_000, help="packets for explain; default: %(default)s")
    parser.add_argument("--minutes", type=float, default=60, help="after which it ends; default: %(default)s")
    given = parser.parse_args()
    again = f"--seed {given.seed} --documents {given.documents} --pairs {given.pairs}"
    print(f"seed {given.seed}; the same again: python -m bench.fuzz {again}", flush=True)
    argv = command(given.seed, given.documents, given.pairs)
    print(shlex.join(argv), flush=True)
    return run(argv, 60 * given.minutes)


if __name__ == "__main__":
    sys.exit(main())
