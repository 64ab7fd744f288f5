"""Sites in the real image: a gateway with a seed is what the profile and its site say, in every claim."""

import pytest

from bench.rebaked import rebake
from gwimage import compiler, report
from gwimage.compiler import loading
from gwimage.lab.machine.qemu import SeedDisk, Shape
from gwimage.language import source
from gwimage.language.external_secrets import parse
from gwimage.seed import instance
from gwimage.verify.image import verify
from tests.support.paths import HOMELAB
from tests.support.verifications import PORTS, red

pytestmark = pytest.mark.vm
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a"
ADMIN = "system: {admin: {ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA b]}}\n"
HASH = "$6$abcdefgh$" + "x" * 86
SECRETS = {"system.admin.password_hash": HASH, "vpn.wg.private_key_file": "eCFbyK1Hn6qBUUIxCxIcNQV9OJHH6qRBzRL8s2KZyVs="}
MORE = {
    "name and key": f"vpn: {{wg: {{port: 51820, address: 10.99.0.1/24}}}}\nservices: {{ssh: {{from: [lan]}}}}\n{ADMIN}"
}  # to the profile
SITES = {
    "name and key": f"site: branch-6\nsystem: {{timezone: Europe/Berlin, admin: {{ssh_keys: [{KEY}]}}}}\n",
    "subnet and static WAN": "site: branch-7\nwans: {wan: {ipv4: {address: 203.0.113.7/24, gateway: 203.0.113.1}, dns: [9.9.9.9]}}\n"
    "lans: {lan: {address: 10.7.0.1/24, dhcp: {pool: 10.7.0.100-10.7.0.199}}}\n",
    "reservations": "site: branch-8\nlans: {lan: {dhcp: {reservations: {nas: {mac: bc:24:11:00:00:05, address: 10.0.0.5}}}}}\n",
}
# machine, and whether the seed is a disk and no CD
SHAPES = {
    "name and key": (Shape(), False),
    "subnet and static WAN": (Shape("q35"), True),
    "reservations": (Shape(state_disk=False), True),
}
FEW = {("name and key", "cloud-init"), ("subnet and static WAN", "native"), ("reservations", "cloud-init")}
RUNS = [
    pytest.param(name, kind, marks=() if (name, kind) in FEW else pytest.mark.more)
    for name in SITES
    for kind in ("cloud-init", "native")
]


@pytest.mark.parametrize(("name", "kind"), RUNS)
def test_a_gateway_is_what_its_site_says(image, tmp_path, name, kind):
    """As CD and as disk, under SeaBIOS and OVMF; the second boot, too. What was entrusted to the seed is in no report and in no log."""
    given = source.parse(f"{HOMELAB.read_text()}\nimage: {{seed: {kind}}}\n{MORE.get(name, '')}", "profile.yaml")
    baked = rebake(image, compiler.render(loading.load(given)[0], given), tmp_path / "baked.raw")
    (tmp_path / "site.yaml").write_text(SITES[name])
    made = instance.make(given, str(tmp_path / "site.yaml"), entrusted(tmp_path) if name in MORE else ())
    assert made.profile, made.problems
    (tmp_path / "seed.iso").write_bytes(made.volume)
    assert all(secret.encode() in made.volume for secret in SECRETS.values()) is (name in MORE)
    shape, disk = SHAPES[name]
    shape = Shape(shape.machine, state_disk=shape.state_disk, seeds=(SeedDisk(tmp_path / "seed.iso", disk),))
    said, out = [], tmp_path / "out"
    out.mkdir()
    found = verify(
        baked, made.profile, compiler.claims(made.profile), shape=shape, ports=PORTS, logs=out / "lab", say=said.append
    )
    report.write(found, made.profile, out / "gateway")
    print(*said, report.table(found), sep="\n")
    assert red(found) == set()
    written = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}
    assert written.keys() > {"gateway.proof.json", "gateway.proof.html", "gateway.proof.xml", "lab/console.log"}
    assert [file for file, content in written.items() if any(secret.encode() in content for secret in SECRETS.values())] == []
    assert not any(secret in "".join((*said, report.table(found))) for secret in SECRETS.values())


def entrusted(folder):
    """As `gwimage seed --secret` has them, from files."""
    for path, secret in SECRETS.items():
        (folder / path).write_text(f"{secret}\n")
        (folder / path).chmod(0o600)
    return parse([f"{path}=file:{folder / path}" for path in SECRETS])
