"""Names and records of DNS messages; the questions themselves are asked of servers in tests/verify and tests/packets."""

import struct
from ipaddress import IPv4Address

import pytest

from gwimage.lab.hosts import dns_servers
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


WITH_EDNS = b"\0\x00\x29\x05\xac" + bytes(6)


@pytest.mark.parametrize(
    ("name", "kind", "records", "code"),
    [("a.test", 1, 1, 0), ("x.A.test", 1, 1, 0), ("a.test", 28, 0, 0), ("ba.test", 1, 0, 5), ("other.test", 1, 0, 5)],
)
def test_a_server_inside_knows_a_name_and_all_below(name, kind, records, code):
    query = dns.question(name, 7, kind)
    said = dns_servers.answer(query, dns.asked(query), {"a.test": IPv4Address("192.0.2.9")})
    assert said[:2] == query[:2]
    assert (said[3] & 15, said[6:8], said[10:12]) == (code, bytes([0, records]), b"\0\0")
    assert said[12 : len(query)] == query[12:]
    assert said.endswith(b"\xc0\0\2\x09") == bool(records)


def test_a_server_inside_answers_edns_with_edns():
    query = dns.question("a.test", 7)
    query = query[:10] + b"\0\1" + query[12:] + WITH_EDNS
    said = dns_servers.answer(query, dns.asked(query), {})
    assert said[10:12] == b"\0\1"
    assert said.endswith(b"\0\x00\x29\x04\xd0" + bytes(6))


@pytest.mark.parametrize("data", [b"", b"hello, who am I?", bytes(40), dns.question("a.test", 7)[:-3]])
def test_what_is_no_question_is_none(data):
    assert dns.asked(data) is None
