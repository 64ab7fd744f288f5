"""Each kind of question that a claim can put has one record: how it is asked, and what people are told of it."""

from types import ModuleType

import pytest

from gwimage import compiler
from gwimage.compiler import loading
from gwimage.language import source
from gwimage.verify import probes
from tests.support.paths import ROOT, TESTS

PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
# no case opens anything over IPv6; tests/claims/test_allow_ipv6.py does
ELSEWHERE = {"Allowed6", "BlockedFlows6"}
RECORDS = pytest.mark.parametrize("record", probes.TABLE.values(), ids=lambda record: record.kind.__name__)


@pytest.fixture(scope="module")
def used():
    claims = [claim for path in PROFILES for claim in compiler.claims(loading.load(source.read(str(path)))[0])]
    return {type(claim.probe) for claim in claims}


def test_whatever_a_claim_asks_has_a_record(used):
    assert used <= probes.TABLE.keys()


def test_no_record_is_for_what_no_claim_asks(used):
    assert {kind.__name__ for kind in probes.TABLE.keys() - used} == ELSEWHERE


def test_a_second_record_of_a_kind_is_refused():
    module = ModuleType("twice")
    module.PROBES = (next(iter(probes.TABLE.values())),) * 2
    with pytest.raises(ValueError, match="two records"):
        probes.gathered([module])


@RECORDS
def test_people_are_told_what_is_asked_and_how(record):
    assert record.question and "\n" not in record.question
    assert not record.question[0].isspace() and not record.question.endswith(".")
    assert callable(record.advise)
    own = record.kind.__doc__
    assert own and not own.startswith(f"{record.kind.__name__}("), "a named tuple without a docstring has its fields for one"


def test_what_is_asked_late_has_a_place_of_its_own():
    """So the order never depends on that of the claims; and the inspection counts what all the others stirred up."""
    late = sorted((record.late, record.kind.__name__) for record in probes.TABLE.values() if record.late)
    assert [name for _, name in late] == [
        "Handshake",
        "UnknownPeer",
        "RateLimit",
        "Offloaded",
        "PrefixChange",
        "SystemHealth",
        "GatewayResolver",
    ]
    assert len({place for place, _ in late}) == len(late)
