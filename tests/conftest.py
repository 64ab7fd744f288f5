"""Options and helpers of the tests, and their order; nothing here knows the program's insides."""

import fcntl
import os
import subprocess
import sys

import pytest

from tests.support.paths import HOMELAB, ROOT

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
    parser.addoption("--seed", type=int, help="the seed of test_explain_kernel.py; default: another one every time")


def pytest_collection_modifyitems(config, items):
    """Those that take longest come first; side by side (pytest-xdist, --dist loadscope) a module stays together."""
    if config.getoption("--machines") == "few":
        more = [item for item in items if item.get_closest_marker("more")]
        config.hook.pytest_deselected(items=more)
        items[:] = [item for item in items if item not in more]
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else len(ORDER))


def pytest_terminal_summary(terminalreporter):
    """How much of the time went into virtual machines."""
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
