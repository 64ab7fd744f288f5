"""Commands as steps: their output, their failure, and their end when gwimage itself is interrupted."""

import contextlib
import io
import re
import time
from pathlib import Path

import pytest

from gwimage.build import progress
from gwimage.build.progress import Steps
from gwimage.problem import ToolError


class Interrupted(io.StringIO):
    """A terminal on which somebody presses Ctrl-C as soon as a command says that it has begun."""

    def isatty(self):
        return True

    def write(self, text):
        if begun := re.search(r"begun (\d+)", text):
            self.group = int(begun[1])
            raise KeyboardInterrupt
        return super().write(text)


def test_a_failed_command_is_told_with_its_last_lines(tmp_path):
    steps = Steps(tmp_path / "log", io.StringIO())
    with pytest.raises(ToolError) as error:
        steps.run(["sh", "-c", "seq 100; exit 7"], "counting")
    assert error.value.status == 7
    assert error.value.stderr == "\n".join([*map(str, range(86, 101)), f"full log: {tmp_path / 'log'}"])
    assert (tmp_path / "log").read_text().splitlines()[-1] == "100"


@pytest.mark.parametrize("habit", ["", "trap '' TERM;", "trap 'head -c 1000000 /dev/zero' TERM;"])
def test_an_interrupted_command_ends_whether_it_listens_or_not(tmp_path, monkeypatch, habit):
    """mkosi may wait for a child that goes on writing into a pipe that nobody reads any more."""
    monkeypatch.setattr(progress, "GRACE", 1)
    steps = Steps(tmp_path / "log", Interrupted())
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        steps.run(["sh", "-c", f"{habit} echo ‣ begun $$; sleep 600 & wait; head -c 1000000 /dev/zero; wait"], "working")
    assert time.monotonic() - start < 60
    while steps.out.group in running_groups() and time.monotonic() - start < 60:
        time.sleep(0.1)  # a busy host takes its time to end what was killed
    assert steps.out.group not in running_groups()


def running_groups() -> list[int]:
    """Process groups with a member that is no zombie (proc_pid_stat(5))."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            found += [int(group)] * (state != "Z")
    return found
