"""The lab's machine is laid out as Proxmox does it; and its guest agent is asked in the agent's own words."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from gwimage import profile
from gwimage.lab.machine import agent, q35, qemu
from gwimage.lab.machine.qemu import SeedDisk, Shape
from gwimage.lab.topology import derive

DATA = {
    "version": 1,
    "name": "gw",
    "release": "1.0.0",
    "wans": {"wan": {"nic": "net0", "ipv4": "dhcp", "mtu": 1400}},
    "lans": {
        "lan": {"nic": "net1", "address": "10.0.0.1/24", "mtu": 9000},
        "iot": {"nic": "net2", "vlan": 20, "address": "10.0.1.1/24"},
        "cams": {"nic": "net2", "vlan": 30, "address": "10.0.2.1/24", "mtu": 4000},
    },
}


def devices(**shape):
    argv = qemu.command(Shape(**shape), derive(profile.parse(DATA)).cards, Path("/lab"), "tcg", {})
    return [
        dict(part.partition("=")[::2] for part in after.split(",")) for word, after in zip(argv, argv[1:]) if word == "-device"
    ]


def test_each_disk_has_a_controller_of_its_own_behind_the_bridge():
    found = devices(seeds=(SeedDisk(Path("/seed.iso")), SeedDisk(Path("/other.iso"), disk=True)))
    controllers = {one["id"]: (one["bus"], one["addr"]) for one in found if "virtio-scsi-pci" in one}
    assert controllers == {f"virtioscsi{slot}": ("pci.3", f"{slot + 1:#x}") for slot in range(4)}
    disks = [(next(iter(one)), one["drive"], one["bus"], one["scsi-id"], one["lun"]) for one in found if "scsi-id" in one]
    kinds = zip(("scsi-hd", "scsi-hd", "scsi-cd", "scsi-hd"), ("os", "state", "seed0", "seed1"))
    assert disks == [(kind, drive, f"virtioscsi{slot}.0", "0", str(slot)) for slot, (kind, drive) in enumerate(kinds)]


def test_a_card_has_the_mtu_of_a_bridge_that_is_wide_enough():
    assert [one["host_mtu"] for one in devices() if "host_mtu" in one] == ["1500", "9000", "4000"]


def test_uefi_is_the_firmware_that_could_do_secure_boot_and_has_no_keys():
    code, variables = q35.firmware()
    assert code.name.endswith(".secboot.fd")
    assert variables.stat().st_size == 528 * 1024


class Agent(threading.Thread):
    """Speaks as qemu-ga does; `stale` is what it answers to somebody before. It hears what is said until the line is closed."""

    def __init__(self, path, stale=b"", late=0.0):
        super().__init__(daemon=True)
        self.door, self.stale, self.heard = socket.create_server(str(path), family=socket.AF_UNIX), stale, []
        self.late = late  # seconds until it is up; what is said until then lies in the line
        self.start()

    def run(self):
        line, _ = self.door.accept()
        time.sleep(self.late)
        with line, line.makefile("rb") as said:
            line.sendall(self.stale)
            for order in (json.loads(text.lstrip(b"\xff")) for text in said):
                self.heard.append(order)
                match order["execute"]:
                    case "guest-sync-delimited":
                        line.sendall(b'\xff{"return": %d}\n' % order["arguments"]["id"])
                    case "guest-ping":
                        line.sendall(b'{"return": {}}\n')


@pytest.mark.parametrize("stale", [b"", b'{"return": {"pid": 7}}\n'])
def test_an_agent_answers_also_where_an_earlier_answer_lies_in_the_line(tmp_path, stale):
    Agent(tmp_path / "agent", stale)
    assert agent.ping(tmp_path / "agent", 5)


def test_a_port_without_an_agent_is_silent(tmp_path):
    with socket.create_server(str(tmp_path / "agent"), family=socket.AF_UNIX):
        assert not agent.ping(tmp_path / "agent", 0.3)
        assert not agent.shut_down(tmp_path / "agent", 0.3)


def test_an_agent_that_comes_up_late_is_heard_at_once(tmp_path, monkeypatch):
    """It answers every earlier question first; whoever reads one answer for each question stays one behind."""
    monkeypatch.setattr(agent, "_AGAIN", 0.2)
    there = Agent(tmp_path / "agent", late=0.5)
    assert agent.ping(tmp_path / "agent", 10)
    there.join(5)
    assert len(there.heard) <= 5


def test_a_machine_that_is_off_has_no_agent(tmp_path):
    assert not agent.ping(tmp_path / "agent", 1)
    socket.create_server(str(tmp_path / "agent"), family=socket.AF_UNIX).close()
    assert not agent.ping(tmp_path / "agent", 1)
    assert not agent.shut_down(tmp_path / "agent", 1)


def test_the_order_to_shut_down_awaits_no_answer(tmp_path):
    there = Agent(tmp_path / "agent")
    assert agent.shut_down(tmp_path / "agent", 5)
    there.join(5)
    assert there.heard[-1] == {"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}}
