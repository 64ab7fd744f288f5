"""Progress of long work: one line per step with its time, and the full output in a log file."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from gwimage.compiler import output_file
from gwimage.problem import ToolError

ANNOUNCED = re.compile(r"‣\s+(?:\[\S+\]\s+)?(.*)")  # mkosi's prefix of a line that names its current step
LAST_LINES = 15
GRACE = 30.0  # seconds for an interrupted command to clean up
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Steps:
    """Prints "  12 s  step" per step to `out`; on a terminal the running step is updated in place.

    times: seconds by the text of each finished step.
    """

    def __init__(self, log: Path, out: TextIO = sys.stderr):
        self.log = log
        self.out = out
        self.times: dict[str, float] = {}
        log.parent.mkdir(parents=True, exist_ok=True)
        output_file.write(log, b"", output_file.SHARED)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.monotonic()
        self._log(f"== {text}")
        self._now(text, 0)
        done = False
        try:
            yield
            done = True
        finally:
            self.times[text] = time.monotonic() - start
            self._end(text, self.times[text], done)

    def run(self, argv: Sequence[str | os.PathLike], text: str, **options) -> None:
        """Runs a command as one step, its output to the log. Raises ToolError with its last lines if it fails."""
        command = tuple(str(word) for word in argv)
        with self.step(text):
            self._log("$ " + " ".join(command))
            status, last = self._follow(command, text, options)
            if status:
                raise ToolError(command, status, "\n".join([*last, f"full log: {self.log}"]))

    def _follow(self, command, text, options):
        start, last = time.monotonic(), []
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            preexec_fn=_end_with_parent,
            process_group=0,
            **options,
        )
        with process, self.log.open("a") as log:
            try:
                for line in process.stdout:
                    log.write(line)
                    last = [*last[-LAST_LINES + 1 :], line.rstrip()]
                    if announced := ANNOUNCED.match(line):
                        self._now(f"{text}: {announced[1]}", time.monotonic() - start)
            except BaseException:
                _end(process)
                raise
        return process.returncode, last

    def _now(self, text: str, seconds: float) -> None:
        if self.out.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.out.write("\r\033[K" + f"{seconds:5.0f} s  {text}"[:width])
            self.out.flush()

    def _end(self, text: str, seconds: float, done: bool) -> None:
        clear = "\r\033[K" if self.out.isatty() else ""
        self.out.write(f"{clear}{seconds:5.0f} s  {text}{'' if done else '  (failed)'}\n")
        self.out.flush()

    def _log(self, line: str) -> None:
        with self.log.open("a") as log:
            log.write(line + "\n")


def _end(process: subprocess.Popen) -> None:
    """Terminates a command; kills its process group once it has ended, or after GRACE seconds of cleaning up.

    Its output is closed first, so that it cannot block on a pipe that has no reader. The group is killed because mkosi,
    terminated just as it starts a child, waits for that child without signalling it.
    """
    process.stdout.close()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Sets PR_SET_PDEATHSIG (prctl(2)), so that a command does not go on writing after gwimage was killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
