"""Claims of the fast path, against a stand-in gateway without one.

In the real image: the profile `everything` of test_vm_profiles.
"""

import pytest

from gwimage import features, profile
from gwimage.claims.claim import NotTestable
from gwimage.claims.claim_traffic import Offloaded
from gwimage.lab import sandbox, sockets
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import run
from gwimage.lab.topology import derive
from gwimage.verify import fast
from gwimage.verify import run as course
from tests.support import faulty_vpn_gateway

DATA = {key: value for key, value in faulty_vpn_gateway.DATA.items() if key != "vpn"} | {"firewall": {"offload": "software"}}
PROFILE = profile.parse(DATA)
CLAIM = "lans.lan.offload"
WRONG = {"no fast path": {CLAIM}}  # what the test with two stand-ins shows
CLAIMS = [claim for claim in features.plan(PROFILE).claims if claim.id in (CLAIM, "wans.wan.address")]


class StandIn(faulty_vpn_gateway.StandIn):
    """counts: whether its IP layer counts what it passes on; no kernel of a host can be counted on for a flowtable."""

    counts = True

    def _tunnel(self):
        pass

    def sockets(self):
        parts = {name: run(["nsenter", "--net=/run/netns/gw", *argv]) for name, argv in sockets.COMMANDS.items()}
        found = sockets.read(parts)
        return found if self.counts else sockets.Sockets(found.listening, found.unwanted)


class Short(StandIn):
    counts = False


def examine(say, folder, kind):
    hosts = Hosts(derive(PROFILE), folder)
    hosts.start()
    return course.run_boots(say, hosts, kind(hosts, "", frozenset()), CLAIMS)


@pytest.mark.parametrize(("kind", "status", "share"), [(StandIn, "fail", 1), (Short, "pass", 0)])
def test_only_a_gateway_whose_ip_layer_sees_few_packets_is_green(tmp_path, kind, status, share):
    outcome = sandbox.call(examine, tmp_path, kind, say=lambda text: None)
    found = next(result for result in outcome.results if result.id == CLAIM)
    assert (found.status, found.seen) == (status, f"of 400 packets {400 * share} went through the gateway's IP layer")


def test_without_a_machine_it_is_not_asked():
    (claim,) = [claim for claim in fast.beyond(CLAIMS) if claim.id == CLAIM]
    assert isinstance(claim.probe, NotTestable)


def test_only_where_the_profile_asks_for_it():
    plain = features.plan(profile.parse(DATA | {"firewall": {"offload": "none"}}))
    assert not [claim for claim in plain.claims if isinstance(claim.probe, Offloaded)]
    assert not [path for path, _ in plain.files if "offload" in path]
