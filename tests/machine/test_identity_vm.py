"""Drives as Proxmox makes them, in the real image: they say who the gateway is, and have no say in its network."""

import pytest

from bench.rebaked import rebake
from gwimage import compiler
from gwimage.compiler.loading import load
from gwimage.lab import sandbox
from gwimage.lab.machine.qemu import SeedDisk, Shape
from gwimage.language import source
from gwimage.seed import iso
from gwimage.verify.run import Job
from tests.support.paths import HOMELAB
from tests.support.proxmox_drive import drive
from tests.support.vm_sessions import log_in, seeded

pytestmark = pytest.mark.vm
HASH = "$5$abcdefgh$" + "x" * 43
# the last: configuration that is not ours, names in /etc/hosts that are cloud-init's, host keys beside the state volume's
ASK = (
    "whoami; sudo whoami; hostname; sudo grep ^{user}: /etc/shadow | cut -d: -f2; ip -brief link | cut -d' ' -f1 | tr '\\n' ' '; echo;"
    " ls /etc/systemd/network | grep -c cloud-init; grep -c cloud-init /etc/hosts; ls /etc/ssh | grep -c host_; "
    " systemctl --failed --plain --no-legend | wc -l; {order}; cat /run/ran 2>/dev/null; true"
)
# whoever has a lease is answered by DNS: resolved listens when networkd starts
ORDER = (
    "[ $(systemctl show -P ActiveEnterTimestampMonotonic systemd-resolved)"
    " -le $(systemctl show -P InactiveExitTimestampMonotonic systemd-networkd) ] && echo 'DNS first'"
)
RUN = "runcmd:\n  - [sh, -c, 'cloud-init status --long > /run/status; echo yes > /run/ran']\n"
CLOUD_INIT = (
    "; cat /run/status; cloud-init status; sudo cloud-init schema --system 2>&1"  # what it says itself of what it was given
)
MORE = pytest.mark.more


def asked(image, folder, key, kind, user, files) -> tuple[list[str], str]:
    """What the person saw who logged in as that user with that drive in the machine, and the console."""
    text = f"{HOMELAB.read_text()}\nimage: {{seed: {kind}}}\nservices: {{ssh: {{from: [lan]}}}}\n"
    given = source.parse(text, "profile.yaml")
    profile, problems = load(given)
    assert profile, problems
    baked = rebake(image, compiler.render(profile, given), folder / "baked.raw")
    (folder / "seed.iso").write_bytes(iso.make(files))
    job = Job(baked, profile, (), Shape(seeds=(SeedDisk(folder / "seed.iso"),)), folder)
    said = sandbox.call(
        log_in,
        job,
        str(key),
        f"{user}@10.0.0.1",
        ASK.format(user=user, order=ORDER) + CLOUD_INIT * (kind == "cloud-init"),
        say=print,
    )
    assert "Permission denied (publickey)" in said["without"]
    return said["by key"].split("\n"), (folder / "console.log").read_text(errors="replace")


@pytest.mark.parametrize(
    ("kind", "user"),
    [
        ("native", "lea"),
        ("cloud-init", ""),
        pytest.param("native", "", marks=MORE),
        pytest.param("cloud-init", "lea", marks=MORE),
    ],
)
def test_a_drive_of_proxmox_names_the_gateway_and_lets_its_owner_in(image, tmp_path, key, kind, user):
    public = key.with_suffix(".pub").read_text().strip()
    own = f'from="10.0.0.0/24" {public}' if kind == "native" else public
    files = drive("branch-9", user=user, password=HASH, keys=(own,))
    if kind == "cloud-init":
        files["user-data"] += RUN.encode()
    said, console = asked(image, tmp_path, key, kind, user or "admin", files)
    print(said, console[-3000:])
    assert said[:4] == [user or "admin", "root", "branch-9", HASH]
    assert said[4].split() == ["lo", "wan", "lan"]
    assert said[5:10] == ["0", "0", "0", "0", "DNS first"]
    if kind == "cloud-init":
        assert "status: running" in said and "errors: []" in said  # while it runs
        assert said[10] == "yes" and "status: done" in said and sum("Valid schema" in line for line in said) >= 1


def test_a_name_of_the_system_is_nobodys(image, tmp_path):
    """Nor do many keys keep the network from coming up."""
    text = f"{HOMELAB.read_text()}\nimage: {{seed: native}}\n"
    given = source.parse(text, "profile.yaml")
    profile, _ = load(given)
    baked = rebake(image, compiler.render(profile, given), tmp_path / "baked.raw")
    keys = tuple(f"ssh-ed25519 AAAA{number}" for number in range(20_000))
    (tmp_path / "seed.iso").write_bytes(iso.make(drive("branch-9", user="sudo", keys=keys)))
    cases = {"sudo": (SeedDisk(tmp_path / "seed.iso"),)}
    lease, answer, console = sandbox.call(seeded, Job(baked, profile, (), Shape(), tmp_path), cases, say=print)["sudo"]
    assert (lease.rpartition(".")[0], answer) == ("10.0.0", "silent"), console[-3000:]
    assert "left out: user sudo, a name of the system's own" in console, console[-3000:]
