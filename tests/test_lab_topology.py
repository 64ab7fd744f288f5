"""The lab of a profile, as data: no host is touched."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from gwimage import profile
from gwimage.lab.topology import derive

LAN = {"nic": "net1", "address": "10.0.0.1/24"}


def lab(wans=None, lans=None):
    return derive(
        profile.parse(
            {
                "version": 1,
                "name": "x",
                "release": "1.0.0",
                "wans": wans or {"wan": {"nic": "net0", "ipv4": "dhcp"}},
                "lans": lans or {"lan": LAN},
            }
        )
    )


def fixed(address, gateway):
    return lab({"wan": {"nic": "net0", "ipv4": {"address": address, "gateway": gateway}}}).wans[0]


def test_the_isp_keeps_clear_of_the_profile():
    found = lab(lans={"a": LAN | {"address": "203.0.113.1/25"}, "b": LAN | {"nic": "net2", "address": "198.0.0.1/8"}})
    taken = [side.gateway.network for side in found.lans]
    assert not any(network.overlaps(found.wans[0].isp.network) for network in taken)
    assert not any(found.outside in network for network in (*taken, found.wans[0].isp.network))


def test_two_wans_have_two_networks():
    found = lab({"a": {"nic": "net0", "ipv4": "dhcp"}, "b": {"nic": "net2", "ipv4": "dhcp"}})
    assert not found.wans[0].isp.network.overlaps(found.wans[1].isp.network)


@pytest.mark.parametrize("prefix", [24, 29])
def test_the_attacker_is_a_neighbour_where_there_is_room(prefix):
    wan = fixed(f"203.0.113.2/{prefix}", "203.0.113.1")
    assert wan.isp == IPv4Interface(f"203.0.113.1/{prefix}")
    assert wan.attacker.network == wan.isp.network
    assert wan.attacker.ip not in (wan.isp.ip, wan.static)


@pytest.mark.parametrize("address, gateway", [("203.0.113.2/30", "203.0.113.1"), ("203.0.113.0/31", "203.0.113.1")])
def test_the_attacker_has_a_network_of_its_own_where_there_is_none(address, gateway):
    wan = fixed(address, gateway)
    assert wan.static == IPv4Interface(address).ip
    assert wan.attacker.ip not in wan.isp.network


def test_a_client_without_a_lease_has_an_address_outside_the_pool():
    dhcp = {"pool": "10.0.0.2-10.0.0.254"}
    assert lab().lans[0].spare.ip == IPv4Address("10.0.0.254")
    assert lab(lans={"lan": LAN | {"dhcp": {"pool": "10.0.0.200-10.0.0.254"}}}).lans[0].spare.ip == IPv4Address("10.0.0.199")
    assert lab(lans={"lan": LAN | {"dhcp": dhcp}}).lans[0].spare.ip == IPv4Address("10.0.0.254")  # no other is left


def test_cards_sit_in_their_slots():
    found = lab(lans={"lan": {"mac": "02:00:00:00:00:01", "address": "10.0.0.1/24"}, "iot": LAN | {"nic": "net1", "address": "10.0.1.1/24"}})
    assert [(card.slot, card.segment) for card in found.cards] == [(0, "wan"), (1, "iot"), (2, "lan")]
    assert found.cards[2].mac == "02:00:00:00:00:01"
    assert len({card.mac for card in found.cards}) == 3
