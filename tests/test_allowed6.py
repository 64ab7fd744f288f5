"""Which questions over IPv6 follow from `firewall.allow`."""

import pytest

from gwimage import source
from gwimage.claim6 import Unreachable6
from gwimage.compile import claims, load

PROFILE = """\
version: 1
name: gw
release: 1.0.0
wans:
  fibre: {nic: net0, ipv4: dhcp, ipv6: auto}
  dsl: {nic: net3, ipv4: dhcp}
lans:
  lan: {nic: net1, address: 10.0.0.1/24, ipv6: {delegated: true, address: fd12:3456:789a:1::1/64}}
  iot: {nic: net2, address: 10.0.1.1/24, ipv6: delegated}
firewall:
  allow:
    - {ENTRY}
"""


def of(entry):
    profile, problems = load(source.parse(PROFILE.replace("ENTRY", entry), "p.yaml"))
    assert [one for one in problems if one.severity == "error"] == []
    return {claim.id.removeprefix("firewall.allow.0."): claim.probe for claim in claims(profile)}


def asked(entry):
    """By what follows the entry: ways, and those beside them."""
    return {
        name: (str(probe.ways[0]), [str(way) for way in probe.beside])
        for name, probe in of(entry).items() if ".ipv6." in name and not name.startswith(("wans", "lans"))
    }  # fmt: skip


def test_a_port_and_its_neighbours():
    ports = {"fibre.lan.ipv6.tcp": ("port 443", ["port 442", "port 446"])}
    assert asked("from: [fibre], to: [lan], protocols: [tcp], ports: [443-445]") == ports


def test_a_server_and_its_neighbour():
    entry = "from: [iot], to: [lan], protocols: [udp], ports: [514], destinations: ['fd12:3456:789a:1::80']"
    near = [f"port {port} of fd12:3456:789a:1::80" for port in (513, 515)]
    assert asked(entry) == {
        "iot.lan.ipv6.udp": ("port 514 of fd12:3456:789a:1::80", [*near, "port 514 of fd12:3456:789a:1::81"]),
    }


def test_the_gateway_and_callers_beside():
    entry = "from: [fibre], to: [gateway], protocols: [tcp], ports: [9100], sources: ['2a00:5::7']"
    near = [f"port {port} from 2a00:5::7" for port in (9099, 9101)]
    assert asked(entry) == {"fibre.gateway.ipv6.tcp": ("port 9100 from 2a00:5::7", [*near, "port 9100 from 2a00:5::8"])}


@pytest.mark.parametrize("entry", [
    "from: [dsl], to: [lan], protocols: [tcp], ports: [443]",  # has no IPv6
    "from: [iot], to: [lan], protocols: [tcp], ports: [443], destinations: [10.0.0.5]",
    "from: [iot], to: [lan], protocols: [icmp]",
    "from: [fibre], to: [lan], protocols: [tcp], ports: [22], destinations: ['2001:db8:1:a::22']",  # nobody's, as far as we know
])  # fmt: skip
def test_what_nobody_could_ask(entry):
    assert asked(entry) == {}


@pytest.mark.parametrize("entry, left", [
    ("protocols: [tcp], ports: [443]", ("tcp", "icmpv6")),
    ("protocols: [tcp], ports: [8000-9000]", ("icmpv6",)),
    ("protocols: [icmpv6]", ("tcp",)),
    ("sources: [192.0.2.7]", ("tcp", "icmpv6")),
])  # fmt: skip
def test_what_an_entry_leaves_closed_is_still_asked(entry, left):
    assert of(f"from: [fibre], to: [lan], {entry}")["lans.lan.ipv6.unreachable.fibre"] == Unreachable6("attacker-fibre", "lan", left)


def test_what_is_open_altogether_is_not_asked():
    assert "lans.lan.ipv6.unreachable.fibre" not in of("from: [fibre], to: [lan]")
