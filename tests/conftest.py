"""Options and helpers of the tests, their order, their random numbers; nothing here knows the program's insides.

Tests that draw random numbers draw others every time, and the run says of which seed; `--seed N` draws the same again. Where
CI=true they are always the same ones, so that a run is red by the change that it tests. `python -m bench.fuzz` draws more.
"""

import fcntl
import os
import random
import subprocess
import sys

import hypothesis
import pytest

from tests.support.paths import HOMELAB, ROOT

FIXED_SEED = 1
# Modules, each by one process: what takes long must not come last. A process takes its next module when two tests are left,
# so a short one comes fifth, to wait for the machines of the first; their second module comes when the main job's are done.
ORDER = (
    "test_sites_vm",
    "test_vm_profiles",
    "test_fast",
    "test_probes",
    "test_schema_messages",
    "test_seeds_vm",
    "test_vm",
    "test_faults",
    "test_probes_vpn",
    "test_identity_vm",
    "test_differences_vm",
    "test_probes_ipv6",
    "test_probes_shaping",
    "test_rebake",
    "test_dhcp_claims",
    "test_liars",
    "test_stock_vm",
)


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/cases/*/out from what is compiled now")
    parser.addoption("--documents", type=int, default=1500, help="how many documents tests/language/test_fuzz.py makes")
    parser.addoption("--pairs", type=int, default=500, help="how many packets test_explain_kernel.py asks about")
    parser.addoption(
        "--machines", choices=("few", "all"), default="few", help="all: also the machines that differ little from the others"
    )
    parser.addoption("--seed", type=int, help="of all random numbers; default: another one every time, the same where CI=true")


@pytest.hookimpl(tryfirst=True)  # hypothesis takes its seed from the options, too
def pytest_configure(config):
    """The seed is drawn once; other processes of the same run (pytest-xdist) get it with the options."""
    option = config.option
    if not hasattr(option, "derandomize"):
        asked = option.hypothesis_seed if option.seed is None else option.seed
        option.derandomize = asked is None and os.environ.get("CI") == "true"
        option.seed = random.SystemRandom().randrange(10**6) if asked is None and not option.derandomize else asked
        option.seed = FIXED_SEED if option.derandomize else int(option.seed)
    option.hypothesis_seed = None if option.derandomize else str(option.seed)
    # without a database of what failed before: what is asked is of the seed alone
    hypothesis.settings.register_profile(
        "gwimage", derandomize=option.derandomize, database=None, deadline=None, print_blob=True
    )
    hypothesis.settings.load_profile("gwimage")


def pytest_report_header(config):
    return f"random numbers: seed {config.option.seed}{', as always where CI=true' * config.option.derandomize}"


def pytest_collection_modifyitems(config, items):
    """Those that take longest come first; side by side (pytest-xdist, --dist loadscope) a module stays together."""
    if config.getoption("--machines") == "few":
        more = [item for item in items if item.get_closest_marker("more")]
        config.hook.pytest_deselected(items=more)
        items[:] = [item for item in items if item not in more]
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else len(ORDER))


def pytest_terminal_summary(terminalreporter, config):
    """How much of the time went into virtual machines; how to repeat what failed."""
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        again = "CI=true" if config.option.derandomize else f"--seed {config.option.seed}"
        terminalreporter.write_line(f"random numbers: seed {config.option.seed}; the same ones again with {again}")
    parts = [part for parts in terminalreporter.stats.values() for part in parts if hasattr(part, "duration")]
    machines = [part for part in parts if "vm" in part.keywords]
    if machines:
        spent, all_spent = sum(part.duration for part in machines), sum(part.duration for part in parts)
        count = len({part.nodeid for part in machines})
        terminalreporter.write_line(f"in virtual machines: {count} tests, {spent:.0f} s of {all_spent:.0f} s of work")


@pytest.fixture
def update_golden(request) -> bool:
    return request.config.getoption("--update-golden")


@pytest.fixture
def key(tmp_path):
    """A private SSH key, with the public one beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(tmp_path / "key")], check=True)
    return tmp_path / "key"


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """One build for all tests, also where several processes run them."""
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "image"
    out.mkdir(exist_ok=True)
    raw = out / "homelab_1.0.0_amd64.raw"
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not raw.exists():
            argv = [sys.executable, "-m", "gwimage", "build", str(HOMELAB), "-o", str(out)]
            subprocess.run(argv, cwd=ROOT, check=True)
    return raw
