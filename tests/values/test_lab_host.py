"""Namespaces of the lab's hosts: their names stand in ids of claims, so in every report there is."""

import pytest

from gwimage.values import lab_host
from gwimage.values.lab_host import ISP


@pytest.mark.parametrize(
    "host, name",
    [
        (ISP, "isp"),
        (lab_host.attacker("wan"), "attacker-wan"),
        (lab_host.client("iot-2"), "client-iot-2"),
        (lab_host.server("lan"), "server-lan"),
        (lab_host.peer("road-warriors", "my-phone"), "peer-road-warriors.my-phone"),
    ],
)
def test_name(host, name):
    assert host.name == f"{host}" == name


def test_a_peer_sits_on_its_vpn():
    assert lab_host.peer("road-warriors", "my-phone").network == "road-warriors"
