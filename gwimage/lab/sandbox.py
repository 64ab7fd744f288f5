"""A private world for the lab: own network, host name, mounts and process ids, gone with its maker.

`call` runs one function in it as process 1. Namespaces, taps, virtual machines and helpers
end with that process, also on Ctrl-C or kill; no address of the lab ever reaches the host.
"""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from gwimage.lab.netns import run
from gwimage.problem import ToolError

Say = Callable[[str], None]
_FILES = 8192  # open ones: where many are asked at once, a socket for each question is more than the usual 1024
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


def call(function: Callable[..., Any], *args: Any, say: Say) -> Any:
    """`function(say, *args)` in a world of its own. Function, arguments and result are pickled."""
    argv = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child"]
    if os.geteuid():
        argv += ["--user", "--map-root-user"]
    argv += [sys.executable, "-m", "gwimage.lab"]
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(_PACKAGE_PARENT), *sys.path]),
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
    }
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        pickle.dump((function, args), process.stdin)
        process.stdin.flush()
        for kind, value in _messages(process.stdout):
            if kind == "say":
                say(value)
            elif kind == "error":
                raise ToolError(*value)
            else:
                return value
        process.wait()
        raise ToolError(argv, process.returncode, "the lab ended without a result")


def main() -> None:
    """The other side of `call`."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints must not get between the messages
    function, args = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_die_with_maker, daemon=True).start()
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_FILES, most)), most))
    try:
        run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
        Path("/run/netns").mkdir()
        message = ("result", function(lambda text: _send(out, ("say", text)), *args))
    except ToolError as error:
        message = ("error", (error.argv, error.status, error.stderr))
    _send(out, message)


def _messages(stream: BinaryIO) -> Any:
    while True:
        try:
            yield pickle.load(stream)
        except EOFError:
            return


def _send(stream: BinaryIO, message: tuple[str, Any]) -> None:
    stream.write(pickle.dumps(message))
    stream.flush()


def _die_with_maker() -> None:
    """The maker holds the other end of standard input for as long as it lives."""
    os.read(0, 1)
    os._exit(1)
