"""The claims about DHCP, asked of Debian 13's own networkd in namespaces: all green, and each mutant red on its claims.

In a machine the same costs minutes (test_vm.py); what a bad server looks like otherwise is shown in test_probes.py.
"""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gwimage import profile
from gwimage.claims.claim_dhcp import Pool
from gwimage.claims.claim_services import LocalName
from gwimage.compiler import claims, compile
from gwimage.compiler.loading import load
from gwimage.lab import sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.topology import derive
from gwimage.lab.wait import wait_for
from gwimage.language import source
from gwimage.verify.probes import ask, leases
from gwimage.verify.probes.view import View
from gwimage.verify.schedule import ask_all
from tests.support import debian_oracle
from tests.support.dhcp_server import Server

PROFILE = """
version: 1
name: claims
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp}}
lans:
  lan:
    nic: net1
    address: 10.0.0.1/24
    dhcp:
      pool: 10.0.0.100-10.0.0.139
      lease_time: 2h
      ntp: [10.0.0.6]
      options:
        - {code: 150, type: ipv4, value: 10.0.0.7}
        - {code: 43, type: hex, value: '3a 20 00 22 25 5c 6e 80 ff 0a 27 3b 23 20'}  # all that a unit file could read otherwise
        - {code: 224, type: hex, value: '33:33'}
        - {code: 121, type: hex, value: '10:0a:14:0a:00:00:07:00:0a:00:00:01'}
      reservations:
        nas: {mac: '02:00:00:00:00:05', address: 10.0.0.5}
        inside: {mac: '02:00:00:00:00:06', address: 10.0.0.120}
"""
LARGE = PROFILE.replace("10.0.0.139", "10.0.0.199")
TINY = PROFILE.replace("10.0.0.100-10.0.0.139", "10.0.0.119-10.0.0.121")
LAN = "config/etc/systemd/network/20-lan.network"
SERVER = "DHCPServer=yes"
DHCP = "lans.lan.dhcp."
KEPT = "kept"  # a lease that only the server's memory explains
RESERVED = ("reservations.nas", "reservations.inside")

# what is wrong in the configuration: what it makes red
MUTANTS = {
    "pool moved": ("PoolOffset=100", "PoolOffset=20", {"lease"}),
    "pool cut": ("PoolSize=40", "PoolSize=39", {"addresses"}),
    "pool widened": ("PoolSize=40", "PoolSize=41", {"addresses"}),
    "lease time": ("DefaultLeaseTimeSec=7200", "DefaultLeaseTimeSec=3600", {"lease"}),
    "DNS server": ("DNS=10.0.0.1", "DNS=10.0.0.2", {"lease"}),
    "reserved for another": ("MACAddress=02:00:00:00:00:05", "MACAddress=02:00:00:00:00:07", {"reservations.nas"}),
    "reserved elsewhere": ("Address=10.0.0.5", "Address=10.0.0.8", {"reservations.nas"}),
    "not reserved": ("Address=10.0.0.120", "Address=10.0.0.8", {"reservations.inside", "addresses"}),
    "time server": ("NTP=10.0.0.6", "NTP=10.0.0.8", {"options"}),
    "option": ("SendOption=150:ipv4address:10.0.0.7", "SendOption=150:ipv4address:10.0.0.8", {"options"}),
    "a byte": (r"\x07\x00\x0a", r"\x08\x00\x0a", {"options"}),
    "its digits as text": ("224:string:33", "224:string:3333", {"options"}),
    "domain": ("SendOption=15:string:home.arpa", "SendOption=15:string:home.test", {"options"}),
    "server off": (SERVER, "DHCPServer=no", {"lease", KEPT}),
    "nothing remembered": ("UplinkInterface=:none", "UplinkInterface=:none\nPersistLeases=no", {KEPT, *RESERVED}),
}
NEEDING = {"lease": {"options", "reservations.nas", "reservations.inside", "elsewhere", "identities", "renewal", "addresses"}}


def asked(folder, text, old="", new="", cured=True):
    read = source.parse(text, "p.yaml")
    files, problems = compile(read)
    assert files, problems
    assert old in files[LAN].text
    files[LAN] = dataclasses.replace(files[LAN], text=files[LAN].text.replace(old, new, 1))
    parsed = load(read)[0]
    mine = [claim for claim in claims(parsed) if claim.id.startswith(DHCP) and not isinstance(claim.probe, LocalName)]
    return sandbox.call(_asked, debian_oracle.tree(), folder, parsed, files, mine, cured, say=print)


def _asked(_say, tree: Path, folder: Path, parsed: profile.Profile, files, mine, cured):
    hosts = Hosts(derive(parsed), folder)
    hosts.start()
    lan = hosts.lan("lan")
    server = Server(tree)
    server.prepare(lan.segments[0].bridge)
    serves = SERVER in files[LAN].text
    server.start(files, cured, serves)
    hosts.ask_for_leases()
    wait_for(lambda: hosts.lease("lan"), 5, lambda: True)
    view = View(hosts, lambda: None)
    answers = ask_all(mine, lambda claim: ask(claim.probe, view), concurrent=True)
    leases.keep("lan")
    before = leases.kept("lan")
    server.stop()
    server.start(files, cured, serves)
    after = leases.kept("lan")
    seen = {claim.id.removeprefix(DHCP): answers[claim.id] for claim in mine}
    return seen, (before, after), [claim.probe for claim in mine if isinstance(claim.probe, Pool)]


def red(seen, memory):
    wrong = {name for name, answer in seen.items() if answer is None or not answer.good}
    return wrong | ({KEPT} if "None" in memory or len(set(memory)) > 1 else set())


@pytest.mark.parametrize(("text", "emptied"), [(PROFILE, True), (LARGE, False), (TINY, True)], ids=["small", "large", "tiny"])
def test_the_real_server_is_green(tmp_path, text, emptied):
    seen, memory, pools = asked(tmp_path, text)
    assert red(seen, memory) == set(), (seen, memory)
    assert [pool.emptied for pool in pools] == [emptied]


def test_a_server_that_keeps_the_leases_of_reserved_machines_is_red(tmp_path):
    """networkd alone: dhcp-reservation-mute in docs/defects.md."""
    seen, memory, _ = asked(tmp_path, PROFILE, cured=False)
    assert red(seen, memory) == set(RESERVED)
    assert seen["reservations.nas"].seen.endswith(
        "10.0.0.5 by MAC address, then no answer by DUID, then 10.0.0.5 by MAC address"
    )


@pytest.fixture(scope="module")
def mutated(tmp_path_factory):
    """Side by side: each has a world of its own, and mostly waits."""
    with ThreadPoolExecutor(6) as pool:
        folders = [tmp_path_factory.mktemp("lab") for _ in MUTANTS]
        return dict(zip(MUTANTS, pool.map(lambda folder, name: asked(folder, PROFILE, *MUTANTS[name][:2]), folders, MUTANTS)))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_red_on_exactly_its_claims(mutated, name):
    seen, memory, _ = mutated[name]
    expected = MUTANTS[name][2]
    if name == "pool widened" and seen["lease"].seen.startswith(
        "10.0.0.140/"
    ):  # the client came upon the one address beyond it
        expected = {"lease"}
    assert red(seen, memory) == expected.union(*(NEEDING.get(one, set()) for one in expected)), (seen, memory)


def test_addresses_that_no_two_clients_may_have():
    """No server at hand gives an address twice."""
    first, *more, last = [IPv4Address("10.0.0.1") + number for number in range(5)]
    pool = Pool("lan", first, last, (last,), 3, emptied=False)
    assert leases.doubts(pool, [first, *more], None) == ""
    assert leases.doubts(pool, [first, first], None) == "two clients have 10.0.0.1"
    assert leases.doubts(pool, [first], first) == "two clients have 10.0.0.1"
    assert leases.doubts(pool, [last], None) == "reserved for another is 10.0.0.5"
    assert leases.doubts(pool, [last + 1], None) == "outside the pool is 10.0.0.6"
