"""The lab's other ends of WireGuard tunnels, against a stand-in gateway with wireguard-go: each claim comes out good, and bad."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.faulty_gateway import ALWAYS
from tests.support.faulty_vpn_gateway import CLAIMS, EXPECTED, FORWARDS, FROM_OUTSIDE, NOT_PHONE, WG, asked, having, verdicts


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    faults = ["", *EXPECTED]
    with ThreadPoolExecutor(10) as pool:
        folders = [tmp_path_factory.mktemp("tunnels") for _ in faults]
        return dict(zip(faults, pool.map(verdicts, folders, faults)))


def test_good_tunnels_are_green(seen):
    results = seen[""]
    assert {r.id: (r.status, r.seen, r.control) for r in results.values() if r.status != "pass"} == {}
    assert results.keys() == {claim.id for claim in CLAIMS} | ALWAYS
    assert NOT_PHONE | FORWARDS | FROM_OUTSIDE | {f"{WG}.strangers", f"{WG}.port.dsl"} < results.keys()


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_red_on_exactly_its_claims(seen, fault):
    wrong = {r.id: (r.status, r.seen, r.control) for r in seen[fault].values() if r.status == "fail"}
    assert wrong.keys() == EXPECTED[fault], wrong


@pytest.mark.parametrize("peer", ["phone", "branch"])
def test_without_a_handshake_nothing_is_asked_of_a_peer(seen, peer):
    needing = {
        claim.id for claim in CLAIMS if f"vpn.wg.peers.{peer}.handshake" in claim.needs and asked(claim, f"wrong key of {peer}")
    }
    assert having(seen[f"wrong key of {peer}"], "not asked") == needing != set()
