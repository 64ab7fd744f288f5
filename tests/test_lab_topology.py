"""The lab of a profile, as data: no host is touched."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from gwimage import profile
from gwimage.lab.topology import derive

LAN = {"nic": "net1", "address": "10.0.0.1/24"}


def lab(wans=None, lans=None, **more):
    return derive(
        profile.parse(
            {
                "version": 1,
                "name": "x",
                "release": "1.0.0",
                "wans": wans or {"wan": {"nic": "net0", "ipv4": "dhcp"}},
                "lans": lans or {"lan": LAN},
                **more,
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


def test_a_single_address_has_its_router_and_its_attacker_elsewhere():
    wan = fixed("203.0.113.2/32", "198.51.100.1")
    assert (wan.static, wan.isp) == (IPv4Address("203.0.113.2"), IPv4Interface("198.51.100.1/32"))
    assert not any(wan.attacker.network.overlaps(other.network) for other in (wan.isp, IPv4Interface("203.0.113.2")))


def test_the_lab_keeps_clear_of_more_addresses():
    more = {"address": "203.0.113.2/29", "gateway": "203.0.113.1", "extra_addresses": ["203.0.113.6/29", "198.51.100.4/32"]}
    found = lab(
        {"wan": {"nic": "net0", "ipv4": more, "snat": "198.51.100.4"}},
        {"lan": LAN | {"extra_addresses": ["10.0.0.254/24", "10.9.0.1/24"]}},
    )
    assert found.wans[0].own == tuple(map(IPv4Address, ("203.0.113.2", "203.0.113.6", "198.51.100.4")))
    assert found.wans[0].attacker.ip == IPv4Address("203.0.113.5")
    assert found.lans[0].spare.ip == IPv4Address("10.0.0.253")
    assert [str(own) for own in found.lans[0].gateways] == ["10.0.0.1/24", "10.0.0.254/24", "10.9.0.1/24"]
    assert found.outside not in IPv4Interface("198.51.100.4/24").network


def test_the_lab_keeps_clear_of_whatever_the_profile_names():
    dhcp = {"pool": "10.0.0.2-10.0.0.9", "reservations": {"nas": {"mac": "02:00:00:00:00:05", "address": "10.0.0.254"}}}
    found = lab(
        lans={"lan": LAN | {"dhcp": dhcp}},
        dns={"hosts": {"wiki": ["10.0.0.253"]}},
        routes=[{"to": "203.0.113.0/25", "via": "10.0.0.252"}],
        firewall={"sets": {"some": ["10.0.0.240-10.0.0.251", "198.51.100.7"], "all": ["0.0.0.0/0", "198.18.0.0/15"]}},
    )
    assert found.lans[0].spare.ip == IPv4Address("10.0.0.239")
    assert (found.lans[0].routers, found.lans[0].routed) == ((IPv4Address("10.0.0.252"),), (IPv4Network("203.0.113.0/25"),))
    assert {found.outside, found.afar} < set(IPv4Network("192.0.2.0/24"))
    assert found.wans[0].isp == IPv4Interface("100.64.0.1/24")


def test_a_client_without_a_lease_has_an_address_outside_the_pool():
    dhcp = {"pool": "10.0.0.2-10.0.0.254"}
    assert lab().lans[0].spare.ip == IPv4Address("10.0.0.254")
    assert lab(lans={"lan": LAN | {"dhcp": {"pool": "10.0.0.200-10.0.0.254"}}}).lans[0].spare.ip == IPv4Address("10.0.0.199")
    assert lab(lans={"lan": LAN | {"dhcp": dhcp}}).lans[0].spare.ip == IPv4Address("10.0.0.253")  # no other is left


def test_cards_sit_in_their_slots():
    lan = {"mac": "02:00:00:00:00:01", "address": "10.0.0.1/24"}
    found = lab(lans={"lan": lan, "iot": LAN | {"nic": "net1", "address": "10.0.1.1/24"}})
    assert [(card.slot, card.segments) for card in found.cards] == [
        (0, (found.wans[0].segment,)), (1, found.lans[1].segments), (2, found.lans[0].segments),
    ]  # fmt: skip
    assert found.cards[2].mac == "02:00:00:00:00:01"
    assert len({card.mac for card in found.cards}) == 3
    assert not any(card.tagged for card in found.cards)


def test_vlans_share_a_card_and_no_segment():
    lans = {"lan": LAN | {"vlan": 20}, "iot": LAN | {"vlan": 30, "address": "10.0.1.1/24"}}
    found = lab({"wan": {"nic": "net1", "ipv4": "dhcp"}}, lans)
    (card,) = found.cards
    assert [segment.vlan for segment in card.segments] == [0, 20, 30]
    assert card.segments == (found.wans[0].segment, *found.lans[0].segments, *found.lans[1].segments)
    assert card.tagged


def test_a_bridge_has_a_segment_for_each_card():
    found = lab(lans={"lan": {"nics": ["net1", "02:00:00:00:00:01"], "address": "10.0.0.1/24"}})
    assert [card.segments for card in found.cards[1:]] == [(segment,) for segment in found.lans[0].segments]
    assert [(card.slot, card.mac) for card in found.cards[1:]] == [(1, "52:54:00:67:77:01"), (2, "02:00:00:00:00:01")]


def test_the_isp_knows_the_gateway_by_the_mac_address_that_it_shows():
    plain, cloned = lab(), lab({"wan": {"nic": "net0", "ipv4": "dhcp", "cloned_mac": "02:00:00:00:00:09"}})
    assert plain.wans[0].mac == cloned.cards[0].mac == plain.cards[0].mac
    assert cloned.wans[0].mac == "02:00:00:00:00:09"
