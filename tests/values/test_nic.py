"""Names that collide with the kernel's and udev's, and those that must stay allowed."""

import pytest

from gwimage.plan import links
from gwimage.values import nic
from gwimage.values.nic import check_name


@pytest.mark.parametrize(
    "name",
    "all any default gateway lo local eth0 eno1 ens18 enp6s18 enp0s31f6 enx525400123456 wlan0 wlp3s0 wlx0 br0 vmbr0 veth1"
    " docker0 tap0 tun0 wg0 bond0 dummy0 ifb0 vlan10 vrf1 net0 net5 ppp0 sit0".split(),
)
def test_reserved(name):
    (problem,) = check_name(("lans", name), name)
    assert problem.on_key


@pytest.mark.parametrize(
    "name", "wan lan wan0 lan0 lan2 iot guests dmz office entrance energy wlan bridge brno internet tv nas vpn-office".split()
)
def test_allowed(name):
    assert check_name(("lans", name), name) == []


@pytest.mark.parametrize(
    ("text", "interface", "setting"),
    [
        ("net5", "net5", ("Path", "pci-*:17.0")),
        ("52:54:00:AB:CD:EF", "enx525400abcdef", ("PermanentMACAddress", "52:54:00:ab:cd:ef")),
    ],
)
def test_cards(text, interface, setting):
    card = nic.parse(text)
    match = links.match("f", card, "wans.wan.nic")
    assert nic.interface(card) == interface
    assert (match.key, match.value) == setting
    assert nic.name(card) == text.lower()
    assert len(interface) <= 15
    assert check_name((), interface), "no network may take a card's name"
