"""What `image` changes in the mkosi definitions, and the Proxmox commands that follow from `vm`."""

import re

import pytest
from click.testing import CliRunner

from gwimage.commands import main
from gwimage.compiler import compile
from gwimage.compiler.loading import load
from gwimage.features import image
from gwimage.language import source
from gwimage.profile import Profile
from gwimage.render import qm_commands
from gwimage.render.mkosi import GENERIC_MODULES
from tests.support.paths import ROOT, TESTS

HOMELAB = (ROOT / "profiles/homelab.yaml").read_text()
CASE = (TESTS / "cases/image-and-vm/profile.yaml").read_text()
CONF = (ROOT / "gwimage/image/mkosi.conf").read_text()


def profile(text: str) -> Profile:
    found, problems = load(source.parse(text, "p.yaml"))
    assert found, problems
    return found


def definitions(text: str) -> dict[str, str]:
    return {path: file.text for path, file in compile(source.parse(text, "p.yaml"))[0].items()}


def values(text: str, key: str) -> list[str]:
    """The entries of a list in a mkosi.conf."""
    block = re.search(rf"^{key}=\n((?:        .*\n)*)", text, re.M)
    return [line.strip() for line in block[1].splitlines() if not line.strip().startswith("#")] if block else []


def test_the_packages_that_are_in_every_image():
    assert sorted(values(CONF, "Packages")) == sorted(image.PRESENT)


def test_the_cloud_kernel_is_the_usual_one():
    for text in (HOMELAB, HOMELAB + "image: {kernel: cloud}\n", HOMELAB + "image: {}\n"):
        conf = definitions(text)["mkosi.conf.d/10-profile.conf"]
        assert values(conf, "Packages") == ["cloud-init", "linux-image-cloud-amd64", "systemd-timesyncd", "udhcpc"]
        assert "KernelModules" not in conf


def test_the_generic_kernel_brings_its_modules():
    conf = definitions(CASE)["mkosi.conf.d/10-profile.conf"]
    packages = values(conf, "Packages")
    assert [name for name in packages if name.startswith("linux")] == ["linux-image-amd64"]
    assert {"tcpdump", "mtr-tiny"} <= set(packages)
    patterns = values(conf, "KernelModulesInclude")
    assert patterns == list(GENERIC_MODULES)
    for module in (
        "drivers/net/ethernet/intel/e1000/e1000.ko.xz",
        "drivers/net/ethernet/realtek/8139cp.ko.xz",
        "drivers/net/ppp/pppoe.ko.xz",
        "fs/ext4/ext4.ko.xz",
        "crypto/crc32c_generic.ko.xz",
        "arch/x86/crypto/crc32c-intel.ko.xz",
    ):
        assert any(re.search(pattern, module) for pattern in patterns), module


def test_the_initrd_can_mount_the_state_volume_with_both_kernels():
    """Debian's cloud kernel has ext4 built in; modprobe(8) --show-depends prints no file for it then."""
    modules = re.search(r"^for module in (.*?);", (ROOT / "gwimage/image/mkosi.finalize").read_text(), re.M)[1].split()
    assert {"ext4", "erofs", "overlay", "sd_mod", "virtio_blk", "virtio_scsi"} <= set(modules)


@pytest.mark.parametrize(("size", "written"), [("64M", "64M"), ("2G", "2048M"), ("65536M", "65536M")])
def test_the_size_of_the_state_partition(size, written):
    conf = definitions(HOMELAB + f"image: {{state_size: {size}}}\n")["mkosi.repart/40-state.conf"]
    assert re.findall(r"^Size(\w+)Bytes=(.*)$", conf, re.M) == [("Min", written), ("Max", written)]


def test_the_description_is_in_the_manifest():
    assert '"description": "A gateway on real network cards' in definitions(CASE)["manifest.json"]


def test_show_begins_with_the_description():
    result = CliRunner().invoke(main.cli, ["show", str(TESTS / "cases/image-and-vm/profile.yaml")])
    assert result.stdout.startswith('A gateway on real network cards, "passed through" – größer\n\n')


HEAD = "version: 1\nname: x\nrelease: 1.0.0\n"
MAC = "wans: {wan: {mac: 'bc:24:11:00:00:01', ipv4: dhcp}}\nlans: {lan: {nic: net0, address: 10.0.0.1/24}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HOMELAB, ["--name homelab ", "--memory 512 --cores 2 ", "--net0 virtio,bridge=vmbr0 --net1 virtio,bridge=vmbr1"]),
        (
            CASE,
            ["--memory 1024 --cores 4 ", "--machine q35 --bios ovmf --efidisk0 local-lvm:0,efitype=4m,pre-enrolled-keys=0 "],
        ),
        (CASE, ["--net0 virtio,bridge=vmbr0,tag=7 --net1 'virtio,bridge=vmbr1,trunks=20;30'"]),
        (
            CASE,
            [
                "# on the Proxmox host vmbr0 must be VLAN-aware, or have a physical port: ",
                "# on the Proxmox host vmbr1 must be VLAN-aware: else the machine does not start\nqm create",
            ],
        ),
        (
            HEAD + MAC.replace("{mac", "{mtu: 9000, mac") + "vm: {nics: {net0: {bridge: a}, net3: {bridge: b}}}\n",
            ["# on the Proxmox host the bridge of bc:24:11:00:00:01 needs an MTU of at least 9000 too\n", ",bridge=b,mtu=9000"],
        ),
        (HEAD + MAC, ["--net0 virtio,bridge=vmbr0 --net1 virtio=BC:24:11:00:00:01,bridge=vmbr1"]),
        (
            HEAD + MAC + "vm: {nics: {net0: {bridge: a}, net3: {bridge: b}}}\n",
            ["--net0 virtio,bridge=a --net3 virtio=BC:24:11:00:00:01,bridge=b"],
        ),
    ],
)
def test_proxmox_commands(text, said):
    commands = "\n".join(qm_commands.commands(profile(text)))
    for words in said:
        assert words in commands


def test_cards_that_share_a_slot_are_named_once():
    commands = "\n".join(qm_commands.commands(profile((TESTS / "cases/lans-vlans/profile.yaml").read_text())))
    numbers = re.findall(r"--net(\d+) ", commands)
    assert len(numbers) == len(set(numbers))


def test_the_readme_shows_these_commands():
    readme = (ROOT / "README.md").read_text()
    assert "".join(f"    {line}\n" for line in qm_commands.commands(profile(HOMELAB))) in readme
