"""Other profiles in the real image: one with everything, and one whose image takes another's place.

A module of its own, so that it runs beside test_vm.py.
"""

import re

import pytest

from bench.rebaked import rebake
from gwimage.compiler import compile
from gwimage.compiler.loading import load
from gwimage.lab import sandbox
from gwimage.lab.machine.qemu import Shape
from gwimage.language import source
from gwimage.verify.run import Job
from tests.support.paths import HOMELAB, TESTS
from tests.support.verifications import PORTS, prove, red
from tests.support.vm_sessions import log_in, upgrade

pytestmark = pytest.mark.vm
EVERYTHING = TESTS / "cases" / "everything" / "profile.yaml"
MAC, RESERVED = "02:00:00:00:00:05", "10.0.0.5"
HASH = "$6$saltsalt$" + "a" * 86
ASK = "id -un; sudo -n id -un; hostname; pwd; findmnt -no SOURCE /state; sudo -n getent shadow ops | cut -d: -f2"
SSH = """\
system:
  hostname: gw
  admin:
    name: ops
    ssh_keys: [KEY]
    password_hash: HASH
services:
  ssh: {from: [lan]}
"""


def test_two_wans_two_lans_and_ssh_under_ovmf(image, tmp_path):
    """Also that host keys survive: this profile has SSH. And tunnels; and CAKE, if the machine is fast enough."""
    baked = rebake(image, compile(source.read(str(EVERYTHING)))[0], tmp_path / "everything.raw")
    found = prove(baked, EVERYTHING, shape=Shape(machine="q35"), ports=PORTS)
    assert red(found) == set()
    room = int(found.environment["guest connections"].removeprefix("room for "))
    assert 50_000 < room < 65_536, "the kernel's own would be 4096"
    unaskable = {result.id for result in found.results if result.status == "unaskable"}
    assert unaskable - {"qos.fibre.upload"} == {"firewall.allow.0.unasked.0"}  # its IPv6 member is in a delegated prefix


def administered(image, folder, key):
    """The image of homelab with an administrator, and a reservation for MAC."""
    more = f", reservations: {{nas: {{mac: '{MAC}', address: {RESERVED}}}}}}}"
    text = HOMELAB.read_text().replace("10.0.0.199}", f"10.0.0.199{more}")
    text += SSH.replace("KEY", key.with_suffix(".pub").read_text().strip()).replace("HASH", HASH)
    files, problems = compile(source.parse(text, "administered.yaml"))
    assert files, problems
    return rebake(image, files, folder / "administered.raw")


def logged_in(said, device):
    """As the administrator, with root's powers, by key and not without; device: a pattern, as disks are found in any order."""
    *who, state, password = said["by key"].split()
    assert (who, password) == (["ops", "root", "gw", "/home/ops"], HASH)
    assert re.fullmatch(device, state)
    assert "Permission denied (publickey)" in said["without"]


def test_a_new_image_gives_a_machine_its_reservation_at_once_and_lets_the_admin_in(image, tmp_path, key):
    """The OS disk is exchanged, the state volume stays, the machine still has its old lease: networkd alone is silent."""
    job = Job(image, load(source.read(str(HOMELAB)))[0], (), Shape(), tmp_path)
    new = administered(image, tmp_path, key)
    (first, then), said = sandbox.call(upgrade, job, new, MAC, str(key), "ops@10.0.0.1", ASK, say=print)
    assert first.startswith("10.0.0.1")
    assert then == RESERVED
    assert said["console"] == "a shell"
    logged_in(said, "/dev/sd[ab]")


@pytest.mark.more
def test_the_admin_logs_in_without_a_second_disk(image, tmp_path, key):
    job = Job(administered(image, tmp_path, key), load(source.read(str(HOMELAB)))[0], (), Shape(state_disk=False), tmp_path)
    logged_in(sandbox.call(log_in, job, str(key), "ops@10.0.0.1", ASK, say=print), "/dev/sda5")
