"""The real image in a virtual machine: all claims green, each mutant red on exactly its set, both firmwares, damage.

One build by mkosi; the other gateways are the same image with another configuration layer.
"""

import dataclasses
import subprocess

import pytest
from conftest import HOMELAB
from proofs import prove, red
from rebake import rebake
from visits import darkness, log_in

from gwimage import source
from gwimage.compile import compile, load
from gwimage.lab import world
from gwimage.lab.course import Job
from gwimage.lab.qemu import Shape

pytestmark = pytest.mark.vm
HASH = "$6$saltsalt$" + "a" * 86


FAULTS = ("isp-silent", "wan-cable", "wan-address", "wan-subnet", "power-cut", "config-damaged")  # two boots more; all: docs/faults.md


def test_the_default_image_under_ovmf_and_what_goes_wrong_there(image):
    found = prove(image, HOMELAB, shape=Shape(machine="q35"), faults=FAULTS)
    assert red(found) == set()
    assert red(found) == set()
    assert {f"faults.{name}" for name in FAULTS} <= {result.id for result in found.results}


def test_the_admin_logs_in_by_key_and_becomes_root(image, tmp_path):
    """Without a second disk, as most will run it: state lies on the OS disk."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    text = HOMELAB.read_text() + (
        f"system:\n  hostname: gw\n  admin:\n    name: ops\n    ssh_keys: [{key.with_suffix('.pub').read_text().strip()}]\n"
        f"    password_hash: {HASH}\n"
        "services:\n  ssh: {from: [lan]}\n"
    )
    read = source.parse(text, "ssh.yaml")
    parsed, problems = load(read)
    assert not problems
    baked = rebake(image, compile(read)[0], tmp_path / "ssh.raw")
    job = Job(baked, parsed, (), Shape(state_disk=False), tmp_path)
    ask = "id -un; sudo -n id -un; hostname; pwd; findmnt -no SOURCE /state; sudo -n getent shadow ops | cut -d: -f2"
    said = world.call(log_in, job, str(key), "ops@10.0.0.1", ask, say=print)
    assert said["by key"].split() == ["ops", "root", "gw", "/home/ops", "/dev/sda5", HASH]
    assert "Permission denied (publickey)" in said["without"]


MUTANTS = {
    "masquerade removed": (
        "config/etc/systemd/network/20-lan.network", "IPMasquerade=ipv4\n", "", {"lans.lan.source"},
    ),
    "firewall open": (
        "config/etc/nftables/gwimage.nft", "policy drop;", "policy accept;",
        {f"{zone}.closed{what}" for zone in ("wans.wan", "lans.lan") for what in ("", ".udp", ".others")} | {"lans.lan.unreachable.wan"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_red_on_exactly_its_claims(image, tmp_path, name):
    path, old, new, expected = MUTANTS[name]
    files = compile(source.read(str(HOMELAB)))[0]
    assert old in files[path].text
    files[path] = dataclasses.replace(files[path], text=files[path].text.replace(old, new))
    mutant = rebake(image, files, tmp_path / "mutant.raw")
    assert red(prove(mutant, HOMELAB)) == expected


def test_rules_that_do_not_load_leave_the_gateway_dark(image, tmp_path):
    files = compile(source.read(str(HOMELAB)))[0]
    path = "config/etc/nftables/gwimage.nft"
    files[path] = dataclasses.replace(files[path], text=files[path].text + "nonsense\n")
    mutant = rebake(image, files, tmp_path / "mutant.raw")
    parsed, _ = load(source.read(str(HOMELAB)))
    found = world.call(darkness, Job(mutant, parsed, (), Shape(), tmp_path), say=print)
    assert (found["wan"], found["lease"]) == (None, None)
