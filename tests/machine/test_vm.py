"""The real image in a virtual machine: mistakes are red on exactly their claims, and what goes wrong.

One build by mkosi; the other gateways are the same image with another configuration layer. Firmware, machine and disks
differ from test to test: OVMF on q35 in test_vm_profiles.py, SeaBIOS on i440fx here, state on the OS disk or on its own.
"""

import dataclasses

import pytest

from bench.rebaked import rebake
from gwimage.compiler import claims, compile
from gwimage.compiler.loading import load
from gwimage.lab import sandbox
from gwimage.lab.machine.qemu import Shape
from gwimage.language import source
from gwimage.verify.run import Job
from tests.support.paths import HOMELAB
from tests.support.verifications import PORTS, prove, red
from tests.support.vm_sessions import darkness, disturb

pytestmark = pytest.mark.vm
FAULTS = ("wan-cable", "power-cut", "config-damaged")  # two boots
MORE_FAULTS = ("isp-silent", "wan-address", "wan-subnet")
NFT = "config/etc/nftables/gwimage.nft"
MUTANTS = {
    "masquerade removed": (
        "config/etc/systemd/network/20-lan.network",
        "IPMasquerade=ipv4\n",
        "",
        {"lans.lan.source"},
    ),
    "firewall open": (
        NFT,
        "policy drop;",
        "policy accept;",
        {f"{zone}.closed{what}" for zone in ("wans.wan", "lans.lan") for what in ("", ".udp", ".others")}
        | {"lans.lan.unreachable.wan"},
    ),
}


def mutated(image, folder, *names):
    """The image with these mistakes, and what must be red."""
    files, expected = compile(source.read(str(HOMELAB)))[0], set()
    for name in names:
        path, old, new, red = MUTANTS[name]
        assert old in files[path].text
        files[path] = dataclasses.replace(files[path], text=files[path].text.replace(old, new))
        expected |= red
    return rebake(image, files, folder / "mutant.raw"), expected


def test_mistakes_are_red_on_exactly_their_claims(image, tmp_path):
    """Without a second disk, as most will run it: what survives the restart lies on the OS disk."""
    mutant, expected = mutated(image, tmp_path, *MUTANTS)
    assert red(prove(mutant, HOMELAB, shape=Shape(state_disk=False), ports=PORTS)) == expected


@pytest.mark.more
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_is_red_on_exactly_its_claims(image, tmp_path, name):
    mutant, expected = mutated(image, tmp_path, name)
    assert red(prove(mutant, HOMELAB, ports=PORTS)) == expected


def test_rules_that_do_not_load_leave_the_gateway_dark(image, tmp_path):
    files = compile(source.read(str(HOMELAB)))[0]
    files[NFT] = dataclasses.replace(files[NFT], text=files[NFT].text + "nonsense\n")
    mutant = rebake(image, files, tmp_path / "mutant.raw")
    parsed, _ = load(source.read(str(HOMELAB)))
    found = sandbox.call(darkness, Job(mutant, parsed, (), Shape(), tmp_path), say=print)
    assert (found["wan"], found["lease"]) == (None, None)


def test_what_goes_wrong_is_borne(image, tmp_path):
    parsed, _ = load(source.read(str(HOMELAB)))
    found = sandbox.call(disturb, Job(image, parsed, claims(parsed), Shape(), tmp_path, FAULTS), say=print)
    assert found.keys() == set(FAULTS)
    assert {name: answer for name, answer in found.items() if not answer or not answer.good} == {}


@pytest.mark.more
def test_more_that_goes_wrong_after_the_claims(image):
    """As `gwimage verify --faults` does it: both boots, and then the faults with their controls."""
    found = prove(image, HOMELAB, shape=Shape(machine="q35"), faults=FAULTS + MORE_FAULTS)
    assert red(found) == set()
    assert {f"faults.{name}" for name in FAULTS + MORE_FAULTS} <= {result.id for result in found.results}
