"""Other profiles in the real image: one with everything, and one whose image takes another's place.

A module of its own, so that it runs beside test_vm.py.
"""

import pytest
from conftest import HOMELAB, TESTS
from proofs import prove, red
from rebake import rebake
from visits import upgrade

from gwimage import source
from gwimage.compile import compile, load
from gwimage.lab import world
from gwimage.lab.course import Job
from gwimage.lab.qemu import Shape

pytestmark = pytest.mark.vm
EVERYTHING = TESTS / "cases" / "everything" / "profile.yaml"


def test_two_wans_two_lans_and_ssh(image, tmp_path):
    """Also that host keys survive: this profile has SSH. And tunnels; and CAKE, if the machine is fast enough."""
    baked = rebake(image, compile(source.read(str(EVERYTHING)))[0], tmp_path / "everything.raw")
    found = prove(baked, EVERYTHING)
    assert red(found) == set()
    assert {result.id for result in found.results if result.status == "unaskable"} <= {"qos.fibre.upload"}


def test_a_new_image_gives_a_machine_its_reservation_at_once(image, tmp_path):
    """The OS disk is exchanged, the state volume stays, the machine still has its old lease: networkd alone is silent."""
    mac = "02:00:00:00:00:05"
    more = f", reservations: {{nas: {{mac: '{mac}', address: 10.0.0.5}}}}}}"
    reserved = HOMELAB.read_text().replace("10.0.0.199}", f"10.0.0.199{more}")
    files, problems = compile(source.parse(reserved, "reserved.yaml"))
    assert files, problems
    job = Job(image, load(source.read(str(HOMELAB)))[0], (), Shape(), tmp_path)
    first, then = world.call(upgrade, job, rebake(image, files, tmp_path / "reserved.raw"), mac, say=print)
    assert first.startswith("10.0.0.1")
    assert then == "10.0.0.5"
