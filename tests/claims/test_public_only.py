"""The claims of `internet: public`. What packets do: tests/verify/test_probes_public.py."""

from ipaddress import IPv4Address

from gwimage.claims.claim_firewall import Unreachable
from gwimage.compiler import claims
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.problem import errors
from gwimage.values import host_address
from gwimage.values.lab_host import client

PROFILE = """
version: 1
name: x
release: 1.0.0
wans: {wan: {nic: net0, ipv4: WAN}}
lans:
  guests: {nic: net1, address: GUESTS, internet: public}
  lan: {nic: net2, address: 172.16.0.1/12}
"""
PRIVATE = "{address: 192.168.0.2/24, gateway: 192.168.0.1}"


def asked(more="", wan="dhcp", guests="10.0.0.1/24"):
    profile, problems = load(source.parse(PROFILE.replace("WAN", wan).replace("GUESTS", guests) + more, "p.yaml"))
    assert not errors(problems), problems
    return {claim.id: claim for claim in claims(profile)}


def test_addresses_of_every_usual_private_network_that_lead_outside():
    claim = asked()["lans.guests.internet"]
    assert claim.closed and claim.needs == ("wans.wan.address", "lans.guests.source")
    assert list(map(str, claim.probe.destinations)) == ["192.168.0.66", "10.16.0.66", "100.64.0.66", "169.254.0.66"]
    assert claim.probe.protocols == ("tcp", "udp", "icmp")


def test_none_is_asked_that_an_entry_opens_or_a_network_has():
    entry = "{from: [guests], to: [wan], destinations: [100.64.0.0/11, 9.9.9.9], ports: [8080], protocols: [tcp]}"
    found = asked(f"firewall: {{allow: [{entry}]}}", PRIVATE, "10.0.0.1/8")
    assert list(map(str, found["lans.guests.internet"].probe.destinations)) == ["192.168.16.66", "100.96.0.66", "169.254.0.66"]
    assert found["lans.guests.internet"].probe.protocols == ("tcp", "udp", "icmp")
    # of that host the address is not known beforehand
    assert found["lans.guests.internet.wan"].probe == Unreachable(client("guests"), "wan", ("udp", "icmp"), near=True)


def test_what_an_entry_opens_to_everybody_is_not_asked():
    found = asked("firewall: {allow: [{from: [guests], to: [wan], protocols: [tcp]}]}", PRIVATE)
    assert found["lans.guests.internet"].probe.protocols == ("udp", "icmp")
    assert found["lans.guests.internet"].text.endswith("beyond wan by UDP or ICMP")
    assert not [name for name in asked("firewall: {allow: [{from: [guests], to: [wan]}]}", PRIVATE) if ".internet" in name]


def test_a_forwarded_port_is_called_where_the_lan_reaches_it():
    forward = "firewall: {forwards: {web: {ports: [443], to: 10.0.0.5}}}"
    caller = "firewall.forwards.web.client-guests.wan.tcp"
    assert {caller, f"{caller}.outside"} <= asked(forward).keys()
    found = asked(forward, PRIVATE)
    assert caller in found and f"{caller}.outside" not in found
    assert "firewall.forwards.web.client-lan.wan.tcp.outside" in found


def test_which_addresses_are_public():
    public = "1.0.0.0 9.255.255.255 11.0.0.0 100.63.0.1 100.128.0.1 172.15.0.1 172.32.0.1 192.167.0.1 192.169.0.1 203.0.113.1"
    private = (
        "0.0.0.1 10.1.1.1 100.64.0.1 127.0.0.1 169.254.169.254 172.31.0.1 192.0.0.9 192.168.1.1 198.19.0.1 255.255.255.255"
    )
    assert all(host_address.is_public(IPv4Address(text)) for text in public.split())
    assert not any(host_address.is_public(IPv4Address(text)) for text in private.split())
