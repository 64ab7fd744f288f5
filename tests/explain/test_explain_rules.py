"""The rules that ship, read back: every form of every case, what each means for a packet; and no other form is taken."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from gwimage import features
from gwimage.compiler import loading
from gwimage.explain import nft_parser, packet_path
from gwimage.explain.nft_rules import Member, matches
from gwimage.explain.packet import Packet, first_state
from gwimage.language import source
from gwimage.render import nftables
from tests.support.paths import ROOT, TESTS

PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
TCP = Packet("lan", ip_address("10.0.0.9"), ip_address("9.9.9.9"), 6, 50000, 443, oif="wan")
UDP = replace(TCP, protocol=17, dport=53)
PING = replace(TCP, protocol=1, sport=None, dport=None, icmp_type=8)
PING6 = replace(PING, src=ip_address("fd00::9"), dst=ip_address("2001:db8::9"), protocol=58, icmp_type=128)
TCP6 = replace(TCP, src=ip_address("fd00::9"), dst=ip_address("2001:db8::9"))
SETS = {
    "wans": (Member(("wan",), "wans.wan"), Member(("cable",), "wans.cable")),
    "inside": (nft_parser.element("ipv4_addr", "10.0.0.0/24", "lans.lan.address"),),
    "set4-a": (nft_parser.element("ipv4_addr", "10.0.0.7-10.0.0.11", "firewall.sets.a"),),
    "open": tuple(
        nft_parser.element("ifname . inet_proto . inet_service", text, "x")
        for text in ('"lan" . udp . 53', '"lan" . tcp . 22', '"wan" . tcp . 443')
    ),
    "private": (nft_parser.element("ipv4_addr", "192.168.0.0/16", "lans.guests.internet"),),
    "ways": (nft_parser.element("ifname . ifname", '"lan" . "wan"', "lans.lan"),),
}


class Routes:
    """9.9.9.1 is ours; only wan leads anywhere, by fe80::1 but for its own 2001:db8:1::/48."""

    def kind(self, address):
        return "local" if str(address) == "9.9.9.1" else "unicast"

    def leads(self, address, only=("wan",)):
        return "wan" if "wan" in only else ""

    def next_hop(self, address, mark=0):
        return address if address in ip_network("2001:db8:1::/48") else ip_address("fe80::1")


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_rule_and_element_that_ships_is_understood(path):
    plan = features.plan(loading.load(source.read(str(path)))[0])
    known = packet_path.model(plan)
    raw = [rule for rule in plan.rules if rule.stage.endswith(".raw")]
    rules = [rule for chain in known.chains.values() for rule in chain]
    assert len(rules) == len(plan.rules)
    assert len([rule for rule in rules if not rule.known]) <= len(raw)
    assert sum(map(len, known.sets.values())) == len(plan.elements)
    assert {match.set for rule in rules for match in rule.matches if match.set} <= known.sets.keys()


def test_every_chain_is_walked():
    assert set(nftables.CHAINS) == {"clamp", "spoof", "prerouting", "mangle", "dstnat", "input", "forward", "srcnat", "output"}


@pytest.mark.parametrize(
    ("text", "packet", "expected"),
    [
        ('iifname "lan" accept', TCP, True),
        ('iifname != "lan" accept', TCP, False),
        ('iifname { "iot", "lan" } accept', TCP, True),
        ("oifname @wans accept", TCP, True),
        ("oifname != @wans accept", TCP, False),
        ("ip saddr 10.0.0.0/24 accept", TCP, True),
        ("ip saddr != 10.0.0.0/24 drop", TCP, False),
        ("ip saddr != 10.0.0.0/24 drop", TCP6, False),  # of IPv6 it says nothing, not even by !=
        ("ip6 saddr != fd00::/8 drop", TCP, False),
        ("ip6 saddr fd00::-fd00::f accept", TCP6, True),
        ("ip saddr 10.0.0.1-10.0.0.8 accept", TCP, False),
        ("ip saddr { 10.0.0.1, 10.0.0.9 } ip daddr 9.9.9.9 accept", TCP, True),
        ("ip saddr @set4-a accept", TCP, True),
        ("ip saddr @inside drop", replace(TCP, src=ip_address("10.0.1.0")), False),
        ("tcp dport 443 accept", TCP, True),
        ("udp dport 443 accept", TCP, False),
        ("tcp dport != 443 accept", UDP, False),  # not even TCP
        ("tcp dport { 80, 400-500 } accept", TCP, True),
        ("tcp sport 50000 accept", TCP, True),
        ("meta l4proto { tcp, udp } th dport 53 accept", UDP, True),
        ("meta l4proto esp accept", replace(TCP, protocol=50, dport=None), True),
        ("th dport 53 accept", PING, False),
        ("meta nfproto ipv6 accept", TCP6, True),
        ("meta nfproto ipv4 accept", TCP6, False),
        ("icmp type echo-request accept", PING, True),
        ("icmp type { destination-unreachable, 8 } accept", PING, True),
        ("icmpv6 type echo-request accept", PING, False),
        ("icmpv6 type echo-request ip6 hoplimit 255 accept", PING6, False),
        ("icmpv6 type echo-request ip6 hoplimit 255 accept", replace(PING6, hop_limit=255), True),
        ("rt ip6 nexthop fe80::/10 accept", TCP6, True),
        ("rt ip6 nexthop fe80::/10 accept", replace(TCP6, dst=ip_address("2001:db8:1::9")), False),
        ("rt ip6 nexthop fe80::/10 accept", TCP, False),
        ("ip daddr != @private accept", TCP, True),
        ("ip daddr != @private accept", replace(TCP, dst=ip_address("192.168.1.1")), False),
        ("ip daddr != @private accept", TCP6, False),
        ("fib daddr type local accept", TCP, False),
        ("fib daddr type local accept", replace(TCP, dst=ip_address("9.9.9.1")), True),
        ("fib saddr . iif oif missing drop", TCP, True),
        ("fib saddr . iif oif missing drop", replace(TCP, iif="wan"), False),
        ('fib saddr oifname { "wan", "x" } drop', TCP, True),
        ('fib saddr oifname != "wan" drop', TCP, False),
        ("ct mark != 0 meta mark set ct mark", TCP, False),
        ("ct mark != 0 meta mark set ct mark", replace(TCP, ct_mark=2), True),
        ("ct mark != 0 meta mark set ct mark", replace(TCP, ct_mark=2, state="invalid"), False),
        ("ct status dnat accept", TCP, False),
        ("ct status dnat accept", replace(TCP, dnat=True), True),
        ("tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu", TCP, True),
        ("tcp flags & (syn|rst) == syn tcp option maxseg size set 1400", UDP, False),
        ("iifname . meta l4proto . th dport @open accept", UDP, True),
        ("iifname . meta l4proto . th dport @open accept", TCP, False),
        ("iifname . oifname @ways accept", TCP, True),
        ("ct state established,related accept", TCP, False),
        ("ct state established,related accept", replace(TCP, state="related"), True),
        ("ct state invalid drop", replace(TCP, state="invalid"), True),
        ("tcp flags & (syn|rst) == syn jump clamp", TCP, True),
        ("tcp flags & (syn|rst) == syn jump clamp", UDP, False),
        ("counter", TCP, True),
        # what is not known of a packet gives perhaps, unless the rest already says no
        ("tcp dport 443 accept", replace(TCP, dport=None), None),
        ("tcp dport 443 accept", Packet("lan"), None),
        ("ip saddr 10.0.0.0/24 tcp dport 80 accept", replace(TCP, src=None), False),
        ("ip saddr 10.0.0.0/24 accept", replace(TCP, src=None), None),
        ("iifname . meta l4proto . th dport @open accept", Packet("lan"), None),
        ("iifname . meta l4proto . th dport @open accept", Packet("iot"), False),
        ("ct status dnat accept", replace(TCP, dnat=None), None),
    ],
)
def test_matches(text, packet, expected):
    assert matches(nft_parser.rule("forward.open", text, "p"), packet, Routes(), SETS)[0] is expected


def test_set_elements_are_causes():
    rule = nft_parser.rule("forward.open", "iifname . oifname @ways ip saddr @set4-a accept", "firewall")
    assert matches(rule, TCP, Routes(), SETS) == (True, ("lans.lan", "firewall.sets.a"))


@pytest.mark.parametrize(
    ("text", "nat"),
    [
        ("dnat ip to 10.0.0.5", ("dnat", "10.0.0.5", None)),
        ("tcp dport 443 dnat ip to 10.0.0.5:8443", ("dnat", "10.0.0.5", 8443)),
        ("tcp dport 80 dnat ip6 to [fd00::5]:8080", ("dnat", "fd00::5", 8080)),
        ("tcp dport 80 dnat ip6 to fd00::5", ("dnat", "fd00::5", None)),
        ('oifname "wan" snat ip to 203.0.113.2', ("snat", "203.0.113.2", None)),
        ("oifname @wans masquerade", ("masquerade", "None", None)),
        ("snat ip prefix to ip saddr map { 10.0.0.0/24 : 10.0.0.0/24 }", ("keep", "None", None)),
    ],
)
def test_translations(text, nat):
    found = nft_parser.rule("srcnat.fixed", text, "p").nat
    assert (found.kind, str(found.address), found.port) == nat


def test_a_translation_is_of_one_ip_version():
    rule = nft_parser.rule("dstnat.forwards", "tcp dport 443 dnat ip to 10.0.0.5", "p")
    assert [matches(rule, packet, Routes(), SETS)[0] for packet in (TCP, TCP6)] == [True, False]


def test_an_identity_map_matches_what_it_holds():
    rule = nft_parser.rule("srcnat.exempt", "snat ip prefix to ip saddr map { 10.0.0.0/24 : 10.0.0.0/24 }", "p")
    assert matches(rule, TCP, Routes(), SETS)[0] is True
    assert matches(rule, replace(TCP, src=ip_address("10.0.1.9")), Routes(), SETS)[0] is False


def test_verdicts():
    remembers = nft_parser.rule("mangle.uplinks", 'iifname "cable" ct mark set 2', "p")
    uses = nft_parser.rule("mangle.uplinks", "ct mark != 0 meta mark set ct mark", "p")
    keeps_out = nft_parser.rule("prerouting.untracked", 'iifname "lan" ip daddr 10.9.0.0/16 notrack', "p")
    assert (remembers.ct_mark, uses.marked, keeps_out.untracked) == (2, True, True)
    rule = nft_parser.rule("forward.spoof", "jump spoof", "p")
    assert (rule.jump, rule.verdict, rule.by_state) == ("spoof", "", False)
    assert nft_parser.rule("input.state", "ct state invalid drop", "p").by_state
    logged = nft_parser.rule("input.log", 'limit rate 10/minute log prefix "gwimage: "', "p")
    assert (logged.limit, logged.log, logged.verdict) == ("10/minute", "gwimage: ", "")
    often = nft_parser.rule("input.icmp", "icmp type echo-request limit rate 100/second burst 100 packets accept", "p")
    assert (often.limit, often.verdict) == ("100/second", "accept")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ip protocol tcp accept",
        'iifname "wg*" accept',
        "iifname lan accept",
        "tcp dport ssh accept",
        "tcp dport 22 reject",
        "jump",
        "jump other accept",
        "tcp dport 22,23 accept",
        "accept drop",
        "accept tcp dport 22",
        "ip saddr fd00::1 accept",
        "limit rate over 10/second drop",
        "limit rate 10/second burst 5 drop",
        "ct state vmap { new : drop }",
        "snat ip prefix to ip saddr map { 10.0.0.0/24 : 10.0.1.0/24 }",
        "dnat ip to 10.0.0.5:http",
        "dnat to 10.0.0.5",
        "tcp dport 80-90 dnat ip to 10.0.0.5:90-100",
        "tcp dport { 22, accept",
        "iifname . oifname . accept",
        "fib daddr type broadcast drop",
    ],
)
def test_other_forms_are_refused(text):
    if text:
        with pytest.raises(ValueError, match=".+"):
            nft_parser.rule("forward.raw", text, "p")
    with pytest.raises(ValueError, match=".+"):
        nft_parser.element("ipv4_addr", text or "10.0.0.1 timeout 5s", "p")


@pytest.mark.parametrize(
    ("packet", "state"),
    [
        (TCP, "new"),
        (PING, "new"),
        (replace(PING, icmp_type=0), "invalid"),
        (replace(PING, icmp_type=3), "invalid"),
        (PING6, "new"),
        (replace(PING6, icmp_type=1), "invalid"),
        (replace(PING6, icmp_type=135), "untracked"),
        (replace(PING6, icmp_type=151), "untracked"),
        (replace(PING, src=ip_address("fd00::9"), dst=ip_address("fd00::1")), "invalid"),
    ],
)
def test_first_state(packet, state):
    assert first_state(packet) == state
