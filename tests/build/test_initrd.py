"""The initrd's judgement of disks: what it takes for blank it formats, so it must never err on that side."""

import subprocess

import pytest

from tests.support.paths import ROOT

INIT = (ROOT / "gwimage/image/mkosi.extra/usr/lib/gwimage/init").read_text()
MIB = 2**20


def judge(tmp_path, function, disk):
    """One function of the script on a file; the size that the kernel would tell comes from the file."""
    size = disk.stat().st_size // 512 if disk.exists() else 16384
    body = f"{INIT[: INIT.rindex('main() {')]}\nPATH=$OLDPATH mib={tmp_path / 'mib'}\nsectors() {{ echo {size}; }}\n"
    return (
        subprocess.run(
            ["sh", "-c", f"OLDPATH=$PATH\n{body}{function} {disk}"], stderr=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


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
    stubs = 'say() { :; }; mount() { :; }; umount() { :; }; chroot() { shift; PATH=/usr/sbin:$OLDPATH "$@"; };'
    cut = f"{stubs} chroot() {{ echo half | dd of={disk} conv=notrunc; exit 1; }}; prepare_state"
    assert not judge(tmp_path, cut, disk)
    assert not judge(tmp_path, "blank", disk)
    assert judge(tmp_path, "usable", disk)
    assert judge(tmp_path, f"{stubs} prepare_state", disk)
    assert judge(tmp_path, "is_state", disk)
    assert not judge(tmp_path, "unfinished", disk)
    uuid = disk.read_bytes()[1128:1144]
    assert judge(tmp_path, f"{stubs} prepare_state", disk)
    assert disk.read_bytes()[1128:1144] == uuid
