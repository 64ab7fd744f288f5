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
MOVE = (
    "; disk=$(sudo journalctl -b -o cat -p err | sed -n 's/^not used for state: \\(sd.\\) .*is blank.*/\\1/p' | head -1); sudo sh -c"
    " 'fsfreeze -f /state; dd if=/dev/disk/by-partlabel/gwimage-state of=/dev/'$disk' bs=1M; fsfreeze -u /state'"
)
CONTROLLER = ("-device", "virtio-scsi-pci,id=more,bus=pci.0,addr=0x4")  # before that of the OS disk


def disk(number, file):
    """QEMU's arguments for a further disk, as Proxmox names it."""
    drive = f"if=none,id=more{number},format=raw,cache=unsafe,file={file}"
    return ("-drive", drive, "-device", f"scsi-hd,drive=more{number},bus=more.0,scsi-id={number},device_id=drive-scsi{number}")


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


def test_the_state_is_found_wherever_it_is_and_grows_with_its_disk(image, tmp_path, key):
    """First on the OS disk, then moved to a disk of its own as docs/image.md says, then that disk is enlarged, then there are two."""
    state, blank, other, copy = (tmp_path / f"{name}.raw" for name in ("state", "blank", "other", "copy"))
    for file, content in ((blank, b""), (other, b"LABELONE")):
        file.write_bytes(content.ljust(64 * MIB, b"\0"))
    grow = ("sh", "-c", f"cp {state} {copy} && truncate -s 300M {state}")
    lvm = CONTROLLER + disk(4, other)
    boots = {
        "no disk": (("true",), Shape(state_disk=False, more=lvm), ""),
        "a blank disk": (("true",), Shape(), MOVE),
        "a larger disk": (grow, Shape(more=lvm + disk(3, blank)), ""),
        "two": (("true",), Shape(more=CONTROLLER + disk(3, copy)), ""),
    }
    found = visit(image, tmp_path, key, boots)
    print(*(f"== {name}\n{said}\n{console[-4000:]}" for name, (said, console) in found.items()), sep="\n")
    said = {name: each[0].splitlines() for name, each in found.items()}
    shown = {  # on the console and in the journal
        "no disk": "(scsi4) is neither blank nor a state volume: detach it, or write zeros over its first and its last MiB",
        "a blank disk": " is blank, but the state is on sd",
        "a larger disk": "(scsi3) is blank, but the state is on sd",
        "two": "it was the last in use; detach sd",
    }
    assert {name for name, words in shown.items() if not all(words in each for each in found[name])} == set()
    assert shown["no disk"] in found["a larger disk"][0] and "(scsi3)" in found["two"][1]
    bad = ["degraded", f"{UNIT} "]
    states = {name: lines[:2] for name, lines in said.items()}
    assert states == {"no disk": bad, "a blank disk": bad, "a larger disk": ["running", ""], "two": bad}
    assert len({tuple(lines[3:5]) for lines in said.values()}) == 1, "machine id and host key"
    assert [int(lines[5]) > 256 for lines in said.values()] == [False, False, True, True], "MiB: as large as its disk"
    for name, number in (("a blank disk", 0), ("a larger disk", 1), ("two", 2)):
        assert lease(number) in found[name][0], f"the lease of the boot before {name}"
    assert (blank.read_bytes(), other.read_bytes()) == (bytes(64 * MIB), b"LABELONE".ljust(64 * MIB, b"\0"))


def lease(number):
    """The client's, as the lease file has its MAC address."""
    return ",".join(str(byte) for byte in (0x52, 0x54, 0, 0, 0x79, number))


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
