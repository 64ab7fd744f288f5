"""The initrd in a machine: it finds its disks wherever they are attached, and waits for none that are not."""

import pytest

from gwimage import compiler
from gwimage.compiler import loading
from gwimage.lab.machine.disks import LABEL
from gwimage.language import site, source
from gwimage.seed import difference, iso
from tests.support import initrd_boots
from tests.support.paths import HOMELAB
from tests.support.sites import wanted as wanted_of

pytestmark = pytest.mark.vm
SCSI, SATA = "virtio-scsi-pci,id=scsi", "ahci,id=sata"
# Devices of QEMU by layout; all have the drives `os` and `state`, some `seed`.
LAYOUTS = {
    "SCSI": (SCSI, "scsi-hd,drive=os,lun=0", "scsi-hd,drive=state,lun=1"),
    "SCSI, a controller each": (
        "virtio-scsi-pci,id=scsi0",
        "virtio-scsi-pci,id=scsi1",
        "virtio-scsi-pci,id=scsi2",
        "scsi-hd,drive=os,bus=scsi0.0,scsi-id=0,lun=0,bootindex=1",
        "scsi-hd,drive=state,bus=scsi1.0,scsi-id=0,lun=1",
        "scsi-cd,drive=seed,bus=scsi2.0,scsi-id=0,lun=2",
    ),
    "SATA": (SATA, "ide-hd,drive=os,bus=sata.0", "ide-hd,drive=state,bus=sata.3", "ide-cd,drive=seed,bus=sata.5"),
    "VirtIO block": ("virtio-blk-pci,drive=os", "virtio-blk-pci,drive=state", "virtio-blk-pci,drive=seed"),
    "the OS on SATA, which comes last": (
        SATA,
        SCSI,
        "ide-hd,drive=os,bus=sata.0,bootindex=1",
        "scsi-hd,drive=state,bus=scsi.0",
        "scsi-hd,drive=seed,bus=scsi.0",
    ),
    "the seed on IDE": (SCSI, "scsi-hd,drive=os,bootindex=1", "scsi-hd,drive=state", "ide-cd,drive=seed,bus=ide.1"),
}


@pytest.fixture(scope="module")
def loud(image, tmp_path_factory):
    return initrd_boots.loud(image, tmp_path_factory.mktemp("loud") / "image.raw")


@pytest.fixture
def drives(tmp_path):
    """QEMU's arguments for a blank state disk and a seed."""
    profile, given = source.read(str(HOMELAB)), source.parse("site: branch\nsystem: {timezone: Europe/Berlin}\n", "site.yaml")
    wanted, problems = wanted_of(profile, given)
    assert wanted, problems
    base, changed = compiler.render(loading.load(profile)[0], profile), compiler.render(wanted, site.overlay(profile, given))
    (tmp_path / "seed.iso").write_bytes(iso.make(difference.volume(difference.difference("branch", base, changed))))
    (tmp_path / "state.raw").write_bytes(bytes(64 << 20))
    return [
        *("-drive", f"if=none,id=state,format=raw,cache=unsafe,file={tmp_path}/state.raw"),
        *("-drive", f"if=none,id=seed,format=raw,readonly=on,file={tmp_path}/seed.iso"),
    ]


def devices(*names: str) -> list[str]:
    return [word for name in names for word in ("-device", name)]


def label(disk) -> str:
    """Of the ext4 file system on a disk: 16 bytes at 1144."""
    return disk.read_bytes()[1144:1160].rstrip(b"\0").decode()


@pytest.mark.parametrize("name", LAYOUTS)
def test_disks_of_every_kind(loud, drives, tmp_path, name):
    layout = LAYOUTS[name]
    seeded = any("drive=seed" in device for device in layout)
    console = initrd_boots.boot(loud, [*drives, *devices(*layout)], tmp_path)
    assert label(tmp_path / "state.raw") == LABEL, console[-3000:]
    assert ("gwimage: seed: branch" in console) == seeded, console[-3000:]
    assert "no usable state volume" not in console
    if name.startswith("SCSI"):
        seen, gone_on = (initrd_boots.moment(console, words) for words in ("Direct-Access", "ata_piix"))
        assert gone_on - seen < 4, "a synchronous scan waits 20 ms for each of 255 targets, however fast the host is"
