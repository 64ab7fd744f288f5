"""The real image where the machine is not what was declared: what is kept, what is said, and what counts as degraded."""

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
from tests.support.vm_sessions import visited

pytestmark = pytest.mark.vm
MIB = 2**20
UNIT = "gwimage-as-declared.service"
ASK = (
    "systemctl is-system-running; systemctl --failed --plain --no-legend | cut -d' ' -f1 | tr '\\n' ' '; echo; hostname;"
    " cat /etc/machine-id; sudo sh -c 'cat /state/ssh/*.pub'; df -m --output=size /state | tail -1;"
    " sudo cat /state/leases/dhcp-server-lease/lan;"
    f" echo; sudo journalctl -b --no-hostname -o cat -p err; sudo journalctl -b -o cat -u {UNIT}"
)


def visit(image, folder, key, boots, more=""):
    """What `visited` finds in a gateway of the profile, with `more` in it that the machine lacks."""
    admin = f"system: {{admin: {{ssh_keys: [{key.with_suffix('.pub').read_text().strip()}]}}}}\n"
    text = f"{HOMELAB.read_text().rstrip()}\n{{}}{admin}services: {{ssh: {{from: [lan]}}}}\nimage: {{seed: native}}\n"
    has, wanted = (source.parse(text.replace("{}", lans, 1), "profile.yaml") for lans in ("", more))
    parsed, problems = load(wanted)
    assert parsed, problems
    baked = rebake(image, compiler.render(parsed, wanted), folder / "baked.raw")
    job = Job(baked, load(has)[0], (), Shape(), folder)
    return sandbox.call(visited, job, boots, str(key), "admin@10.0.0.1", ASK, say=print)


def test_what_is_missing_is_said_and_the_gateway_is_degraded(image, tmp_path, key, monkeypatch):
    monkeypatch.setattr(iso, "LABEL", "CIDATA")
    files = drive("branch-9")
    files["user-data"] += b"runcmd: [[true]]\n"
    (tmp_path / "drive.iso").write_bytes(iso.make(files))
    fat = bytes(43) + b"CIDATA     FAT16   "
    (tmp_path / "fat.raw").write_bytes(fat.ljust(MIB, b"\0"))
    card = "virtio-net-pci,netdev=spare,mac=bc:24:11:00:00:55,bus=pci.0,addr=0x16,romfile="
    more = ("-netdev", "hubport,hubid=5,id=spare", "-device", card)
    seeds = (SeedDisk(tmp_path / "drive.iso"), SeedDisk(tmp_path / "fat.raw", disk=True))
    boots = {"that": (("true",), Shape(seeds=seeds, more=more), "")}
    said, console = visit(image, tmp_path, key, boots, "  guests: {nic: net2, address: 10.9.0.1/24}\n")["that"]
    print(said, console[-6000:])
    assert said.splitlines()[:3] == ["degraded", f"{UNIT} ", "branch-9"], "a drive labelled CIDATA names the gateway"
    differences = (
        "seed on sr0: left out: ",
        "is not used: its file system is FAT",
        "the card of guests is missing: the VM has no net2 (qm set VMID --net2 virtio,bridge=BRIDGE)",
    )
    prompt = console.rpartition("This gateway is not what was declared:")[2]
    for words in (*differences, "(bc:24:11:00:00:55) belongs to no network of the profile"):
        assert words in said and words in console
    assert [words for words in differences if words not in prompt] == []
