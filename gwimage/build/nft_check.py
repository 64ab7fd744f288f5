"""Debian 13's own nft, from the tools tree, asked about a ruleset that holds rules of the user's own.

It loads the rules in a network namespace of its own: `nft -c` alone takes a masquerade in a filter chain.
"""

import os
import re
import subprocess
from pathlib import Path

from gwimage.plan import File
from gwimage.problem import Problem

ERROR = re.compile(r"/dev/stdin:([0-9]+):[0-9-]+: Error: (.*)")
RAW = "firewall.raw."
KERNEL = "Could not process rule"  # from there on the kernel speaks, in errno's words


def check(ruleset: File, tree: Path) -> tuple[list[Problem], str]:
    """The problems of the user's rules; and, if nft does not work here for any other reason, what it says."""
    said = _load(ruleset.text, tree)
    found = ERROR.findall(said)
    # once the kernel has refused a rule, it refuses all that follow
    found = [error for error in found if KERNEL not in error[1]] or found[:1]
    origins, problems = dict(ruleset.origins), []
    for line, words in found:
        path = origins.get(int(line), "")
        if path.startswith(RAW):
            hint = "is it of the right chain? if so, this host's kernel may lack what it needs" if KERNEL in words else ""
            place = tuple(int(part) if part.isdecimal() else part for part in path.split("."))
            problems.append(Problem(place, f"nft says: {words}", hint))
    return problems, "" if problems else said


def _load(text: str, tree: Path) -> str:
    """What nft says; nothing if it takes the rules."""
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    argv = ["unshare", "--net", *user, "chroot", str(tree), "nft", "-f", "-"]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(argv, input=text, env=env, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() or "it failed" * bool(done.returncode)
