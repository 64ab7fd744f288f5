"""`gwimage explain`: the question in people's words, the answer for people and machines, and who may talk to whom."""

import json
import random
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner

from gwimage import features
from gwimage.commands import main
from gwimage.compiler import loading
from gwimage.explain import matrix, nft_parser, packet_path
from gwimage.explain.packet import Packet
from gwimage.explain.question import Question
from gwimage.explain.suggestion import advise
from gwimage.language import source
from gwimage.plan import Plan, Rule
from tests.support import random_profiles
from tests.support.paths import TESTS

OFFICE = """\
version: 1
name: office
release: 1.0.0
system:
  admin: {ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example]}
wans:
  fibre: {nic: net0, ipv4: {address: 203.0.113.2/24, gateway: 203.0.113.1}}
  cable: {nic: net1, ipv4: dhcp}
lans:
  lan:
    nic: net2
    address: 10.0.0.1/24
    dhcp: {pool: 10.0.0.100-10.0.0.199}
  iot: {nic: net3, address: 10.0.20.1/24, masquerade: false}
services:
  ssh: {from: [lan]}
"""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Runs the command on OFFICE, or on another text."""
    monkeypatch.chdir(tmp_path)

    def run(words, text=OFFICE):
        (tmp_path / "my.yaml").write_text(text)
        return CliRunner().invoke(main.cli, ["explain", "my.yaml", *words.split()])

    return run


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (
            "--from lan --to wan --tcp 443",
            "passes: tcp from 10.0.0.10:49152 on lan to 198.51.100.234:443, out by fibre as 203.0.113.2",
        ),
        ("--from iot --to wan --tcp 443", "passes: tcp from 10.0.20.10:49152 on iot to 198.51.100.234:443, out by fibre"),
        (
            "--from lan --to cable --udp 53",
            "passes: udp from 10.0.0.10:49152 on lan to 198.51.100.234:53, out by cable as 192.0.2.2",
        ),
        (
            "--from lan --to 9.9.9.9 --icmp",
            "passes: icmp echo-request from 10.0.0.10 on lan to 9.9.9.9, out by fibre as 203.0.113.2",
        ),
        (
            "--from 10.0.0.77 --to 9.9.9.9 --proto gre",
            "passes: gre from 10.0.0.77 on lan to 9.9.9.9, out by fibre as 203.0.113.2",
        ),
        (
            "--from lan --to gateway --tcp 22 --sport 1024",
            "passes: tcp from 10.0.0.10:1024 on lan to 10.0.0.1:22, the gateway itself",
        ),
        (
            "--from iot --to gateway:10.0.0.1 --udp 53",
            "passes: udp from 10.0.20.10:49152 on iot to 10.0.0.1:53, the gateway itself",
        ),
        ("--from lan --to lan:10.0.0.5 --tcp 445", "passes: tcp from 10.0.0.10:49152 on lan to 10.0.0.5:445"),
        (
            "--from lan:0.0.0.0 --to 255.255.255.255 --udp 67 --sport 68",
            "passes: udp from 0.0.0.0:68 on lan to 255.255.255.255:67, the gateway itself",
        ),
        ("--from iot --to lan:10.0.0.5 --tcp 445", "is dropped: tcp from 10.0.20.10:49152 on iot to 10.0.0.5:445 on lan"),
        ("--from fibre --to gateway --tcp 22", "is dropped: tcp from 198.51.100.234:49152 on fibre to 203.0.113.2:22"),
        ("--from cable --to gateway --icmp", "is dropped: icmp echo-request from 198.51.100.234 on cable to 192.0.2.2"),
        ("--from fibre --to lan --tcp 80", "is dropped: tcp from 198.51.100.234:49152 on fibre to 10.0.0.10:80 on lan"),
        ("--from lan --to gateway --icmp echo-reply", "is dropped: icmp echo-reply from 10.0.0.10 on lan to 10.0.0.1"),
        ("--from lan --to 224.0.0.251 --udp 5353", "is dropped: udp from 10.0.0.10:49152 on lan to 224.0.0.251:5353"),
        ("--from lan:fd00::5 --to 2001:db8::1 --tcp 80", "is dropped: tcp from [fd00::5]:49152 on lan to [2001:db8::1]:80"),
    ],
)
def test_verdicts(ask, words, first):
    result = ask(words)
    assert result.stdout.splitlines()[0] == first
    assert result.exit_code == (0 if first.startswith("passes") else 1)


def test_it_leads_to_the_line_of_the_profile(ask):
    shown = ask("--from lan --to wan --tcp 443").stdout
    assert "my.yaml:7:54: gateway: 203.0.113.1  [wans.fibre.ipv4.gateway]" in shown
    assert "rule: iifname . oifname @forward_open accept\n            my.yaml:10:3: lan:  [lans.lan]" in shown
    assert "my.yaml:10:3: lan:  [lans.lan.masquerade: a default]" in shown
    assert "answers     pass" in shown
    shown = ask("--from lan --to gateway --tcp 22").stdout
    assert "my.yaml:16:9: from: [lan]  [services.ssh.from]" in shown


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (
            "--from lan --to cable --tcp 80",
            "packets to 198.51.100.234 leave by fibre; this is the answer for when fibre is down",
        ),
        (
            "--from lan --to cable --tcp 80",
            "cable is assumed to have 192.0.2.2/27; say what the provider gave with --lease cable=ADDRESS/PREFIX",
        ),
        ("--from lan --to lan:10.0.0.5 --tcp 80", "both are on lan: hosts of one network reach each other without the gateway"),
        ("--from lan:10.0.20.5 --to wan --tcp 80", "10.0.20.5 is no address of lan (10.0.0.0/24)"),
        ("--from fibre:10.0.0.5 --to wan --tcp 80", "10.0.0.5 is an inside address: nobody on fibre can have it."),
        ("--from lan:10.0.0.1 --to 9.9.9.9 --tcp 80", "10.0.0.1 is an address of the gateway itself, not a host's"),
        ("--from lan --to 10.0.20.255 --udp 80", "10.0.20.255 is the broadcast address of a network here"),
        ("--from lan --to gateway --icmp 0", "it is a reply or error without a known connection"),
        ("--from lan --to gateway --icmp 0", "No line of a profile changes that."),
    ],
)
def test_what_else_there_is_to_know(ask, words, note):
    assert note in ask(words).stdout


def test_no_line_names_a_host_in_a_delegated_prefix(ask):
    text = OFFICE.replace("cable: {nic: net1, ipv4: dhcp}", "cable: {nic: net1, ipv4: dhcp, ipv6: auto}")
    text = text.replace("masquerade: false}", 'masquerade: false, ipv6: {delegated: true, address: "fd12:3456:789a:1::1/64"}}')
    shown = ask("--from cable --to iot:2001:db8:ff00::5 --tcp 443", text).stdout
    why = "since the provider's prefix may change; for one host see docs/ipv6.md"
    assert f"To let it pass, write (this opens it for every host on iot, {why}):" in shown
    assert "- {from: [cable], to: [iot], protocols: [tcp], ports: [443]}" in shown
    guests = text.replace("services:", "  guests: {nic: net5, address: 10.0.30.1/24, ipv6: delegated}\nservices:")
    shown = ask("--from iot:2001:db8:ff00::5 --to guests:2001:db8:ff00:1::5 --tcp 443", guests).stdout
    assert f"(this opens it for every host on iot and guests, {why}):" in shown
    shown = ask("--from cable:2001:db8:ffff::10 --to guests --tcp 443", guests).stdout
    assert "to [2001:db8:ff00:1:" in shown and "To let it pass, write:" in shown  # no host on guests was asked about
    fixed = ask("--from cable --to iot:fd12:3456:789a:1::5 --tcp 443", text).stdout
    assert 'ports: [443], destinations: ["fd12:3456:789a:1::5"]}' in fixed


@pytest.mark.parametrize("packet", ["--from lan --to wan --tcp 80", ""])
def test_a_lease_inside_is_refused(ask, packet):
    """No answer about packets would be true: DenyList= compares servers, so the gateway may, or may not, have this lease."""
    result = ask(f"{packet} --lease cable=10.0.20.50/24")
    assert result.exit_code == 2
    said = (
        "10.0.20.50/24 lies in 10.0.20.0/24 of iot: cable takes nothing from a DHCP server in there;"
        " given by one elsewhere, two networks have the same addresses"
    )
    assert f"--lease: error: {said}" in result.stderr
    assert "hint: give that network another subnet, at lans.iot.address" in result.stderr


BRANCH = """\
version: 1
name: branch
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp}}
lans: {lan: {nic: net1, address: 10.20.0.1/24}}
routes: [{to: 192.168.5.0/24, via: 10.20.0.254}]
vpn:
  sites:
    port: 51820
    address: 10.99.0.1/24
    peers:
      north:
        public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
        address: 10.99.0.2
        networks: [192.168.6.0/24]
"""


@pytest.mark.parametrize(
    ("lease", "of", "at"),
    [
        ("192.168.5.50/24", "192.168.5.0/24 of lan", "routes.0.to"),
        ("192.168.6.50/24", "192.168.6.0/24 of sites", "vpn.sites.peers.north.networks"),
        ("10.99.0.50/24", "10.99.0.0/24 of sites", "vpn.sites.address"),
    ],
)
def test_a_lease_in_a_network_behind_a_router_or_a_peer_is_refused(ask, lease, of, at):
    """As the nft set `inside` has these networks, too."""
    result = ask(f"--from lan --to wan --tcp 80 --lease wan={lease}", BRANCH)
    assert result.exit_code == 2
    assert f"{lease} lies in {of}: wan takes nothing from a DHCP server in there" in result.stderr
    assert f"hint: give that network another subnet, at {at}" in result.stderr


@pytest.mark.parametrize("address", ["10.0.20.9/24", "198.51.100.9/24", "203.0.113.2/24"])
def test_a_fixed_address_is_no_lease(ask, address):
    result = ask(f"--from lan --to fibre --tcp 80 --lease fibre={address}")
    assert result.exit_code == 2
    assert "--lease: error: fibre has a fixed address\n    hint: leave --lease out, or write ipv4: dhcp" in result.stderr


def test_a_prefix_that_no_lan_gets_is_refused(ask):
    words = "--from lan --to wan --tcp 80 --lease fibre=2001:db8:aa00::/56"
    result = ask(words)
    assert result.exit_code == 2
    assert "fibre is asked for no IPv6 prefix\n    hint: no LAN has ipv6: delegated" in result.stderr
    text = OFFICE.replace("cable: {nic: net1, ipv4: dhcp}", "cable: {nic: net1, ipv4: dhcp, ipv6: auto}")
    text = text.replace("masquerade: false}", "masquerade: false, ipv6: delegated}")
    assert "fibre is asked for no IPv6 prefix\n    hint: cable is" in ask(words, text).stderr
    assert ask(words.replace("fibre=", "cable="), text).exit_code == 0


def test_a_lease_beside_a_lan_is_taken(ask):
    assert ask("--from lan --to cable --tcp 80 --lease cable=10.0.21.50/24").exit_code == 0


HOME = """\
version: 1
name: home
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp, ipv6: auto}}
lans:
  guests: {nic: net1, address: 10.0.30.1/24, internet: public, ipv6: delegated}
"""


@pytest.mark.parametrize("where", ["192.168.178.1", "10.0.31.1", "100.64.0.1", "fd00::9", "2001:db8:fffe::9"])
def test_a_lan_of_public_addresses_only(ask, where):
    shown = ask(f"--from guests --to wan:{where} --tcp 443", HOME)
    assert shown.exit_code == 1
    assert "lans.guests.internet leads to public addresses only. To let it pass, write" in shown.stdout
    assert where in shown.stdout.splitlines()[-1]
    for public in ("9.9.9.9", "172.32.0.1", "100.128.0.1", "2620:fe::fe", "64:ff9b::909:909"):
        assert "[lans.guests.internet]" in ask(f"--from guests --to wan:{public} --tcp 443", HOME).stdout


@pytest.mark.parametrize(
    ("ipv6", "way"),
    [
        ("auto", "to 64:ff9b::/96, 2000::/3 beyond the provider's router"),
        ('{address: "2001:db8:1::2/64", gateway: "2001:db8:1::1"}', "to 64:ff9b::/96, 2000::/3, but not 2001:db8:1::/64"),
    ],
)
def test_the_way_to_public_addresses_in_words(ask, ipv6, way):
    text = HOME.replace("ipv6: auto", f"ipv6: {ipv6}").replace("delegated", '{address: "2001:db8:2::1/64"}')
    lines = [line.split("  [")[0].strip(" ,") for line in ask("--from guests --to wan", text).stdout.splitlines()]
    assert ", ".join(lines).endswith(f", to public addresses, {way}")


def test_sets_of_the_firewall_are_not_taken_for_those_of_the_profile(ask):
    text = f"""{HOME}  lan: {{nic: net2, address: 10.0.31.1/24}}
firewall:
  sets: {{private: [10.0.31.7], own: [10.0.31.9], inside: [10.0.31.11]}}
  allow:
    - {{from: [guests], to: [lan], protocols: [tcp], ports: [22], destinations: [private, own, inside]}}
  raw:
    forward:
      - 'iifname "guests" oifname "lan" ip daddr @own tcp dport 80 accept'
      - 'iifname "guests" oifname "lan" ip daddr != @inside tcp dport 81 accept'
"""
    cell = [line.split("  [")[0].strip() for line in ask("--from guests --to lan", text).stdout.splitlines()[-3:]]
    assert cell == [
        "to the gateway's own addresses tcp 80",
        "to all but addresses inside tcp 81",
        "to private tcp 22, to own tcp 22, to inside tcp 22",
    ]
    assert "to public addresses" in ask("--from guests --to wan", text).stdout


def test_a_lease_that_is_known(ask):
    shown = ask("--from lan --to cable --tcp 80 --lease cable=100.64.7.9/22").stdout
    assert "out by cable as 100.64.7.9" in shown
    assert "assumed" not in shown


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("--from iott --to lan --tcp 80", "--from: error: no network is called 'iott'", "did you mean 'iot'?"),
        ("--from lan --to gatewy --tcp 80", "--to: error: no network is called 'gatewy'", "did you mean 'gateway'?"),
        ("--from x --to lan", "--from: error: no network is called 'x'", "there are: fibre, cable, lan, iot"),
        (
            "--from lan --to iot:10.0.0.5 --tcp 80",
            "--to: error: 10.0.0.5 is not on iot: packets to it leave by lan",
            "--to 10.0.0.5",
        ),
        ("--from lan --to iot:x --tcp 80", "--to: error: 'x' is not an address", "iot:ADDRESS"),
        (
            "--from lan --to gateway:9.9.9.9 --tcp 80",
            "--to: error: 9.9.9.9 is not an address of the gateway",
            "it has 203.0.113.2",
        ),
        (
            "--from gateway --to lan --tcp 80",
            "--from: error: what the gateway itself sends is never held back",
            "one of its networks",
        ),
        ("--from lan --to fd00::1 --icmp", "--from: error: lan has no IPv6 address for this", "lan:ADDRESS"),
        ("--from lan:fd00::9 --to 10.0.0.1 --icmp", "not of the same IP version", ""),
        ("--from lan --to iot --tcp 80 --udp 80", "--udp: error: one packet has one protocol", ""),
        ("--from lan --to iot --proto tcp", "--proto: error: tcp has ports", "--tcp PORT"),
        ("--from lan --to iot --proto 17", "--proto: error: udp has ports", "--udp PORT"),
        ("--from lan --to iot --proto 132", "--proto: error: sctp has ports", "explain takes ports of tcp and udp"),
        ("--from lan --to iot --tcp http", "'http' is not a valid port", ""),
        ("--from LAN --to iot --tcp 80", "--from: error: no network is called 'LAN'", "did you mean 'lan'?"),
        ("--from any --to iot --tcp 80", "--from: error: no network is called 'any'", "there are: fibre, cable, lan, iot"),
        ("--from lan --to iot --proto espp", "--proto: error: no protocol is called 'espp'", "did you mean 'esp'?"),
        ("--from lan --to iot --icmp echo", "--icmp: error: no ICMP type is called 'echo'", "did you mean 'echo-request'?"),
        ("--to iot --tcp 80", "--from: error: missing", ""),
        ("--from lan:10.0.0.5 --to iot", "but no packet was asked about", "--tcp PORT"),
        ("--from lan --to wan --tcp 80 --lease lan=10.9.9.9/24", "--lease: error: no WAN is called 'lan'", "fibre, cable"),
        (
            "--from lan --to wan --tcp 80 --lease cable=10.9",
            "--lease: error: '10.9' is not an address with its prefix",
            "cable=",
        ),
        ("--from lan --to wan --tcp 0", "--tcp", ""),
    ],
)
def test_questions_that_cannot_be_meant(ask, words, message, hint):
    result = ask(words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert hint in result.stderr


WORDS = (
    "lan iot fibre cable gateway wan lan:10.0.0.5 iot:10.0.0.5 9.9.9.9 10.0.0.1 10.0.0.255 255.255.255.255 224.0.0.1 fe80::1 fe80::1%x"
    " fd00::1 lan:fd00::9 lan:[fd00::9] ::1 :: 0.0.0.0 127.0.0.1 lan: : lan:: x\x1b[2J gateway:10.0.0.1 203.0.113.2 cable:1.1.1.1 240.0.0.1"
).split()
ASKED = (
    "--tcp 80",
    "--udp 67",
    "--icmp",
    "--icmp 3",
    "--icmp echo-reply",
    "--icmp 999",
    "--proto esp",
    "--proto 300",
    "--proto 58",
    "--proto ''",
)


@pytest.mark.parametrize("number", range(40))
def test_whatever_is_asked_is_answered_or_refused(ask, number):
    rng = random.Random(f"words/{number}")
    for _ in range(25):
        words = (
            f"--from {rng.choice(WORDS)} --to {rng.choice(WORDS)} {rng.choice(ASKED)} --format {rng.choice(('text', 'json'))}"
        )
        result = ask(words)
        assert isinstance(result.exception, SystemExit | None), words
        assert (result.exit_code == 2) == (not result.stdout), words
        assert all(c.isprintable() or c == "\n" for c in result.output), words


def test_a_wrong_profile_is_no_answer(ask):
    result = ask("--from lan --to wan --tcp 80", OFFICE.replace("10.0.0.1/24", "10.0.0.0/24"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "my.yaml:12:14: error" in result.stderr


def test_json(ask):
    found = json.loads(ask("--from lan --to wan --tcp 443 --format json").stdout)
    assert (found["passes"], found["verdict"], found["leaves"]["source"]) == (True, "forwarded", "203.0.113.2")
    assert [step["hook"] for step in found["steps"]] == ["routing", "forward", "networkd"]
    assert found["steps"][2]["causes"][0] == {
        "path": "lans.lan.masquerade",
        "default": True,
        "file": "my.yaml",
        "line": 10,
        "column": 3,
        "written": "lan:",
    }
    assert found["answer"]["verdict"] == "forwarded"
    found = json.loads(ask("--from iot --to lan --tcp 445 --format json").stdout)
    assert (found["passes"], found["answer"], found["leaves"]) == (False, None, None)
    assert found["advice"]["profile"].startswith("firewall:")


def test_the_matrix(ask):
    shown = ask("").stdout.splitlines()
    assert shown[:5] == [
        "from \\ to  gateway  fibre  cable  lan  iot",
        "fibre      -               -      -    -",
        "cable      -        -             -    -",
        "lan        some     all    all         -",
        "iot        some     all    all    -",
    ]
    assert "    udp 53, tcp 53  [lans.lan, line 10]" in shown
    assert "    tcp 22          [services.ssh.from, line 16]" in shown
    found = json.loads(ask("--from lan --to gateway --format json").stdout)
    assert {each["text"] for each in found["zones"][0]["what"]} == {"ping", "tcp 22", "tcp 53", "udp 53", "udp 67"}
    assert ask("--from lan").exit_code == 0


def plan_of(text, *more):
    return features.plan(loading.load(source.parse(text, "my.yaml"))[0]) + Plan(rules=more)


def test_rules_of_the_users_own():
    """What is understood counts, what is not is said; no rule of ours may ever be beyond us."""
    drop = Rule("forward.raw", "ip saddr 10.0.0.10 tcp dport 25 counter drop", "firewall.raw.forward.0")
    odd = Rule("forward.raw", "ip dscp 46 counter accept", "firewall.raw.forward.1")
    known = packet_path.model(plan_of(OFFICE, drop, odd))
    src, dst = (nft_parser.ip_address(text) for text in ("10.0.0.10", "9.9.9.9"))
    mail, web = (packet_path.trace(known, Packet("lan", src, dst, 6, 50000, port)) for port in (25, 80))
    assert (mail.verdict, mail.doubts, mail.steps[-1].paths) == ("dropped", (), ("firewall.raw.forward.0",))
    assert (web.verdict, [rule.path for rule in web.doubts]) == ("forwarded", ["firewall.raw.forward.1"])
    ((_, _, (no, yes)),) = matrix.rows(known, ["lan"], ["fibre"])
    assert (no.text, no.closed, yes.everything) == ("from 10.0.0.10 tcp 25", True, True)
    with pytest.raises(ValueError, match="dscp"):
        packet_path.model(plan_of(OFFICE, Rule("forward.allow", odd.text, "firewall.allow.0")))


VPN = """\
vpn:
  wg:
    address: 10.99.0.1/24
    port: 51820
    peers:
      phone: {public_key: q58mKMMlwUHp+yQw8QaFD2KTC8PwsS3zmpuEpJx8HRI=, address: 10.99.0.2}
      site: {public_key: VvXlzAzKHVZ7BCXxTNx7v+wgVA8MWDEVfjHgOQ6RsQ8=, address: 10.99.0.3, networks: [10.50.0.0/16]}
firewall:
  allow: [{from: [wg], to: [lan, gateway]}]
"""


@pytest.mark.parametrize(
    ("words", "first", "note"),
    [
        ("--from wg --to lan --tcp 80", "passes: tcp from 10.99.0.2:49152 on wg", "answers     pass"),
        ("--from wg:10.50.0.9 --to gateway --tcp 22", "passes: tcp from 10.50.0.9:49152 on wg to 10.99.0.1:22", ""),
        (
            "--from wg:10.99.0.77 --to lan --tcp 80",
            "is dropped: tcp from 10.99.0.77",
            "10.99.0.77 is an address of no peer of wg",
        ),
        ("--from lan --to wg:10.99.0.77 --tcp 80", "is dropped", "no peer of wg has the address 10.99.0.77"),
        ("--from lan --to wg:10.50.0.9 --tcp 80", "is dropped", "- {from: [lan], to: [wg], protocols: [tcp], ports: [80]"),
    ],
)
def test_tunnels(ask, words, first, note):
    shown = ask(words, OFFICE + VPN).stdout
    assert shown.startswith(first)
    assert note in shown


def test_no_secret_is_shown(ask):
    shown = ask("--from lan --to gateway --tcp 22").stdout
    assert "ssh-ed25519" not in shown


@pytest.mark.parametrize("number", range(60))
def test_the_matrix_says_what_the_walk_says(number):
    """For packets with a source of their own: all always passes, - never does, some says which."""
    rng = random.Random(f"matrix/{number}")
    sample = random_profiles.sample(rng)
    known = packet_path.model(sample.plan, sample.given)
    nets = dict(sample.nets)
    for packet in random_profiles.packets(rng, sample, 40):
        home = nets[packet.iif].network
        way = packet_path.trace(known, packet)
        end = "gateway" if way.steps[-1].hook == "input" else way.packet.oif
        if packet.src not in home or end is None:
            continue
        ((_, _, found),) = matrix.rows(known, [packet.iif], [end])
        last = way.steps[-1]
        if last.hook in ("spoof", "dstnat", "srcnat", "wireguard") and way.verdict == "dropped":
            continue  # what the table leaves out, and what has no address there
        if way.verdict == "dropped":
            every = any(each.everything for each in found) and not any(each.closed for each in found)
            assert not every or way.packet.state != "new", (packet, found)
        else:
            assert found, packet


def test_cases_are_explained():
    """Every case has its matrix, and every network a way to ask the gateway."""
    for path in sorted((TESTS / "cases").glob("*/profile.yaml")):
        result = CliRunner().invoke(main.cli, ["explain", str(path)])
        assert (result.exit_code, result.stderr) == (0, ""), path


@pytest.mark.parametrize("number", range(25))
def test_advice_suffices(number):
    """What is to be written is taken by the checks, and the packet passes then."""
    rng = random.Random(f"advice/{number}")
    sample, tried = random_profiles.sample(rng), 0
    known = packet_path.model(sample.plan, sample.given)
    for packet in random_profiles.packets(rng, sample, 60):
        way = packet_path.trace(known, packet)
        if way.verdict != "dropped" or tried == 4:
            continue
        _, text = advise(known, Question(packet, known.network, "", (), ("source", "target")), way)
        if text:
            tried += 1
            data = merged(sample.data, yaml.safe_load(text))
            read = source.parse(yaml.safe_dump(data, sort_keys=False), "p.yaml")
            parsed, problems = loading.load(read)
            assert parsed, (packet, text, problems)
            if "forwards" in text:
                own = known.network.address_on(packet.iif, packet.src)
                port = next(iter(yaml.safe_load(text)["firewall"]["forwards"].values()))["ports"][0]
                packet = replace(packet, dst=own.interface.ip, dport=port)
            assert packet_path.trace(packet_path.model(features.plan(parsed), sample.given), packet).verdict != "dropped", (
                packet,
                text,
            )


def merged(data, more):
    """A profile and what was advised."""
    if isinstance(data, dict):
        return {**data, **{key: merged(data.get(key), value) for key, value in more.items()}}
    return [*data, *more] if isinstance(data, list) else more
