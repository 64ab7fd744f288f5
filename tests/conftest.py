"""Options and helpers of the tests, and their order; nothing here knows the program's insides."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/cases/*/out from what is compiled now")
    parser.addoption("--documents", type=int, default=1500, help="how many documents tests/test_fuzz.py makes")
    parser.addoption("--pairs", type=int, default=500, help="how many packets test_explain_kernel.py asks about")
    parser.addoption("--seed", type=int, help="the seed of test_explain_kernel.py; default: another one every time")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items):
    """Side by side (pytest-xdist, --dist loadgroup) a module stays together, and two machines at most run at a time.

    Those come first: they take longest, and whoever is done with them takes modules.
    """
    items.sort(key=lambda item: item.get_closest_marker("vm") is None)
    for number, item in enumerate(items):
        group = f"vm-{number % 2}" if item.get_closest_marker("vm") else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


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
