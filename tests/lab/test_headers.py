"""Headers made by hand, beside those that the tests' own maker of packets makes."""

import struct
from ipaddress import IPv4Address

import pytest

from gwimage.lab.packets import dns, headers
from gwimage.values.ports import DNS
from tests.support import kernel_oracle

NEAR, FAR = IPv4Address("10.0.0.7"), IPv4Address("203.0.113.255")


@pytest.mark.parametrize("data", [b"", b"\1", b"\xff\xff", b"\xff" * 1501, bytes(range(256)) * 8])
def test_checksums(data):
    assert headers.checksum(data) == kernel_oracle.checksum(data)


def test_an_echo_request_and_its_header():
    wanted = kernel_oracle.packet(9, NEAR, FAR, 1, icmp_type=8)
    rest = struct.pack("!HH", 9, 1) + kernel_oracle.marker(9)
    assert headers.ipv4_header(NEAR, FAR, 1, len(rest) + 4, 9) + headers.echo_request(rest) == wanted


def test_a_checksum_over_a_pseudo_header():
    wanted = kernel_oracle.packet(9, NEAR, FAR, 17, sport=1, dport=DNS)
    load = wanted[20:26] + b"\0\0" + wanted[28:]
    pseudo = NEAR.packed + FAR.packed + struct.pack("!HH", 17, len(load))
    assert headers.with_checksum(load, 6, pseudo) == wanted[20:]


def test_arp_in_a_frame():
    frame = headers.ethernet_header(b"\xff" * 6, headers.mac_bytes("02:00:00:00:00:01"), headers.ARP)
    frame += headers.arp_message(1, headers.mac_bytes("02:00:00:00:00:01"), NEAR, bytes(6), FAR)
    assert frame.hex(" ") == (
        "ff ff ff ff ff ff 02 00 00 00 00 01 08 06 00 01 08 00 06 04 00 01 02 00 00 00 00 01 0a 00 00 07 00 00 00 00 00 00 cb 00 71 ff"
    )


def test_a_question_to_a_dns_server():
    assert dns.question("a.test", 7, dns.RECORDS[6]).hex(" ") == (
        "00 07 01 00 00 01 00 00 00 00 00 00 01 61 04 74 65 73 74 00 00 1c 00 01"
    )
