"""Options and helpers of the tests; nothing here knows the program's insides."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/cases/*/out from what is compiled now")
    parser.addoption("--documents", type=int, default=1500, help="how many documents tests/test_fuzz.py makes")
    parser.addoption("--pairs", type=int, default=500, help="how many packets test_explain_kernel.py asks about")
    parser.addoption("--seed", type=int, help="the seed of test_explain_kernel.py; default: another one every time")


@pytest.fixture
def update_golden(request) -> bool:
    return request.config.getoption("--update-golden")
