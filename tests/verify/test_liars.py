"""A probe that lies is caught: by the control, or by a stand-in whose faults it should have seen.

A liar says the same of every gateway. What says "closed" of all shows no control; what says "broken" of all is red on the
good one; what says "well" of all leaves a fault green that test_probes.py expects to be red.
"""

import errno
from dataclasses import replace

import pytest

from gwimage.claims import claim, claim_firewall, claim_services
from gwimage.lab import sandbox
from gwimage.verify import probes
from gwimage.verify.probes.view import Answer
from tests.support import faulty_gateway, faulty_vpn_gateway
from tests.verify import test_probes_ipv6, test_probes_offload, test_probes_shaping

ALWAYS = {
    "closed": Answer(True, "closed", exposed=False),
    "broken": Answer(False, "broken", exposed=True),
    "well": Answer(True, "well", exposed=True),
}
NOTHING_ASKED = {claim.NotTestable}  # says itself that nobody asked
KINDS = [kind for kind in probes.TABLE if kind not in NOTHING_ASKED]
# (claims, what is red by fault) of each stand-in; what stands in a test of its own comes after
MATRICES = [
    (faulty_gateway.CLAIMS, faulty_gateway.EXPECTED | {"no dhcp": {"lans.lan.dhcp.lease"}, "no wan": {"wans.wan.address"}}),
    (faulty_vpn_gateway.CLAIMS, faulty_vpn_gateway.EXPECTED),
    (tuple(test_probes_shaping.CLAIMS.values()), test_probes_shaping.WRONG),
    (tuple(test_probes_offload.CLAIMS), test_probes_offload.WRONG),
    (test_probes_ipv6.CLAIMS, {name: mutant[-1] for name, mutant in test_probes_ipv6.MUTANTS.items()}),
]


def lie(say, folder, fault, answer):
    """The course against a stand-in, with every probe lying."""
    probes.TABLE = {kind: replace(record, ask=lambda probe, view: answer) for kind, record in probes.TABLE.items()}
    return faulty_gateway.examine(say, folder, frozenset([fault]))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What comes of each lie: of the good gateway, and of one that is open."""
    found = {}
    for word, fault in (("closed", ""), ("broken", ""), ("well", "open")):
        folder = tmp_path_factory.mktemp("lab")
        outcome = sandbox.call(lie, folder, fault, ALWAYS[word], say=lambda text: None)
        found[word] = {result.id: result.status for result in outcome.results}
    return found


def of(kind, claims=faulty_gateway.CLAIMS):
    return {one.id for one in claims if isinstance(one.probe, kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_probe_is_asked_of_a_stand_in_and_has_a_fault_to_see(kind):
    """Else one that always says "well" would stay green."""
    seen = [fault for claims, expected in MATRICES for fault, red in expected.items() if red & of(kind, claims)]
    assert seen, f"no fault of a stand-in makes {kind.__name__} red: add one to a stand-in"


def test_whoever_says_well_is_green_where_an_open_gateway_is_red(told):
    lying = {id for id, status in told["well"].items() if status == "pass"}
    assert faulty_gateway.EXPECTED["open"] <= lying


def test_whoever_says_broken_is_red_on_a_good_gateway(told):
    assert "pass" not in {status for id, status in told["broken"].items() if id in {one.id for one in faulty_gateway.CLAIMS}}


def test_whoever_says_closed_shows_no_control(told):
    assert {id for id in faulty_gateway.CLOSED if told["closed"][id] == "pass"} == set()
    kinds = {type(one.probe) for one in faulty_gateway.CLAIMS if one.closed}
    assert {
        claim_firewall.GatewayClosed,
        claim_firewall.GatewayClosedUdp,
        claim_firewall.OtherAddresses,
        claim_firewall.Unreachable,
        claim_firewall.Spoofed,
    } <= kinds


def test_who_cannot_even_ask_is_red(monkeypatch):
    """A gateway that takes a client's way away must not end the lab."""

    def lost(probe, view):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setitem(probes.TABLE, claim_services.Ping, replace(probes.TABLE[claim_services.Ping], ask=lost))
    answer = probes.ask(claim_services.Ping("lan"), None)
    assert not answer.good and not answer.exposed
    assert "unreachable" in answer.seen
