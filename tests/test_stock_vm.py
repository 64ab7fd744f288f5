"""A stock Debian 13 cloud image becomes the gateway: the first boot makes it, and then every claim of verify holds."""

import pytest
from bench import boots, gateways
from conftest import HOMELAB
from mirror import fill
from proofs import PORTS, red

from gwimage import compile as compiler
from gwimage import host, instance, report, source
from gwimage.lab import world
from gwimage.lab.course import Job
from gwimage.lab.qemu import Seed, Shape
from gwimage.step import Steps
from gwimage.verify import verify
from visits import become

# two of its boots are a whole Debian's, minutes each where others run beside it
pytestmark = [pytest.mark.vm, pytest.mark.more]
# what a stock system does besides (AppArmor, cloud-init, upgrades) and says in its journal is not the gateway's to answer for
NOT_ITS = {"system.inspection"}
PACKAGES = ("busybox-static", "nftables", "libnftables1", "libedit2", "libjansson4", "libgmp10", "libbsd0", "libmd0")


@pytest.fixture(scope="module")
def became(tmp_path_factory):
    """The stock image after its first boot, what it has become, and the machine with its seed."""
    folder = tmp_path_factory.mktemp("stock")
    (stock,) = gateways.build(host.cache() / "stock", Steps(folder / "build.log"), (gateways.STOCK,))
    fill(folder / "mirror", PACKAGES)
    made = instance.make(source.read(str(HOMELAB)), None, stock_image=True)
    assert made.problems == ()
    (folder / "seed.iso").write_bytes(made.volume)
    shape = Shape(memory=1024, cores=1, state_disk=False, seeds=(Seed(folder / "seed.iso", disk=True),))
    console = world.call(become, Job(stock.raw, made.profile, (), shape, folder), folder / "mirror", say=print)
    assert "gwimage: installing busybox-static nftables" in console and "this is the gateway homelab" in console, console[-5000:]
    return folder / "os.qcow2", made.profile, shape


def claims_of(profile):
    return [claim for claim in compiler.claims(profile) if claim.id not in NOT_ITS]


def test_a_stock_image_becomes_the_gateway(became):
    """The first boot makes it, and in the second one everything is as the profile says."""
    image, profile, shape = became
    seen = boots.watch(image, profile, shape=shape, boots=1, claims=claims_of(profile), say=print)
    print(boots.table({"stock": seen}))
    assert [f"{id}: {what}" for id, (good, what) in seen.answers.items() if not good] == []
    assert {"wans.wan.closed", "lans.lan.dhcp.lease", "lans.lan.source", "lans.lan.unreachable.wan"} <= seen.answers.keys()


def test_every_claim_holds_with_its_control(became):
    image, profile, shape = became
    found = verify(image, profile, claims_of(profile), shape=shape, ports=PORTS, say=print)
    print(report.table(found))
    assert red(found) == set()
