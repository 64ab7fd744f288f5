"""The kernel's own opinion of every case's ruleset: it loads, also over itself. Needs root and nft."""

import subprocess

import pytest

from tests.support.paths import TESTS

RULESETS = sorted((TESTS / "cases").glob("*/out/config/etc/nftables/gwimage.nft"))


@pytest.mark.parametrize("ruleset", RULESETS, ids=lambda path: path.relative_to(TESTS / "cases").parts[0])
def test_loads(ruleset):
    script = 'nft -c -f "$1" && nft -f "$1" && nft -f "$1"'
    argv = ["unshare", "--net", "sh", "-c", script, "sh", str(ruleset)]
    result = subprocess.run(argv, capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_there_are_rulesets():
    assert RULESETS
