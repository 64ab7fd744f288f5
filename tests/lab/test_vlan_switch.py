"""The switch in user space: frames in, frames out, through real sockets and TAPs."""

import socket
import struct
import sys

import pytest

from gwimage.lab import sandbox
from gwimage.lab.machine import vlan_switch
from gwimage.lab.netns import inside, ip, make, spawn
from gwimage.lab.packets.ipv4 import until
from gwimage.lab.wait import wait_for

ETHERTYPE = 0x88B5  # IEEE 802: for local experiments
ENDS = bytes.fromhex("ffffffffffff020000000001")
BODY = struct.pack("!H", ETHERTYPE) + b"hello".ljust(46, b".")
FULL = struct.pack("!H", ETHERTYPE) + bytes(1500)
GUESTS, IOT, PRIORITY = 20, 4094, 5 << 13


def tag(tci):
    return struct.pack("!2H", 0x8100, tci)


@pytest.mark.parametrize(("tci", "vlan"), [(20, 20), (PRIORITY | 20, 20), (PRIORITY, vlan_switch.UNTAGGED), (0x1FFF, 0xFFF)])
def test_the_tag_is_twelve_bits(tci, vlan):
    assert vlan_switch.untagged(ENDS + tag(tci) + BODY) == (vlan, ENDS + BODY)


def test_a_tag_goes_on_and_comes_off():
    assert vlan_switch.untagged(ENDS + BODY) == (vlan_switch.UNTAGGED, ENDS + BODY)
    assert vlan_switch.tagged(ENDS + BODY, IOT) == ENDS + tag(IOT) + BODY
    assert vlan_switch.tagged(ENDS + BODY, vlan_switch.UNTAGGED) == ENDS + BODY
    assert vlan_switch.tagged(ENDS + tag(GUESTS) + BODY, vlan_switch.UNTAGGED) == b""


def cable(say, folder):
    """What each end saw of each frame, by what was sent; the ends are the card and a host on each segment."""
    make("hv")
    for vlan in (0, GUESTS, IOT):
        ip("hv", [f"tuntap add tap{vlan} mode tap", f"link set tap{vlan} addrgenmode none up"])
    card = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    card.bind("/run/card")
    ports = [f"tap{vlan}={vlan}" for vlan in (0, GUESTS, IOT)]
    process = spawn(
        "hv", [sys.executable, "-m", "gwimage.lab.machine.vlan_switch", "/run/switch", "/run/card", *ports], folder / "log"
    )
    with inside("hv"):
        hosts = {vlan: socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for vlan in (0, GUESTS, IOT)}
    for vlan, host in hosts.items():
        host.bind((f"tap{vlan}", ETHERTYPE))
    assert wait_for(lambda: connects(card), 20, lambda: process.poll() is None), (folder / "log").read_text()
    seen = {}
    for tci in (None, 0, PRIORITY, GUESTS, PRIORITY | IOT, 30):
        card.send(ENDS + (tag(tci) if tci is not None else b"") + BODY)
        for vlan in hosts:
            card.send(ENDS + tag(vlan) + FULL)
        seen[tci] = {vlan for vlan, host in hosts.items() if ENDS + BODY in before(host)}
    for vlan, host in hosts.items():
        host.send(ENDS + FULL)
        seen[f"from {vlan}"] = until(card, 5, lambda data: data.endswith(FULL))
    hosts[0].send(ENDS + tag(GUESTS) + BODY)
    hosts[0].send(ENDS + FULL)
    seen["two tags"] = until(card, 5, lambda data: data[:6] == ENDS[:6])
    return seen


def connects(card):
    try:
        card.connect("/run/switch")
    except OSError:
        return False
    return True


def before(host):
    """The frames before the next full one: after it none is still on its way."""
    frames = []
    assert until(host, 5, lambda data: data == ENDS + FULL or frames.append(data))
    return frames


def test_frames_go_where_their_tag_says(tmp_path):
    seen = sandbox.call(cable, tmp_path, say=print)
    assert {tci: seen[tci] for tci in (None, 0, PRIORITY)} == {None: {0}, 0: {0}, PRIORITY: {0}}
    assert (seen[GUESTS], seen[PRIORITY | IOT], seen[30]) == ({GUESTS}, {IOT}, set())
    assert seen["from 0"] == ENDS + FULL
    assert seen[f"from {GUESTS}"] == ENDS + tag(GUESTS) + FULL
    assert seen[f"from {IOT}"] == ENDS + tag(IOT) + FULL
    assert seen["two tags"] == ENDS + FULL  # the one before it was dropped
