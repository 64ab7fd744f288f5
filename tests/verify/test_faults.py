"""Faults against a stand-in gateway, and the state volume of a power cut: each comes out good, and bad."""

import random
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from gwimage.lab import sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import inside, ip, run, spawn
from gwimage.lab.packets import ntp
from gwimage.lab.topology import derive
from gwimage.verify import faults
from gwimage.verify import run as course
from gwimage.verify.faults import at_boot, checks, disk_writes, driver, power_cut
from gwimage.verify.faults.disk_writes import Cut, Write
from gwimage.verify.faults.fault import Scene
from gwimage.verify.faults.power_cut import Kept
from tests.support.faulty_gateway import CLAIMS, PROFILE, STATIC, WELL, StandIn

PLAYED = ("isp-silent", "wan-cable", "wan-address", "wan-subnet")
# asks anew all the time, as no client would; an address that stays is not touched
CLIENT = """#!/bin/sh
case "$1" in
    bound) ip addr show dev wan | grep -q "inet $ip/" && exit
        [ -z "KEEPS" ] || ! ip addr show dev wan | grep -q "inet " || exit
        ip addr flush dev wan; ip addr add "$ip/$mask" dev wan; ip route replace default via $router ;;
    leasefail) [ -n "KEEPS" ] || ip addr flush dev wan ;;
esac
"""
SAYS = "wan: Lost carrier\ngwimage: no address taken on wan from a DHCP server in a subnet of ours; give that network another: IN=wan\n"
REFUSE = """
table netdev refuse {
    chain lan { type filter hook ingress device "DEVICE" priority 0; udp sport 67 ip saddr 10.0.0.0/24 drop; }
}
"""


@dataclass
class Disturbed(StandIn):
    """A stand-in whose WAN can be disturbed; it never has the control's rules."""

    on: bool = False
    clients: list = field(default_factory=list)

    def renew(self):
        pass

    def start(self, control):
        super().start(control)
        self.on = True
        end = f"v{self.hosts.topology.wans[0].segment.number}-isp"
        if "takes ours" not in self.faults:
            with inside("hv"):
                run(["nft", "-f", "-"], stdin=REFUSE.replace("DEVICE", end))

    def _daemons(self):
        script = self.hosts.dir / "client.sh"
        script.write_text(CLIENT.replace("KEEPS", "x" if "keeps its address" in self.faults else ""))
        script.chmod(0o755)
        loop = f"while :; do udhcpc -nq -t2 -T1 -i wan -s {script}; sleep 0.5; done"
        loop = f"until udhcpc -nq -t2 -T1 -i wan -s {script}; do :; done" if "asks once" in self.faults else loop
        super()._daemons()
        self.processes.append(spawn("gw", ["sh", "-c", loop], self.hosts.dir / "stand-in.log"))

    def plug(self, slot, there):
        if there and "opens" in self.faults:
            with inside("gw"):
                run(["nft", "delete", "table", "inet", "filter"])
        if not there or "stays down" not in self.faults:
            ip("hv", [f"link set gw-wan {'up' if there else 'down'}"])
        if not there and "takes the LAN along" in self.faults:
            ip("hv", ["link set gw-lan down"])

    def look(self):
        return {} if "mute" in self.faults else {"journal": SAYS}

    def cut(self):
        if self.on:
            self.on = False
            self.stop()
            with inside("hv"), suppress(Exception):
                run(["nft", "delete", "table", "netdev", "refuse"])


def disturb(say, folder, wrong):
    hosts = Hosts(derive(PROFILE), folder)
    hosts.start()
    scene = Scene(
        hosts,
        Disturbed(hosts, wrong | {"no wan"}),
        CLAIMS,
        {} if "no control" in wrong else {claim.id: "seen" for claim in CLAIMS},
    )
    names = PLAYED if not wrong else ("isp-silent", *EXPECTED[min(wrong)])  # a good one beside those that it does not bear
    chosen = [replace(fault, seconds=8 if wrong else 25) for fault in faults.pick(names, hosts.topology)]
    driver._MESSAGE_TIMEOUT = 1
    return {fault.id: answer for fault, answer in driver.play(say, scene, chosen)}


EXPECTED = {
    "": set(),
    "stays down": {"wan-cable"},
    "keeps its address": {"wan-address"},
    "takes ours": {"wan-subnet"},
    "takes the LAN along": {"wan-cable"},
    "mute": {"wan-cable", "wan-subnet"},
    "opens": {"wan-cable"},
    "no control": {"isp-silent", "wan-cable", "wan-address", "wan-subnet"},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Every stand-in, side by side."""
    with ThreadPoolExecutor(4) as pool:
        folders = [tmp_path_factory.mktemp("lab") for _ in EXPECTED]
        results = pool.map(
            lambda folder, wrong: sandbox.call(disturb, folder, frozenset([wrong] if wrong else []), say=print),
            folders,
            EXPECTED,
        )
        return dict(zip(EXPECTED, results))


@pytest.mark.parametrize("wrong", EXPECTED)
def test_a_gateway_is_red_on_exactly_the_faults_that_it_does_not_bear(played, wrong):
    assert {name: answer.seen for name, answer in played[wrong].items() if not answer.good}.keys() == EXPECTED[wrong], played[
        wrong
    ]


def after_the_claims(say, folder):
    """The results of two faults, with the controls of a verification of one WAN's claims."""
    hosts = Hosts(derive(PROFILE), folder)
    hosts.start()
    gateway = Disturbed(hosts, frozenset())
    claims = [
        claim
        for claim in CLAIMS
        if claim.id in ("wans.wan.address", "wans.wan.closed", "lans.lan.source", "lans.lan.dhcp.lease")
    ]
    job = course.Job(folder, PROFILE, tuple(claims), None, folder, ("wan-cable",))
    return course.run_faults(say, hosts, gateway, job, course.run_boots(say, hosts, gateway, claims).results)


def test_faults_come_after_the_claims_with_their_controls(tmp_path):
    (found,) = sandbox.call(after_the_claims, tmp_path, say=print)
    assert (found.id, found.status, found.advice) == ("faults.wan-cable", "pass", ""), found
    assert "traffic flows, closed" in found.seen


def darkness(say, folder):
    """Whether it is dark without a gateway, and with one; how far off the server outside tells the time."""
    hosts = Hosts(derive(PROFILE), folder)
    hosts.start()
    gateway = Disturbed(hosts, frozenset())
    scene = Scene(hosts, gateway, CLAIMS, {})
    without = checks.dark(scene)
    gateway.start(control=False)
    at_boot._tell_time(scene)
    return without, checks.dark(scene), ntp.clock("isp", hosts.topology.outside)


def test_darkness_is_told_from_light_and_the_time_outside_is_right(tmp_path):
    without, within, clock = sandbox.call(darkness, tmp_path, say=print)
    assert (without.good, within.good) == (True, False), (without, within)
    assert (clock.leap, clock.stratum) == (0, 1)
    assert abs(clock.off) < 1


@dataclass
class Told:
    """A gateway that only talks."""

    clock: float = 0
    journal: str = ""
    memory: int = 100

    def look(self):
        return {"clock": f"{time.time() + self.clock}\n", "journal": self.journal}

    def ready(self):
        return True

    def findings(self):
        return replace(WELL, memory_available=self.memory * 1024)


@pytest.mark.parametrize(
    ("gateway", "check", "good"),
    [
        (Told(clock=1), at_boot._clock_right, True),
        (Told(clock=-60), at_boot._clock_right, False),
        (Told(clock=1e8), at_boot._clock_right, False),
        (Told(clock=-1e8), at_boot._clock_wrong, True),
        (Told(clock=10), at_boot._clock_wrong, False),
        (Told(), at_boot._enough_memory, True),
        (Told(journal="kernel: Out of memory: Killed process 7 (x)"), at_boot._enough_memory, False),
    ],
)
def test_clock_and_memory_are_judged_by_what_the_gateway_says(tmp_path, gateway, check, good):
    assert check(Scene(Hosts(derive(PROFILE), tmp_path), gateway, (), {})).good == good


ID, PUBLIC = "0123456789abcdef" * 2, ("ssh-ed25519 AAAA",)
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
LEASES = '{"BootID":"x","Leases":[{"Address":[10,0,0,100]},{"Address":[10,0,0,101]}]}\n'
WHOLE = {"machine-id": f"{ID}\n", "ssh/ssh_host_ed25519_key": KEY, "leases/dhcp-server-lease/lan": LEASES}
DUE = Kept(0, ID, PUBLIC, ("10.0.0.100", "10.0.0.101"))
LATER = Kept(2**40, ID, PUBLIC, ("10.0.0.100", "10.0.0.101"))
LEFT = {  # files that differ, what was due; a word of the complaint
    "whole": ({}, DUE, ""),
    "nothing yet": (dict.fromkeys(WHOLE), LATER, ""),
    "nothing any more": (dict.fromkeys(WHOLE), DUE, "another one"),
    "no machine id": ({"machine-id": ""}, LATER, "machine id ''"),
    "another machine id": ({"machine-id": f"{ID[::-1]}\n"}, DUE, "another one"),
    "half a key": ({"ssh/ssh_host_ed25519_key": KEY[:50]}, LATER, "host key of 50 bytes"),
    "no leases": ({"leases/dhcp-server-lease/lan": ""}, LATER, "cut off"),
    "half the leases": ({"leases/dhcp-server-lease/lan": LEASES[:40]}, LATER, "cut off"),
    "a lease less": ({"leases/dhcp-server-lease/lan": LEASES.replace("101", "102")}, DUE, "leases lost: 10.0.0.101"),
    "a lease twice": ({"leases/dhcp-server-lease/lan": LEASES.replace("101", "100")}, LATER, "twice"),
}


def volume(folder, files, size=8 * 2**20):
    """A state volume with these files, as bytes."""
    root, disk = folder / "root", folder / "volume"
    for name, text in files.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    root.mkdir(exist_ok=True)
    disk.write_bytes(bytes(size))
    argv = ["mkfs.ext4", "-q", "-F", "-L", "gwimage-state", "-d", str(root), str(disk)]
    subprocess.run(argv, check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    return disk.read_bytes()


def cut_off(folder, data, due):
    """A scene in which that was all that the disk was told."""
    told = [Write(len(data), 0, memoryview(data), False), Write(len(data), 0, memoryview(b""), True)]
    scene = Scene(Hosts(derive(PROFILE), folder), None, (), {})
    scene.notes |= {"kept": [due], "writes": told, "size": len(data), "lan": "lan"}
    return scene


@pytest.mark.parametrize("name", LEFT)
def test_what_a_power_cut_left_is_judged_by_its_files(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    changed, due, complaint = LEFT[name]
    scene = cut_off(tmp_path, volume(tmp_path, WHOLE | changed), due)
    found = power_cut.examine(scene, Cut(2, "lost"), tmp_path / "room")
    assert complaint in found if complaint else found == ""


def test_a_volume_that_cannot_be_repaired_is_broken_and_one_that_was_never_formatted_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    data = bytearray(volume(tmp_path, WHOLE))
    data[2048 : 2**20] = b"\xff" * (2**20 - 2048)
    assert "not usable" in power_cut.examine(cut_off(tmp_path, bytes(data), DUE), Cut(2, "kept"), tmp_path / "broken")
    blank = cut_off(tmp_path, bytes(16 * 2**20), LATER)
    assert power_cut.examine(blank, Cut(1, "lost"), tmp_path / "blank") == ""


def log(*orders):
    """QEMU's log of (offset in sectors, bytes) and None for a flush."""
    head = struct.pack("<QQQI", 0x6A736677736872, 1, len(orders), 512).ljust(512, b"\0")
    for order in orders:
        offset, data = order or (0, b"")
        head += struct.pack("<4Q", offset, len(data) // 512, 0 if order else 1, 0).ljust(512, b"\0") + data
    return head


def sectors(text):
    return b"".join(letter.encode() * 512 for letter in text)


def test_what_was_flushed_stays_and_the_rest_stays_goes_or_is_torn(tmp_path):
    file, disk = tmp_path / "log", tmp_path / "disk"
    file.write_bytes(log((0, sectors("abcd")), None, (1, sectors("XY"))))
    told = disk_writes.read(file)
    assert [write.end for write in told] == [512 + 5 * 512, 512 + 6 * 512, file.stat().st_size]

    def left(cut):
        disk_writes.lay(disk, 4 * 512, disk_writes.survivors(told, cut))
        return disk.read_bytes()[::512].replace(b"\0", b".").decode()

    assert [left(Cut(3, way)) for way in ("kept", "lost")] == ["aXYd", "abcd"]
    assert [left(Cut(1, way)) for way in ("kept", "lost")] == ["abcd", "...."]
    assert {left(Cut(3, "torn", seed)) for seed in range(50)} == {"aXYd", "abcd", "aXcd", "abYd"}


def test_cuts_are_as_many_as_wanted_and_no_two_the_same():
    told = [Write(0, 0, memoryview(b""), random.random() < 0.2) for _ in range(40)]
    for count in (10, 100, 1000):
        found = disk_writes.cuts(told, count)
        assert len(found) == len(set(found)) == count
        assert {cut.way for cut in found} == set(disk_writes.WAYS)


def test_another_file_is_no_log(tmp_path):
    (tmp_path / "log").write_bytes(bytes(1024))
    with pytest.raises(ValueError, match="no log"):
        disk_writes.read(tmp_path / "log")


def test_what_needs_another_fault_brings_it_and_a_fixed_address_none_of_dhcp():
    topology = derive(PROFILE)
    assert [fault.id for fault in faults.pick(("power-cut-lease",), topology)] == ["power-cut", "power-cut-lease"]
    assert len(faults.pick((), topology)) == len(faults.FAULTS)
    assert not [fault for fault in faults.pick((), derive(STATIC)) if fault.dhcp]
