"""What gwimage-as-declared.service finds, on a tree of files in the place of the machine's."""

import subprocess

import pytest

from gwimage import compiler
from gwimage.compiler.loading import load
from gwimage.language import source
from tests.support.paths import HOMELAB, ROOT

SCRIPT = ROOT / "gwimage/image/mkosi.extra/usr/lib/gwimage/as-declared"
MAC = "52:54:00:12:34:56"
PROFILE = HOMELAB.read_text().rstrip()
BY_MAC = f"{{mac: '{MAC}', address: 10.9.0.1/24}}"


def machine(folder, cards, profile=PROFILE):
    """The compiled profile in a machine with these cards, by name: whether a network uses it."""
    given = source.parse(profile, "profile.yaml")
    parsed, problems = load(given)
    assert parsed, problems
    for path, file in compiler.render(parsed, given).items():
        if path.startswith("config/etc/systemd/network/") and not file.link:
            to = folder / path.removeprefix("config/")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(file.text)
    for name in ("dev", "etc/gwimage", "run/systemd/netif/links", "sys/class/net/lo"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "dev/kmsg").touch()
    for index, (name, used) in enumerate(cards.items(), 2):
        card = folder / "sys/class/net" / name
        (card / "device").mkdir(parents=True)
        (card / "ifindex").write_text(f"{index}\n")
        (card / "address").write_text(f"bc:24:11:00:00:0{index}\n")
        state = f"ADMIN_STATE={'configured' if used else 'unmanaged'}\nOPER_STATE=off\n"
        (folder / f"run/systemd/netif/links/{index}").write_text(state)


def asked(folder):
    """Exit status, what the journal has, what the consoles show: once, and above each login prompt."""
    console, prompt = folder / "dev/kmsg", folder / "etc/issue.d/gwimage.issue"
    console.write_text("")
    # > truncates a file, and never a device
    script = SCRIPT.read_text().replace('> "$root/dev/kmsg"', '>> "$root/dev/kmsg"')
    done = subprocess.run(["busybox", "sh", "-s", str(folder)], input=script, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout, console.read_text(), prompt.read_text() if prompt.exists() else ""


def test_a_machine_that_is_what_was_declared(tmp_path):
    machine(tmp_path, {"wan": True, "lan": True})
    assert asked(tmp_path) == (0, "", "", "")


@pytest.mark.parametrize(
    ("more", "cards", "words"),
    [
        ("", ["wan"], "the card of lan is missing: the VM has no net1 (qm set VMID --net1 virtio,bridge=BRIDGE)"),
        (f"  guests: {BY_MAC}\n", ["wan", "lan"], f"the card of guests is missing: the VM has none with the MAC address {MAC}"),
        (
            "  a: {nic: net5, vlan: 7, address: 10.9.0.1/24}\n",
            ["wan", "lan"],
            "the card net5 is missing: the VM has no net5 (qm set VMID --net5 virtio,bridge=BRIDGE)",
        ),
        (
            "  a: {nics: [net2, net3], address: 10.9.0.1/24}\n",
            ["wan", "lan", "net2"],
            "the card net3 is missing: the VM has no net3 (qm set VMID --net3 virtio,bridge=BRIDGE)",
        ),
    ],
)
def test_a_card_that_the_machine_lacks(tmp_path, more, cards, words):
    machine(tmp_path, dict.fromkeys(cards, True), f"{PROFILE}\n{more}")
    mend = "After mending: systemctl restart gwimage-as-declared, or a new boot"
    prompt = f"This gateway is not what was declared:\n{words}\n{mend}\n\n"
    assert asked(tmp_path) == (1, f"{words}\n", f"<3>gwimage: {words}\n", prompt)
    assert asked(tmp_path)[3] == prompt, "asked again it says it once"
    for name in ("guests", "lan", "net3", "net5"):
        (tmp_path / "sys/class/net" / name).mkdir(exist_ok=True)
    assert asked(tmp_path) == (0, "", "", ""), "the card was plugged in"


def test_a_card_without_a_driver(tmp_path):
    """Such as Proxmox's e1000 under the small kernel: the VM has it, the system does not."""
    machine(tmp_path, {"wan": True})
    (tmp_path / "sys/bus/pci/devices/0000:00:13.0").mkdir(parents=True)
    words = "the card of lan is missing: the image has no driver for net1 (image.kernel: generic?)"
    assert asked(tmp_path)[:2] == (1, f"{words}\n")


def test_a_card_that_no_network_uses_is_said_and_no_failure(tmp_path):
    machine(tmp_path, {"wan": True, "lan": True, "eth2": False})
    words = "the card eth2 (bc:24:11:00:00:04) belongs to no network of the profile: it stays down"
    assert asked(tmp_path) == (0, "", f"<3>gwimage: {words}\n", "")


def test_what_the_initrd_found_is_said_again(tmp_path):
    machine(tmp_path, {"wan": True})
    (tmp_path / "etc/gwimage/differences").write_text("the seed on sr0 is not used: it is damaged\n")
    status, journal, console, prompt = asked(tmp_path)
    assert (status, [line.split(":")[0] for line in journal.splitlines()]) == (
        1,
        ["the seed on sr0 is not used", "the card of lan is missing"],
    )
    assert console.count("\n") == 1, "the initrd has said its own"
    assert journal in prompt
