"""Names and records of DNS messages; the questions themselves are asked of servers in tests/verify and tests/packets."""

import struct

import pytest

from gwimage.lab.packets import dns

HEAD = bytes(12)
NAME = b"\x03nas\x04home\x04arpa\0"


@pytest.mark.parametrize(
    ("message", "start", "name"),
    [
        (HEAD + NAME, 12, "nas.home.arpa"),
        (HEAD + NAME + b"\x02gw\xc0\x10", 12 + len(NAME), "gw.home.arpa"),  # a pointer to `home`
        (HEAD + b"\0", 12, ""),
        (HEAD + b"\xc0\x0c", 12, ""),  # points to itself
        (HEAD + b"\x03nas\xc0\x20", 12, "nas"),  # points forward
        (HEAD + b"\x3fcut", 12, "cut"),
        (HEAD, 12, ""),
    ],
)
def test_names(message, start, name):
    assert dns.read_name(message, start) == name


def test_records_of_one_kind_are_found_behind_others_and_never_beyond_the_message():
    def record(kind, data, owner=b"\xc0\x0c"):
        return owner + struct.pack("!2HIH", kind, 1, 60, len(data)) + data

    head = struct.pack("!6H", 7, 0x8180, 1, 3, 0, 0)
    asked = dns.question("5.0.0.10.in-addr.arpa", 7, dns.PTR)
    message = head + asked[12:] + record(5, NAME) + record(dns.PTR, NAME, owner=NAME) + record(dns.PTR, NAME)
    found = dns._records(message, len(asked), dns.PTR)
    assert [dns.read_name(message, start) for start, _ in found] == ["nas.home.arpa"] * 2
    assert len(dns._records(message[:-1], len(asked), dns.PTR)) == 1
