"""Checks a ruleset with firewall.raw rules by Debian 13's nft, from the tools tree.

Loads the rules into a fresh network namespace, since `nft -c` alone accepts a masquerade in a filter chain.
"""

import os
import re
import subprocess
from pathlib import Path

from gwimage.plan import File
from gwimage.problem import Problem

ERROR = re.compile(r"/dev/stdin:([0-9]+):[0-9-]+: Error: (.*)")
RAW = "firewall.raw."
KERNEL = "Could not process rule"  # the kernel refused the rule; what follows is strerror(3)


def check(ruleset: File, tree: Path) -> tuple[list[Problem], str]:
    """Problems in the user's rules; or, if nft failed for any other reason, its output."""
    said = _load(ruleset.text, tree)
    found = ERROR.findall(said)
    # once the kernel has refused a rule, it refuses all that follow: only the first is meaningful
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
    """Loads the rules; returns nft's output, empty if it accepts them."""
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    argv = ["unshare", "--net", *user, "chroot", str(tree), "nft", "-f", "-"]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(argv, input=text, env=env, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() or "it failed" * bool(done.returncode)
