"""Compares the time of a cold `gwimage check` with the bare imports that it needs.

    python -m bench.cold_start [RUNS]

Runs both commands alternately (default 15 times each) and prints medians and their ratio; exit status 1 above LIMIT.
"""

import statistics
import subprocess
import sys
import time

LIMIT = 2.0
BARE = [sys.executable, "-c", "import yaml, jsonschema, click"]
CHECK = [sys.executable, "-m", "gwimage", "check", "profiles/homelab.yaml"]


def seconds(argv: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - start


def main() -> int:
    runs = int(sys.argv[1]) if sys.argv[1:] else 15
    seconds(CHECK)  # warms bytecode and page cache
    times = [(seconds(BARE), seconds(CHECK)) for _ in range(runs)]
    bare, check = (statistics.median(column) for column in zip(*times))
    ratio = statistics.median(full / empty for empty, full in times)
    print(f"{1000 * bare:6.1f} ms  {' '.join(BARE[1:])}\n{1000 * check:6.1f} ms  {' '.join(CHECK[1:])}")
    print(f"ratio {ratio:.2f} (median of {runs} pairs), limit {LIMIT:.1f}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
