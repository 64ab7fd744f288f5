"""The initrd's judgement of disks and seeds, on files: what it takes for blank it formats, so it must never err on that side."""

import os
import re
import struct
import subprocess

import pytest

from gwimage.seed import iso
from tests.support.paths import ROOT

INIT = (ROOT / "gwimage/image/mkosi.extra/usr/lib/gwimage/init").read_text()
MIB = 2**20
# what needs a kernel of its own, and the size that the kernel would tell of a disk
STUBS = """
PATH=$OLDPATH mib=$FOLDER/mib root=$FOLDER dev=$FOLDER/dev blocks=$FOLDER/block
say() { echo "$1 $2" >> $FOLDER/said; }
sectors() { size=$(stat -Lc %s "$dev/${1##*/}") && echo $((size / 512)); }
mount() { :; }; umount() { :; }; chroot() { shift; PATH=/usr/sbin:$OLDPATH "$@"; }
partition() { [ ! -e "$dev/$2$1" ] || echo "$2$1"; }
"""


def call(folder, command, shell="sh"):
    """Runs a command among the script's functions, with folder/dev and folder/block in the place of the machine's."""
    for name in ("dev", "block", "etc/gwimage"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    body = f"OLDPATH=$PATH\n{INIT[: INIT.rindex('main() {')]}\n{STUBS}\n{command}"
    return subprocess.run(
        [shell, "-c", body], env=os.environ | {"FOLDER": str(folder)}, capture_output=True, text=True, check=False
    )


def judge(tmp_path, function, disk):
    """Whether a function of the script holds for a file."""
    (tmp_path / "dev").mkdir(exist_ok=True)
    if disk.exists() and not (tmp_path / "dev" / disk.name).exists():
        (tmp_path / "dev" / disk.name).symlink_to(disk)
    return call(tmp_path, f"{function} {disk}").returncode == 0


@pytest.mark.parametrize(("where", "blank"), [(None, True), (0, False), (MIB - 1, False), (16 * MIB - 1, False)])
def test_a_disk_with_anything_at_its_ends_is_not_blank(tmp_path, where, blank):
    disk = tmp_path / "disk"
    disk.touch()
    with disk.open("r+b") as file:
        file.truncate(16 * MIB)
        if where is not None:
            file.seek(where)
            file.write(b"x")
    assert judge(tmp_path, "blank", disk) == blank


@pytest.mark.parametrize("size", [0, 512, 4 * MIB])
def test_a_disk_too_small_or_unreadable_is_not_blank(tmp_path, size):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(size))
    assert not judge(tmp_path, "blank", disk)
    assert not judge(tmp_path, "blank", tmp_path / "missing")
    assert not judge(tmp_path, "is_state", disk)


def test_a_disk_that_power_left_half_formatted_is_formatted_again(tmp_path):
    """And one that was formatted whole is kept, with what is on it."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 * MIB))
    cut = f"chroot() {{ echo half | dd of={disk} conv=notrunc; exit 1; }}; prepare_state"
    assert not judge(tmp_path, cut, disk)
    assert not judge(tmp_path, "blank", disk)
    assert judge(tmp_path, "unfinished", disk)
    assert judge(tmp_path, "prepare_state", disk)
    assert judge(tmp_path, "is_state", disk)
    assert not judge(tmp_path, "unfinished", disk)
    uuid = disk.read_bytes()[1128:1144]
    assert judge(tmp_path, "prepare_state", disk)
    assert disk.read_bytes()[1128:1144] == uuid


def attach(folder, name, kind, mounted=0):
    """A disk of the machine. kind: blank, unfinished, state, lvm (thick, with old data), small, protected, or a seed's label."""
    for place in ("dev", f"block/{name}/device"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    disk, content = folder / "dev" / name, bytes(16 * MIB)
    if kind == "lvm":
        content = bytes(5 * MIB) + b"old data" + bytes(10 * MIB) + b"\xff" * (MIB - 8)
    elif kind == "small":
        content = bytes(4 * MIB)
    elif kind == "unfinished":
        content = b"half" + bytes(15 * MIB - 4) + b"gwimage-state unfinished".ljust(MIB, b"\0")
    disk.write_bytes(content)
    if kind in ("state", "protected"):
        assert call(folder, f"format $dev/{name}").returncode == 0
        with disk.open("r+b") as file:
            file.seek(1024 + 44)  # s_mtime (Linux: fs/ext4/ext4.h)
            file.write(struct.pack("<I", mounted))
    elif kind in ("cidata", "CIDATA"):
        label = b"CD001\1\0" + b"LINUX".ljust(32) + kind.encode().ljust(32)
        disk.write_bytes(content[:32769] + label + content[32769 + len(label) :])
    (folder / f"block/{name}/ro").write_text(str(int(kind == "protected")))
    (folder / f"block/{name}/device/vpd_pg83").write_bytes(b"\0\x83\0\x0f\2\0\0\x0bdrive-scsi" + name[-1:].encode() + b"\0")


def chosen(folder, **disks):
    """The device that the script takes for state, and what it says; OS disk: sda, with its partition if `sdagwimage-state` is given."""
    for name, kind in disks.items():
        attach(folder, name, *(kind if isinstance(kind, tuple) else (kind,)))
    found = call(folder, "choose_state sda; say_unused; echo $device")
    said, differences = folder / "said", folder / "etc/gwimage/differences"
    return (
        found.stdout.strip(),
        said.read_text() if said.exists() else "",
        differences.read_text() if differences.exists() else "",
    )


OWN = "sdagwimage-state"


def test_what_is_ours_comes_before_what_is_blank(tmp_path):
    assert chosen(tmp_path, sda="lvm", sdb="blank", sdc="state")[0] == "sdc"


def test_the_state_on_the_os_disk_is_not_abandoned_for_a_blank_disk(tmp_path):
    device, said, differences = chosen(tmp_path, sda="lvm", sdb="blank", **{OWN: "state"})
    assert device == OWN
    assert f"not used for state: sdb (scsib) is blank, but the state is on {OWN}" in differences and said.startswith("3 ")


@pytest.mark.parametrize("kind", ["blank", "unfinished"])
def test_a_first_boot_takes_the_blank_disk(tmp_path, kind):
    assert chosen(tmp_path, sda="lvm", sdb="lvm", vda=kind, **{OWN: "blank"})[0] == "vda"


def test_a_first_boot_without_another_disk_takes_the_partition(tmp_path):
    assert chosen(tmp_path, sda="lvm", sdb="cidata", **{OWN: "blank"}) == (OWN, "", "")


def test_of_two_state_volumes_that_is_taken_that_was_in_use(tmp_path):
    device, _, differences = chosen(tmp_path, sda="lvm", sdb=("state", 1000), sdc=("state", 3000), sdd=("state", 2000))
    assert device == "sdc"
    assert differences.splitlines() == [
        f"two state volumes: sdc (scsic) is used, it was the last in use; detach {other}"
        for other in ("sdb (scsib)", "sdd (scsid)")
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lvm", "sdb (scsib) is neither blank nor a state volume: detach it, or write zeros over its first and its last MiB"),
        ("protected", "sdb (scsib) is write-protected: detach it, or make it writable"),
        ("small", "sdb (scsib) is smaller than 8 MiB: detach it, or make it larger"),
    ],
)
def test_a_disk_that_is_refused_is_said(tmp_path, kind, words):
    """A difference to what was declared unless the state has a disk of its own; shown on the console in any case (level 3)."""
    device, said, differences = chosen(tmp_path, sda="lvm", sdb=kind, **{OWN: "state"})
    assert (device, differences) == (OWN, f"not used for state: {words}\n")
    (tmp_path / "etc/gwimage/differences").unlink()
    device, said, differences = chosen(tmp_path, sdc="state")
    assert (device, differences) == ("sdc", "")
    assert said.count(f"3 not used for state: {words}\n") == 2


def test_another_os_disk_is_said_and_nobody_is_told_to_overwrite_it(tmp_path):
    attach(tmp_path, "sdbgwimage-packages", "blank")
    assert chosen(tmp_path, sda="lvm", sdb="lvm", sdc="state")[2] == (
        "another OS disk: sdb (scsib); the gateway may start from either: detach the one that is not meant\n"
    )


def test_a_disk_that_is_not_scsi_is_named_without_an_error(tmp_path):
    attach(tmp_path, "vda", "lvm")
    (tmp_path / "block/vda/device/vpd_pg83").unlink()
    found = call(tmp_path, "called vda")
    assert (found.stdout, found.stderr) == ("vda\n", "")


@pytest.mark.parametrize(("size", "words"), [(16, []), (64, ["5 sdb has grown from 15 to 63 MiB"])])
def test_a_file_system_grows_and_says_so_only_then(tmp_path, size, words):
    attach(tmp_path, "sdb", "state")
    os.truncate(tmp_path / "dev/sdb", size * MIB)
    call(tmp_path, "grow_state $dev/sdb")
    said = tmp_path / "said"
    assert (said.read_text().replace(f"{tmp_path}/dev/", "").splitlines() if said.exists() else []) == words


def test_what_is_no_whole_group_of_blocks_is_no_growth(tmp_path):
    """mke2fs and resize2fs leave the last MiB out here: it would not even hold its own tables."""
    attach(tmp_path, "sdb", "blank")
    os.truncate(tmp_path / "dev/sdb", 1026 * MIB)
    assert call(tmp_path, "format $dev/sdb; ext4_mib $dev/sdb").stdout.strip().endswith("1024")
    call(tmp_path, "grow_state $dev/sdb")
    assert not (tmp_path / "said").exists()


def test_a_seed_as_a_disk_is_no_refused_disk(tmp_path):
    assert chosen(tmp_path, sda="lvm", sdb="cidata", sdc="CIDATA", sdd="state")[1:] == ("", "")


def test_a_file_system_smaller_than_its_disk_is_measured(tmp_path):
    attach(tmp_path, "sdb", "state")
    assert call(tmp_path, "ext4_mib $dev/sdb").stdout.strip() == call(tmp_path, "last_mib sdb").stdout.strip() == "15"
    os.truncate(tmp_path / "dev/sdb", 64 * MIB)
    assert call(tmp_path, "ext4_mib $dev/sdb").stdout.strip() == "15"
    assert call(tmp_path, "last_mib sdb").stdout.strip() == "63"


def fat(label, bits):
    """The boot sector of a FAT with that label (Microsoft's fatgen103: BS_VolLab, BS_FilSysType)."""
    sector = bytearray(512)
    at = 71 if bits == 32 else 43
    sector[at : at + 19] = label.ljust(11) + f"FAT{bits}".encode().ljust(8)
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (None, "ISO 9660"),
        (fat(b"CIDATA", 12), "FAT"),
        (fat(b"CIDATA", 16), "FAT"),
        (fat(b"cidata", 32), "FAT"),
        (fat(b"CIDATA2", 32), ""),
        (bytes(512), ""),
    ],
)
@pytest.mark.parametrize("label", ["cidata", "CIDATA"])
def test_a_seed_is_known_by_its_label_as_cloud_init_knows_it(tmp_path, monkeypatch, content, kind, label):
    monkeypatch.setattr(iso, "LABEL", label)
    volume = tmp_path / "volume"
    volume.write_bytes((content or iso.make({"meta-data": b"", "user-data": b""})).ljust(65536, b"\0"))
    assert call(tmp_path, f"seed_format {volume}").stdout.strip() == kind


def test_a_seed_with_another_label_is_none(tmp_path, monkeypatch):
    for label in ("CiData", "cidata-2", "cidat"):
        monkeypatch.setattr(iso, "LABEL", label)
        (tmp_path / "volume").write_bytes(iso.make({"user-data": b""}))
        assert call(tmp_path, f"seed_format {tmp_path / 'volume'}").stdout == ""


def applied(folder, kind, **seeds):
    """What the script says of the seeds of a machine, each a folder of files, or a disk's content."""
    (folder / "etc/gwimage").mkdir(parents=True, exist_ok=True)
    (folder / "etc/gwimage/seed.kind").write_text(kind)
    for name, files in seeds.items():
        attach(folder, name, "CIDATA" if isinstance(files, dict) else "blank")
        if isinstance(files, bytes):
            (folder / "dev" / name).write_bytes(files)
            continue
        (folder / "seeds" / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / "seeds" / name / file).write_text(text)
    stubs = 'mount() { for last; do :; done; rm -rf "$last"; cp -r "$FOLDER/seeds/${5##*/}" "$last"; }'
    body = re.sub(r"(?<!\w)(?=/seed)|(?<!\w)/sysroot", str(folder), INIT)
    body = body.replace("/identity ", f"{ROOT}/gwimage/image/mkosi.extra/usr/lib/gwimage/identity ").replace(
        "PATH=/bin", "PATH=$PATH"
    )
    script = f"OLDPATH=$PATH\n{body[: body.rindex('main() {')]}\n{STUBS}\n{stubs}\napply_seeds sda"
    subprocess.run(["sh", "-c", script], env=os.environ | {"FOLDER": str(folder)}, capture_output=True, check=False)
    file = folder / "etc/gwimage/differences"
    return file.read_text() if file.exists() else ""


DRIVE = {"user-data": "#cloud-config\nhostname: branch\n", "meta-data": "instance-id: a\n"}


@pytest.mark.parametrize("kind", ["native", "cloud-init"])
def test_a_seed_in_capitals_is_used(tmp_path, kind):
    assert applied(tmp_path, kind, sr0=DRIVE) == ""
    file = {"native": "etc/hostname", "cloud-init": "var/lib/cloud/seed/nocloud-net/user-data"}[kind]
    assert "branch" in (tmp_path / file).read_text()


@pytest.mark.parametrize(
    ("kind", "seeds", "words"),
    [
        ("none", {"sr0": DRIVE}, "the seed on sr0 is not used: this image reads none (image.seed)"),
        ("native", {"sr0": {"user-data.txt": ""}}, "the seed on sr0 is not used: it has no user-data of 1 MiB at most"),
        ("cloud-init", {"sr0": {"user-data": ""}}, "the seed on sr0 is not used: it has no meta-data of 1 MiB at most"),
        (
            "native",
            {"sdb": fat(b"CIDATA", 16)},
            "the seed on sdb is not used: its file system is FAT, and only ISO 9660 is read",
        ),
        (
            "native",
            {"sdb1": fat(b"CIDATA", 32)},
            "the seed on sdb1 is not used: its file system is FAT, and only ISO 9660 is read",
        ),
        ("native", {"sr0": DRIVE, "vdb": DRIVE}, "several seeds ( sr0 vdb ): none of these is used"),
    ],
)
def test_a_seed_that_is_ignored_is_said(tmp_path, kind, seeds, words):
    assert applied(tmp_path, kind, **seeds) == f"{words}\n"
    assert f"3 {words}\n" in (tmp_path / "said").read_text()


def test_vendor_data_that_is_left_out_is_said(tmp_path):
    assert applied(tmp_path, "native", sr0=DRIVE | {"vendor-data": "#cloud-config\n"}) == (
        "seed on sr0: left out: vendor-data: with image.seed: cloud-init only\n"
    )
    assert applied(tmp_path, "native", sr1=DRIVE | {"vendor-data": ""}).count("\n") == 2, "and two seeds"


def test_user_data_that_is_left_out_is_said(tmp_path):
    found = applied(tmp_path, "native", sr0=DRIVE | {"user-data": "#cloud-config\nhostname: branch\nruncmd: [reboot]\n"})
    assert found.startswith("seed on sr0: left out: ") and found.count("\n") == 1
    assert (tmp_path / "etc/hostname").read_text() == "branch\n"
