"""Sandbox of the lab: own network, host name, mount and PID namespaces, which end with the calling process.

`call` runs one function in it as process 1. Namespaces, taps, virtual machines and helpers
end with that process, also on Ctrl-C or kill; no address of the lab ever reaches the host.
"""

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
_FILES = 8192  # open files: probes run concurrently with a socket each, which exceeds the usual limit of 1024
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


def call(function: Callable[..., Any], *args: Any, say: Say) -> Any:
    """Runs `function(say, *args)` in a new sandbox. Function, arguments and result are pickled.

    Raises the function's ToolError, or one if the sandbox ends without a result.
    """
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
    """Entry point of the sandbox's process 1: runs the function that `call` sent on standard input."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # anything printed goes to stderr: stdout carries only messages
    function, args = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
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


def _exit_with_parent() -> None:
    """Ends this process when the parent does, which holds the other end of standard input."""
    os.read(0, 1)
    os._exit(1)
