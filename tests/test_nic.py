"""Names that collide with the kernel's and udev's, and those that must stay allowed."""

import pytest

from gwimage.nic import Nic, check_name, link, parse


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


def test_match():
    slot = {setting.key: setting.value for setting in link("f", "wan", Nic(slot=5), "wans.wan")}
    mac = {setting.key: setting.value for setting in link("f", "wan", parse({"mac": "52:54:00:AB:CD:EF"}), "wans.wan")}
    assert slot == {"Path": "pci-*:17.0", "Name": "wan"}
    assert mac == {"PermanentMACAddress": "52:54:00:ab:cd:ef", "Name": "wan"}
