"""Captured packets as a file, and the file as words; the stand-in of test_probes.py shows what is captured."""

import socket
import struct
import subprocess

import pytest

from gwimage.lab.packets import dhcp_client, pcapng, throughput, udp_scan
from gwimage.lab.packets import ipv4 as wire
from gwimage.lab.packets.pcapng import Frame
from gwimage.verify import capture


def arp(number: int) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes(6) + bytes([10, 0, 0, number]) + bytes(6) + bytes([10, 0, 0, 1])
    return b"\xff" * 6 + bytes(6) + b"\x08\x06" + body


PACKETS = [
    Frame(1700000000.25, "lan", arp(2), 42),
    Frame(1700000000.5, "a network of 15", arp(3) + b"x", 1500),
    Frame(1700000003.000001, "lan", arp(4), 42),
]


def test_what_was_written_is_read():
    raw = pcapng.write(PACKETS, 512)
    assert list(pcapng.read(raw)) == PACKETS
    assert list(pcapng.read(raw[:-1])) == PACKETS[:2]
    assert list(pcapng.read(pcapng.write([], 512))) == []


def test_tcpdump_reads_it_without_complaint(tmp_path):
    file = tmp_path / "x.pcapng"
    file.write_bytes(pcapng.write(PACKETS, 512))
    done = subprocess.run(["tcpdump", "-n", "-tt", "-r", "-"], input=file.read_bytes(), capture_output=True, check=True)
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == [
        "1700000000.250000",
        "1700000000.500000",
        "1700000003.000001",
    ]
    assert capture.told(file) == (
        "    0.000  lan              ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28",
        "    0.250  a network of 15  ARP, Request who-has 10.0.0.1 tell 10.0.0.3, length 1486",
        "    2.750  lan              ARP, Request who-has 10.0.0.1 tell 10.0.0.4, length 28",
    )


def test_of_many_packets_the_first_are_told(tmp_path):
    name = capture.keep([Frame(1700000000, "lan", arp(2), 42)] * (capture.MOST + 5), "lans.lan.source.10.0.0.0/8", tmp_path)
    assert name == "lans.lan.source.10.0.0.0_8.pcapng"
    assert len(list(pcapng.read((tmp_path / name).read_bytes()))) == capture.MOST
    told = capture.told(tmp_path / name)
    assert (len(told), told[-1]) == (capture.TOLD + 1, f"and {capture.MOST - capture.TOLD} more")


def test_without_packets_there_is_no_file(tmp_path):
    assert capture.keep([], "x", tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("windows", [[(0, 1)], [], [(1700000004, 1700000009)]])
def test_packets_of_another_time_are_not_the_claims(windows):
    assert capture.of(None, windows, PACKETS) == []
    assert capture.of(None, [*windows, (1700000000.4, 1700000000.6)], PACKETS) == PACKETS[1:2]


def ipv4(protocol: int, body: bytes) -> bytes:
    return bytes(12) + b"\x08\0" + b"\x45" + bytes(8) + bytes([protocol]) + bytes(10) + body


def ipv6(protocol: int, body: bytes) -> bytes:
    return bytes(12) + b"\x86\xdd" + bytes(6) + bytes([protocol]) + bytes(33) + body


def tcp(port: int, number: int, flags: int) -> bytes:
    return struct.pack("!2HIIBBHHH", 999, port, number, 0, 0x50, flags, 0, 0, 0)


SYN, UDP = 2, struct.pack("!4H", 999, 53, 12, 0)
FRAMES = {  # whether they are kept
    "ARP": (arp(2), True),
    "a scan": (ipv4(6, tcp(80, wire.SCAN, SYN)), False),
    "its like": (ipv4(6, tcp(80, 8, SYN)), True),
    "an answer": (ipv4(6, tcp(80, wire.SCAN, 0x12)), True),
    "a load": (ipv4(6, tcp(throughput.PORT, 8, 0x10)), False),
    "a sweep": (ipv4(17, UDP + udp_scan.SWEEP), False),
    "DNS": (ipv4(17, UDP + bytes(12)), True),
    "a scan, 6": (ipv6(6, tcp(80, wire.SCAN, SYN)), False),
    "its like, 6": (ipv6(6, tcp(80, 8, SYN)), True),
    "a sweep, 6": (ipv6(17, UDP + udp_scan.SWEEP), False),
    "DNS, 6": (ipv6(17, UDP + bytes(12)), True),
    "ICMP": (ipv4(1, bytes(8)), True),
    "ICMPv6": (ipv6(58, bytes(8)), True),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_questions_of_scans_are_left_out(name):
    frame, kept = FRAMES[name]
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        capture.attach(far)
        for sent in (frame, arp(9)):
            near.send(sent)
        assert far.recv(2000) == (frame if kept else arp(9))


def test_dhcp_messages_are_told_by_their_type():
    question = dhcp_client._Question(dhcp_client.Client("client", "lan", "02:00:00:00:00:05"), 1, (2,), ())
    assert dhcp_client.message(dhcp_client._frame(question, b"1234")) == 1
    assert dhcp_client.message(dhcp_client._frame(question, b"1234")[:200]) is None
    assert dhcp_client.message(arp(2)) is None
