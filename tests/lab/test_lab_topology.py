"""The lab of a profile, as data: no host is touched."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest

from gwimage import profile
from gwimage.lab.topology import derive
from gwimage.values import host_address

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


def test_who_reaches_public_addresses_only_reaches_the_server_outside():
    named = {"sets": {"all": ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"]}}
    assert not host_address.is_public(lab(firewall=named).outside)
    assert host_address.is_public(lab(lans={"lan": LAN | {"internet": "public"}}, firewall=named).outside)


def test_two_wans_have_two_networks():
    found = lab({"a": {"nic": "net0", "ipv4": "dhcp"}, "b": {"nic": "net2", "ipv4": "dhcp"}})
    assert not found.wans[0].isp.network.overlaps(found.wans[1].isp.network)


@pytest.mark.parametrize("prefix", [24, 29])
def test_the_attacker_is_a_neighbour_where_there_is_room(prefix):
    wan = fixed(f"203.0.113.2/{prefix}", "203.0.113.1")
    assert wan.isp == IPv4Interface(f"203.0.113.1/{prefix}")
    assert wan.attacker.network == wan.isp.network
    assert wan.attacker.ip not in (wan.isp.ip, *wan.assigned)


@pytest.mark.parametrize("address, gateway", [("203.0.113.2/30", "203.0.113.1"), ("203.0.113.0/31", "203.0.113.1")])
def test_the_attacker_has_a_network_of_its_own_where_there_is_none(address, gateway):
    wan = fixed(address, gateway)
    assert wan.assigned == (IPv4Interface(address).ip,)
    assert wan.attacker.ip not in wan.isp.network


def test_a_single_address_has_its_router_and_its_attacker_elsewhere():
    wan = fixed("203.0.113.2/32", "198.51.100.1")
    assert (wan.assigned, wan.isp) == ((IPv4Address("203.0.113.2"),), IPv4Interface("198.51.100.1/32"))
    assert not any(wan.attacker.network.overlaps(other.network) for other in (wan.isp, IPv4Interface("203.0.113.2")))


def test_the_lab_keeps_clear_of_more_addresses():
    more = {"address": "203.0.113.2/29", "gateway": "203.0.113.1", "extra_addresses": ["203.0.113.6/29", "198.51.100.4/32"]}
    found = lab(
        {"wan": {"nic": "net0", "ipv4": more, "snat": "198.51.100.4"}},
        {"lan": LAN | {"extra_addresses": ["10.0.0.254/24", "10.9.0.1/24"]}},
    )
    assert found.wans[0].assigned == tuple(map(IPv4Address, ("203.0.113.2", "203.0.113.6", "198.51.100.4")))
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
        (0, (found.wans[0].segment,)),
        (1, found.lans[1].segments),
        (2, found.lans[0].segments),
    ]
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


def test_who_has_no_ipv6_gets_none():
    found = lab()
    assert (found.beyond6, found.uplink, found.wans[0].six, found.lans[0].six) == (None, None, None, None)


def lab6(wan, lan, **more):
    wans = {"wan": {"nic": "net0", "ipv4": "dhcp", "ipv6": wan}}
    return lab(wans, {"lan": LAN | {"ipv6": lan}}, **more)


def test_the_provider_delegates_a_prefix_and_later_another():
    found = lab6("auto", {"delegated": True, "subnet": 10, "address": "fd12:3456:789a:1::1/64"})
    outside, inside = found.uplink.six, found.lans[0].six
    nets = [outside.link, outside.delegated, outside.later]
    assert [net.prefixlen for net in nets] == [64, 56, 56]
    assert not any(one.overlaps(other) for one in nets for other in nets if one != other)
    assert outside.own == IPv6Address(int(outside.link[0]) | 0x5054_00FF_FE67_7700)
    own = IPv6Network("fd12:3456:789a:1::/64")
    assert inside.announced(outside.delegated) == (IPv6Network((int(outside.delegated[0]) + (10 << 64), 64)), own)
    assert inside.announced(None) == (own,)


def test_a_prefix_is_wide_enough_for_the_numbers_of_the_lans():
    assert lab6("auto", {"delegated": True, "subnet": 256}).uplink.six.delegated.prefixlen == 48


def test_the_lab_keeps_clear_of_the_ipv6_that_the_profile_names():
    named = {"some": ["2001:db8::/34", "2001:db8:5000::1-2001:db8:5000::9"], "all": ["::/0"]}
    found = lab6("auto", "delegated", firewall={"sets": named})
    mine = [found.uplink.six.link, found.uplink.six.delegated, found.uplink.six.later]
    assert not any(IPv6Network("2001:db8::/34").overlaps(net) for net in mine)
    assert found.beyond6.outside not in IPv6Network("2001:db8::/34")
    assert not {found.beyond6.outside, found.beyond6.afar, found.beyond6.narrow} & {
        address for net in mine for address in (net[0], net[1])
    }


@pytest.mark.parametrize(
    "address, gateway, isp",
    [
        ("2001:db8:1::2/64", "2001:db8:1::1", "2001:db8:1::1/64"),
        ("2001:db8:1::2/64", "fe80::1", "fe80::1/64"),
        ("2001:db8:1::2/128", "fe80::1", "fe80::1/64"),
    ],
)
def test_a_fixed_address_has_its_router_and_an_attacker(address, gateway, isp):
    found = lab6({"address": address, "gateway": gateway}, {"address": "2001:db8:2::1/64"})
    six, wan = found.wans[0].six, IPv6Interface(address)
    assert (str(six.isp), six.own, six.link, found.uplink) == (isp, wan.ip, None, None)
    assert six.attacker.ip not in (wan.ip, six.isp.ip)
    assert (six.attacker.network == wan.network) == (wan.network.prefixlen == 64)
