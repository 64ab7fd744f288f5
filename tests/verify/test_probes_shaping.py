"""What is claimed of uploads, against a stand-in gateway that shapes, too wide, too narrow or not at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gwimage import features, profile
from gwimage.claims.claim import NotTestable
from gwimage.claims.claim_traffic import RateLimit
from gwimage.lab import sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import run
from gwimage.lab.topology import derive
from gwimage.verify import run as course
from tests.support import faulty_vpn_gateway

DATA = {key: value for key, value in faulty_vpn_gateway.DATA.items() if key not in ("vpn", "firewall")}
DATA |= {"qos": {"wan": {"upload": "8M"}, "dsl": {"upload": "1M"}}}
PROFILE = profile.parse(DATA)
CLAIMS = {
    claim.id: claim for claim in features.plan(PROFILE).claims if claim.id.startswith("qos") or claim.id == "wans.wan.address"
}
UPLOAD = "qos.wan.upload"
WRONG = {fault: {UPLOAD} for fault in ("too wide", "too narrow", "unshaped", "no control")}
RATES = {"": "8mbit", "too wide": "20mbit", "too narrow": "3mbit"}


class StandIn(faulty_vpn_gateway.StandIn):
    """In place of CAKE, which not every kernel has: a rate and a short queue."""

    def start(self, control):
        super().start(control)
        tc = ["nsenter", "--net=/run/netns/gw", "tc", "qdisc", "add", "dev", "wan", "root", "tbf"]
        for fault, rate in RATES.items():
            if fault in self.faults and not (control and "no control" not in self.faults):
                run([*tc, "rate", rate, "burst", "10kb", "limit", "60kb"])

    def _tunnel(self):
        pass


def examine(say, folder, fault):
    hosts = Hosts(derive(PROFILE), folder)
    hosts.start()
    claims = list(CLAIMS.values())
    if fault == "too slow":  # no machine passes a hundred thousand times as much
        claims = [replace(c, probe=c.probe._replace(upload=10**12)) if isinstance(c.probe, RateLimit) else c for c in claims]
    return course.run_boots(
        say, hosts, StandIn(hosts, "", frozenset([fault] if fault != "no control" else ["", fault])), claims
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    faults = ["", "too wide", "too narrow", "unshaped", "no control", "too slow"]

    def verdicts(fault):
        outcome = sandbox.call(examine, tmp_path_factory.mktemp("uploads"), fault, say=lambda text: None)
        return {result.id: result for result in outcome.results}

    with ThreadPoolExecutor(2) as pool:  # more would measure each other
        return dict(zip(faults, pool.map(verdicts, faults)))


def test_a_shaped_upload_is_green_and_the_control_shows_why(seen):
    found = seen[""][UPLOAD]
    assert found.status == "pass", (found.seen, found.control)
    assert "pings wait" in found.control


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_rate_is_red(seen, fault):
    assert seen[fault][UPLOAD].status == "fail", seen[fault][UPLOAD].seen


def test_a_machine_that_is_too_slow_is_said_to_be(seen):
    found = seen["too slow"][UPLOAD]
    assert found.status == "unaskable" and "this machine passes only" in found.seen


def test_only_the_preferred_wan_carries_uploads():
    assert isinstance(CLAIMS["qos.dsl.upload"].probe, NotTestable)
