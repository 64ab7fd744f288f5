"""Which peers the lab plays, who calls, and who has an address that a rule names."""

from ipaddress import IPv4Address

import pytest

from gwimage import profile
from gwimage.lab.hosts import wireguard
from gwimage.lab.topology import derive
from gwimage.profile import simulated_peers
from gwimage.values import ranges

PHONE, BRANCH = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=", "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
OFFICE = {"public_key": BRANCH, "address": "10.99.0.3", "networks": ["10.50.0.0/16"], "endpoint": "office.example:51900"}
KEPT = OFFICE | {"keepalive": "25s"}


def read(vpn, **more):
    data = {"version": 1, "name": "x", "release": "1.0.0", "wans": {"wan": {"nic": "net0", "ipv4": "dhcp"}}}
    data |= {"lans": {"lan": {"nic": "net1", "address": "10.0.0.1/24"}}, "vpn": {"wg": {"address": "10.99.0.1/24"} | vpn}}
    return profile.parse(data | more)


def calls(vpn, **more):
    return {one.peer.name: one.initiates for one in simulated_peers.played(read(vpn, **more))}


@pytest.mark.parametrize(
    ("office", "more", "found"),
    [
        (KEPT, {}, False),
        (OFFICE, {}, True),
        (OFFICE, {"firewall": {"allow": [{"from": ["lan"], "to": ["wg"]}]}}, False),
        (KEPT | {"endpoint": "198.51.100.7:51900"}, {}, False),
        (KEPT | {"endpoint": "10.0.0.9:51900"}, {}, True),
        (KEPT | {"endpoint": "[2001:db8::1]:51900"}, {}, True),
        (KEPT, {"dns": {"upstreams": ["9.9.9.9#dns.quad9.net"], "tls": "always"}}, True),
        (KEPT | {"endpoint": "198.51.100.7:1"}, {"dns": {"upstreams": ["9.9.9.9#dns.quad9.net"], "tls": "always"}}, False),
        (KEPT, {"dns": {"hosts": {"office.example": ["10.0.0.7"]}}}, True),
    ],
)
def test_who_calls(office, more, found):
    """True: the peer; and without a port of the gateway's it cannot, and is not played."""
    assert calls({"port": 51820, "peers": {"office": office}}, **more) == {"office": found}
    assert calls({"peers": {"office": office}}, **more) == ({} if found else {"office": False})


def test_two_peers_at_one_address_cannot_both_be_called_there():
    other = KEPT | {"public_key": PHONE, "address": "10.99.0.4", "networks": []}
    assert calls({"port": 51820, "peers": {"a": KEPT, "b": other}}) == {"a": False, "b": True}


def test_an_address_behind_a_peer():
    parsed = read({"port": 51820, "peers": {"phone": {"public_key": PHONE, "address": "10.99.0.2"}, "office": KEPT}})
    phone, office = simulated_peers.played(parsed)
    assert simulated_peers.host((), "wg", parsed) == (phone, phone.peer.address)
    assert simulated_peers.host([ranges.parse("10.50.7.0/24")], "wg", parsed) == (office, IPv4Address("10.50.7.255"))
    assert simulated_peers.host([ranges.parse("10.0.0.0/8")], "wg", parsed) == (phone, phone.peer.address)
    assert simulated_peers.host([ranges.parse("192.0.2.1")], "wg", parsed) is None
    assert simulated_peers.host((), "lan", parsed) is None


def test_only_the_key_that_the_profile_names_is_replaced():
    parsed = read({"port": 51820, "peers": {"phone": {"public_key": PHONE, "address": "10.99.0.2"}, "office": KEPT}})
    found = wireguard.derive(parsed, derive(parsed), wireguard.gateway_keys(parsed))
    script = wireguard.introduce(found)
    assert script.count(PHONE) == script.count(BRANCH) == 1
    assert all(f"s|^PublicKey={key}$|" in script for key in (PHONE, BRANCH))
    assert wireguard.names(found) == [("office.example", found[1].uplink)]
    assert len({one.uplink for one in found}) == 2
