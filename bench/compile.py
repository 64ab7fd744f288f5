"""Measures compiling many profiles in one call: time per profile, and whether it grows linearly.

    python -m bench.compile [NUMBER]

Compiles NUMBER (default 1000) and half as many generated profiles alternately, RUNS times each, into a fresh directory,
by the command itself. Prints what it ran, medians, and their ratio (2 is linear).

Writes to /dev/shm if there is one: a profile is some eighty files and folders, and ext4 takes up to a millisecond for
each after many deletions, which a benchmark causes.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
PROFILE = """\
version: 1
name: site-{n}
release: 1.0.0
system:
  admin:
    ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f you@example]
services:
  ssh: {{from: [lan]}}
wans:
  wan: {{nic: net0, ipv4: dhcp}}
lans:
  lan: {{nic: net1, address: 10.{a}.{b}.1/25, dhcp: {{pool: 10.{a}.{b}.10-10.{a}.{b}.99}}}}
  iot: {{nic: net2, address: 10.{a}.{b}.129/25, dhcp: {{pool: 10.{a}.{b}.130-10.{a}.{b}.199, lease_time: 12h}}}}
"""


def profiles(folder: Path, number: int) -> list[str]:
    """Writes `number` different profiles; returns their paths."""
    folder.mkdir()
    for n in range(number):
        (folder / f"{n}.yaml").write_text(PROFILE.format(n=n, a=n // 250, b=n % 250))
    return sorted(map(str, folder.iterdir()))


def seconds(files: list[str]) -> float:
    with tempfile.TemporaryDirectory(dir=MEMORY) as out:
        argv = [sys.executable, "-m", "gwimage", "compile", *files, "-o", f"{out}/trees"]
        start = time.perf_counter()
        subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


def main() -> None:
    number = int(sys.argv[1]) if sys.argv[1:] else 1000
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        files = profiles(Path(folder) / "profiles", number)
        half = files[: number // 2]
        print(
            f"gwimage compile PROFILE... -o DIR; {len(half)} and {number} profiles by turns, {RUNS} runs each,"
            f" to {MEMORY or tempfile.gettempdir()}"
        )
        times = [(seconds(half), seconds(files)) for _ in range(RUNS)]
    small, large = (statistics.median(column) for column in zip(*times))
    print(f"{len(half):6} profiles: median {small:6.2f} s, {1000 * small / len(half):5.2f} ms each")
    print(f"{number:6} profiles: median {large:6.2f} s, {1000 * large / number:5.2f} ms each")
    print(f"ratio {large / small:.2f} for {number / len(half):.0f} times as many")


if __name__ == "__main__":
    main()
