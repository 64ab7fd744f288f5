"""Which questions over IPv6 follow from `firewall.allow`."""

import pytest

from gwimage.claims.claim_ipv6 import Allowed6, BlockedFlows6, GatewayClosed6, Unreachable6
from gwimage.compiler import claims
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.values.lab_host import attacker
from gwimage.verify import probes

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
  shut: {nic: net4, address: 10.0.2.1/24, internet: false, ipv6: {delegated: true, address: fd12:3456:789a:2::1/64}}
  inner: {nic: net5, address: 10.0.3.1/24, ipv6: {address: fd12:3456:789a:3::1/64}}
services:
  ntp: {from: [lan]}
vpn:
  wg:
    port: 51820
    address: 10.9.0.1/24
    peers:
      phone: {public_key: B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=, address: 10.9.0.2}
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
    found = of(entry)
    beside = {name: [str(way) for way in probe.ways] for name, probe in found.items() if isinstance(probe, BlockedFlows6)}
    return {
        name: (str(probe.way), beside.get(f"{name}.only", [])) for name, probe in found.items() if isinstance(probe, Allowed6)
    }


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


@pytest.mark.parametrize(
    "entry",
    [
        "from: [dsl], to: [lan], protocols: [tcp], ports: [443]",  # has no IPv6
        "from: [iot], to: [lan], protocols: [tcp], ports: [443], destinations: [10.0.0.5]",
        "from: [iot], to: [lan], protocols: [icmp]",
        "from: [fibre], to: [lan], protocols: [tcp], ports: [22], destinations: ['2001:db8:1:a::22']",  # nobody's, as far as we know
        # stays inside
        "from: [shut], to: [fibre], protocols: [tcp], sources: [own]}\n  sets: {own: ['fd12:3456:789a:2::10', 10.0.2.9]",
        "from: [fibre], to: [inner], protocols: [tcp], ports: [443]",  # has no way back
        "from: [fibre], to: [gateway], protocols: [udp], ports: [123]",  # the time server answers nobody else
        "from: [lan], to: [gateway], protocols: [udp], ports: [51820]",  # nor does WireGuard
    ],
)
def test_what_nobody_could_ask(entry):
    assert asked(entry) == {}


@pytest.mark.parametrize("sources", ["::/0", "2000::/3", "2001:db8::/32"])
def test_of_many_callers_there_is_one(sources):
    ((way, beside),) = asked(f"from: [fibre], to: [lan], protocols: [tcp], ports: [443], sources: ['{sources}']").values()
    assert way.startswith("port 443 from 2") and len(beside) >= 2


def test_an_entry_for_ipv4_takes_nothing_away():
    entry = "from: [iot], to: [lan], protocols: [tcp], ports: [443]}\n    - {from: [iot], to: [lan], protocols: [tcp], sources: [10.0.1.5]"
    assert asked(entry) == {"iot.lan.ipv6.tcp": ("port 443", ["port 442", "port 444"])}


@pytest.mark.parametrize(
    "entry, answers",
    [
        ("protocols: [icmpv6]", True),
        ("sources: ['2a00:5::/32']", None),
        ("protocols: [tcp], ports: [443]", False),
        ("sources: [192.0.2.7]", False),
    ],
)
def test_pings_that_some_may_send_are_not_judged(entry, answers):
    probe = of(f"from: [fibre], to: [gateway], {entry}")["wans.fibre.ipv6.closed"]
    assert isinstance(probe, GatewayClosed6) and probe.echo is answers


def test_who_uses_a_host_for_one_question_has_it_alone():
    """Both would give client-lan the same address, one to call from and one to be called at."""
    there, back = (
        of(f"from: [{start}], to: [{end}], protocols: [tcp], ports: [514], {which}: ['fd12:3456:789a:1::80']")[
            f"{start}.{end}.ipv6.tcp"
        ]
        for start, end, which in (("iot", "lan", "destinations"), ("lan", "iot", "sources"))
    )
    assert probes.of(there).shares(there).keys() & probes.of(back).shares(back).keys() == {
        "IPv6 of client-lan",
        "IPv6 of client-iot",
    }


@pytest.mark.parametrize(
    "entry, left",
    [
        ("protocols: [tcp], ports: [443]", ("tcp", "icmpv6")),
        ("protocols: [tcp], ports: [8000-9000]", ("icmpv6",)),
        ("protocols: [icmpv6]", ("tcp",)),
        ("sources: [192.0.2.7]", ("tcp", "icmpv6")),
    ],
)
def test_what_an_entry_leaves_closed_is_still_asked(entry, left):
    assert of(f"from: [fibre], to: [lan], {entry}")["lans.lan.ipv6.unreachable.fibre"] == Unreachable6(
        attacker("fibre"), "lan", left
    )


def test_what_is_open_altogether_is_not_asked():
    assert "lans.lan.ipv6.unreachable.fibre" not in of("from: [fibre], to: [lan]")
