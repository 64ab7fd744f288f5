"""Sites in the real image: a gateway with a seed is what the profile and its site say, in every claim."""

import pytest
from conftest import HOMELAB
from proofs import PORTS, red
from rebake import rebake

from gwimage import compile as compiler
from gwimage import instance, report, source
from gwimage.lab.qemu import Seed, Shape
from gwimage.verify import verify

pytestmark = pytest.mark.vm
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a"
SITES = {
    "name and key":
        "site: branch-6\nservices: {ssh: {from: [lan]}}\nsystem: {timezone: Europe/Berlin, admin: {ssh_keys: ["
        f"{KEY}], password_hash: $6$abcdefgh$" + "x" * 86 + "}}\n",
    "subnet and static WAN":
        "site: branch-7\nwans: {wan: {ipv4: {address: 203.0.113.7/24, gateway: 203.0.113.1}, dns: [9.9.9.9]}}\n"
        "lans: {lan: {address: 10.7.0.1/24, dhcp: {pool: 10.7.0.100-10.7.0.199}}}\n",
    "reservations": "site: branch-8\nlans: {lan: {dhcp: {reservations: {nas: {mac: bc:24:11:00:00:05, address: 10.0.0.5}}}}}\n",
}  # fmt: skip
# machine, and whether the seed is a disk and no CD
SHAPES = {
    "name and key": (Shape(), False), "subnet and static WAN": (Shape("q35"), True),
    "reservations": (Shape(state_disk=False), True),
}  # fmt: skip
FEW = {("name and key", "cloud-init"), ("subnet and static WAN", "native"), ("reservations", "cloud-init")}
RUNS = [
    pytest.param(name, kind, marks=() if (name, kind) in FEW else pytest.mark.more) for name in SITES for kind in ("cloud-init", "native")
]


@pytest.mark.parametrize(("name", "kind"), RUNS)
def test_a_gateway_is_what_its_site_says(image, tmp_path, name, kind):
    """As CD and as disk, under SeaBIOS and OVMF; the second boot, too."""
    given = source.parse(f"{HOMELAB.read_text()}\nimage: {{seed: {kind}}}\n", "profile.yaml")
    baked = rebake(image, compiler.render(compiler.load(given)[0], given), tmp_path / "baked.raw")
    (tmp_path / "site.yaml").write_text(SITES[name])
    made = instance.make(given, str(tmp_path / "site.yaml"))
    assert made.profile, made.problems
    (tmp_path / "seed.iso").write_bytes(made.volume)
    shape, disk = SHAPES[name]
    shape = Shape(shape.machine, state_disk=shape.state_disk, seeds=(Seed(tmp_path / "seed.iso", disk),))
    found = verify(baked, made.profile, compiler.claims(made.profile), shape=shape, ports=PORTS, say=print)
    print(report.table(found))
    assert red(found) == set()
