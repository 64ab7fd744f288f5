"""A stock Debian 13 cloud image becomes the gateway: the first boot makes it, and then every claim of verify holds."""

import dataclasses

import pytest

from bench import boot_times, gateways
from gwimage import compiler, report
from gwimage.build import host
from gwimage.build.progress import Steps
from gwimage.lab import sandbox
from gwimage.lab.machine.qemu import SeedDisk, Shape
from gwimage.language import source
from gwimage.seed import instance
from gwimage.verify.image import verify
from gwimage.verify.run import Job
from tests.support.debian_mirror import fill
from tests.support.paths import HOMELAB
from tests.support.verifications import PORTS, red
from tests.support.vm_sessions import cut_off, installed, reseeded

# two of its boots are a whole Debian's, minutes each where others run beside it
pytestmark = [pytest.mark.vm, pytest.mark.more]
# what a stock system does besides (AppArmor, cloud-init, upgrades) and says in its journal is not the gateway's to answer for
NOT_ITS = {"system.inspection"}
SHAPE = Shape(memory=1024, cores=1, state_disk=False)
SECOND = "site: second\nlans: {lan: {address: 10.7.0.1/24, dhcp: {pool: 10.7.0.100-10.7.0.199}}}\n"
PACKAGES = ("busybox-static", "nftables", "libnftables1", "libedit2", "libjansson4", "libgmp10", "libbsd0", "libmd0")


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The stock image, and a folder with the packages that it lacks."""
    folder = tmp_path_factory.mktemp("packages")
    (built,) = gateways.build(host.cache() / "stock", Steps(folder / "build.log"), (gateways.STOCK,))
    fill(folder, PACKAGES)
    return built.raw, folder


def seeded(folder, name, site=None):
    """The seed of the profile or of a site, as a disk in the machine; and what it makes of the profile."""
    if site:
        (folder / f"{name}.yaml").write_text(site)
    made = instance.make(source.read(str(HOMELAB)), str(folder / f"{name}.yaml") if site else None, stock_image=True)
    assert made.problems == ()
    (folder / f"{name}.iso").write_bytes(made.volume)
    return SeedDisk(folder / f"{name}.iso", disk=True), made.profile


@pytest.fixture(scope="module")
def became(stock, tmp_path_factory):
    """The stock image after its first boot, what it has become, and the machine with its seed."""
    raw, packages = stock
    folder = tmp_path_factory.mktemp("stock")
    given, profile = seeded(folder, "seed")
    shape = dataclasses.replace(SHAPE, seeds=(given,))
    console = sandbox.call(installed, Job(raw, profile, (), shape, folder), packages, say=print)
    assert "gwimage: installing busybox-static nftables" in console and "this is the gateway homelab" in console, console[
        -5000:
    ]
    return folder / "os.qcow2", profile, shape


def claims_of(profile):
    return [claim for claim in compiler.claims(profile) if claim.id not in NOT_ITS]


def test_a_stock_image_becomes_the_gateway(became):
    """The first boot makes it, and in the second one everything is as the profile says."""
    image, profile, shape = became
    seen = boot_times.watch(image, profile, shape=shape, boots=1, claims=claims_of(profile), say=print)
    print(boot_times.table({"stock": seen}))
    assert [f"{id}: {what}" for id, (good, what) in seen.answers.items() if not good] == []
    assert {"wans.wan.closed", "lans.lan.dhcp.lease", "lans.lan.source", "lans.lan.unreachable.wan"} <= seen.answers.keys()


def test_every_claim_holds_with_its_control(became):
    image, profile, shape = became
    found = verify(image, profile, claims_of(profile), shape=shape, ports=PORTS, say=print)
    print(report.table(found))
    assert red(found) == set()


def test_without_a_mirror_it_stays_what_it_was_until_there_is_one(stock, tmp_path):
    """Though the power is cut just then: what cloud-init wrote may be empty after that."""
    raw, packages = stock
    seed, profile = seeded(tmp_path, "seed")
    job = Job(raw, profile, (), dataclasses.replace(SHAPE, seeds=(seed,)), tmp_path)
    first, second = sandbox.call(cut_off, job, packages, say=print)
    assert "could not install busybox-static nftables" in first and "this is the gateway" not in first, first[-5000:]
    assert "this is the gateway homelab" in second, second[-5000:]


def test_another_seed_and_the_way_back(became, tmp_path):
    """A second seed makes it another gateway, without a mirror; the first one makes it what it was."""
    image, profile, shape = became
    second, _ = seeded(tmp_path, "second", SECOND)
    cases = {"second": (second,), "first again": shape.seeds}
    leases = sandbox.call(reseeded, Job(image, profile, (), shape, tmp_path), cases, say=print)
    assert {name: lease.rpartition(".")[0] for name, lease in leases.items()} == {"second": "10.7.0", "first again": "10.0.0"}
