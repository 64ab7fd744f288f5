"""The lab against a stand-in gateway in a namespace: each probe comes out good, and bad.

Seconds instead of minutes; needs root or a user namespace. The stand-in has the faults that
a test asks for, and the whole course of a verification runs against it.
"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gwimage import profile
from gwimage.lab import course, world
from gwimage.lab.guest import LISTENER, Findings
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import inside, ip, make, run, spawn
from gwimage.lab.topology import derive

DATA = {
    "version": 1,
    "name": "stand-in",
    "release": "1.0.0",
    "wans": {"wan": {"nic": "net0", "ipv4": "dhcp"}},
    "lans": {
        "lan": {
            "nic": "net1",
            "address": "10.0.0.1/24",
            "dhcp": {"pool": "10.0.0.100-10.0.0.199"},
        },
        "iot": {"nic": "net2", "address": "10.0.9.1/24"},
    },
}
FIXED = {"nic": "net0", "ipv4": {"address": "192.0.2.2/30", "gateway": "192.0.2.1"}}
PROFILE = profile.parse(DATA)
STATIC = profile.parse(DATA | {"wans": {"wan": FIXED}})
CLAIMS = profile.plan(PROFILE).claims
CLOSED = {claim.id for claim in CLAIMS if claim.closed}
SCANS = {"wans.wan.closed", "lans.lan.closed", "lans.iot.closed"}
REACH = {
    "lans.lan.unreachable.wan", "lans.lan.unreachable.iot",
    "lans.iot.unreachable.wan", "lans.iot.unreachable.lan",
}  # fmt: skip
HIDDEN = {"lans.lan.source", "lans.iot.source"}
WAN_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev wan; ip addr add "$ip/$mask" dev wan; ip route replace default via $router
"""
FIREWALL = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        meta l4proto icmp accept
        iifname { "lan", "iot" } udp dport { 53, 67 } accept
        iifname { "lan", "iot" } tcp dport 53 accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        oifname "wan" accept
    }
}
"""
MASQUERADE = """
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat
        ip saddr { 10.0.0.0/24, 10.0.9.0/24 } masquerade
    }
}
"""
WELL = Findings("running", (), (), "id", ("key",), "", "", "stand-in", 500000, 400000)


@dataclass
class StandIn:
    """A gateway made of a namespace; `faults` are its mistakes."""

    hosts: Hosts
    faults: frozenset[str]
    patience: float = 4
    started: float = 0
    processes: list = field(default_factory=list)
    emulated: bool = True
    starts: int = 0

    def start(self, control):
        self.starts += 1
        if self.hangs():
            self.started = time.time()
            return
        make("gw")
        self.started, self.control = time.time(), control
        names = {0: "wan", 1: "lan", 2: "iot"}
        for card in self.hosts.topology.cards:
            end = f"gw{card.slot}"
            ip("hv", [f"link add {end} type veth peer name {names[card.slot]} netns gw"])
            ip("hv", [f"link set {end} master br{card.slot} up"])
            ip("gw", [f"link set {names[card.slot]} addrgenmode none address {card.mac} up"])
        ip("gw", ["addr add 10.0.0.1/24 dev lan", "addr add 10.0.9.1/24 dev iot"])
        if self.hosts.topology.wans[0].static:
            ip("gw", ["addr add 192.0.2.2/30 dev wan", "route add default via 192.0.2.1"])
        with inside("gw"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            self.listener = socket.create_server(("", LISTENER))
        self._rules(control)
        self._daemons()

    def _rules(self, control):
        uncontrolled = "no control" in self.faults
        rules = "" if control and not uncontrolled or "open" in self.faults else FIREWALL
        if "reject" in self.faults:
            rules = rules.replace("    }\n", "        tcp dport 1-50 reject with tcp reset\n    }\n", 1)
        if "no masquerade" not in self.faults:
            rules += MASQUERADE
        with inside("gw"):
            run(["nft", "-f", "-"], stdin=rules)

    def _daemons(self):
        log = self.hosts.dir / "stand-in.log"
        script = self.hosts.dir / "wan.sh"
        script.write_text(WAN_SCRIPT)
        script.chmod(0o755)
        if "no wan" not in self.faults and not self.hosts.topology.wans[0].static:
            self.processes.append(spawn("gw", ["udhcpc", "-fq", "-T1", "-iwan", "-s", str(script)], log))
        pool = "10.0.0.20,10.0.0.30" if "pool" in self.faults else "10.0.0.100,10.0.0.199"
        if "forgets" in self.faults and self.control:
            pool = "10.0.0.150,10.0.0.155"
        dhcp = [] if "no dhcp" in self.faults else [f"--dhcp-range={pool},1h"]
        dns = "127.0.0.9" if "no dns" in self.faults else str(self.hosts.topology.wans[0].isp.ip)
        self.processes.append(spawn("gw", [
            "dnsmasq", "-d", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping",
            "--pid-file=", f"--server={dns}", "--dhcp-leasefile=/run/gw.leases",
            *dhcp,
        ], log))  # fmt: skip

    def alive(self):
        return True

    def hangs(self):
        return "hangs" in self.faults or ("hangs once" in self.faults and self.starts == 1)

    def ready(self):
        return not self.hangs()

    def cut(self):
        assert self.hangs()

    @property
    def ready_at(self):
        return self.started

    def findings(self):
        if self.hangs():
            return None
        return replace(WELL, failed=("x.service",)) if "failed unit" in self.faults else WELL

    def open_up(self):
        if "no control" not in self.faults and not self.hangs():
            with inside("gw"):
                run(["nft", "flush", "ruleset"])

    def stop(self):
        if self.hangs():
            return "plug pulled"
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()
        self.listener.close()
        for card in self.hosts.topology.cards:
            ip("hv", [f"link del gw{card.slot}"])
        run(["ip", "netns", "del", "gw"])
        return "plug pulled" if "plug pulled" in self.faults else "clean"


def examine(say, folder, faults):
    course._LATE = 2
    gateway_profile = STATIC if "static" in faults else PROFILE
    hosts = Hosts(derive(gateway_profile), folder)
    hosts.start()
    return course.examine(say, hosts, StandIn(hosts, faults), gateway_profile, CLAIMS)


def verdicts(folder, *faults):
    outcome = world.call(examine, folder, frozenset(faults), say=lambda text: None)
    return {result.id: result for result in outcome.results}


EXPECTED = {
    "open": SCANS | REACH,
    "reject": SCANS,
    "no masquerade": HIDDEN,
    "no control": CLOSED,
    "no dns": {"lans.lan.dns", "lans.iot.dns"},
    "failed unit": {"system.inspection"},
    "forgets": {"state.persist"},
    "plug pulled": {"machine.poweroff"},
}
WITHOUT_LEASE = ("no dhcp", "pool")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The results of every stand-in, verified side by side: each lab has a world of its own."""
    faults = ["", "static", "hangs once", "hangs", *EXPECTED, *WITHOUT_LEASE, "no wan"]
    with ThreadPoolExecutor(6) as pool:
        folders = [tmp_path_factory.mktemp("lab") for _ in faults]
        return dict(zip(faults, pool.map(verdicts, folders, faults)))


def having(results, *statuses):
    return {result.id for result in results.values() if result.status in statuses}


def test_a_machine_that_hangs_is_red(seen):
    assert not having(seen["hangs"], "pass")


@pytest.mark.parametrize("kind", ["", "static", "hangs once"])
def test_a_good_gateway_is_green(seen, kind):
    results = seen[kind]
    assert {r.id: (r.seen, r.control) for r in results.values() if r.status != "pass"} == {}
    assert results.keys() == {claim.id for claim in CLAIMS} | {"machine.poweroff", "state.persist"}
    assert str(LISTENER) in results["wans.wan.closed"].control
    assert "10.0.0.1" in results["lans.lan.source"].control


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_red_on_exactly_its_claims(seen, fault):
    assert having(seen[fault], "fail", "not asked") == EXPECTED[fault], seen[fault]


@pytest.mark.parametrize("fault", WITHOUT_LEASE)
def test_what_needs_a_lease_is_not_asked_without_one(seen, fault):
    needing = {claim.id for claim in CLAIMS if "lans.lan.dhcp.lease" in claim.needs}
    assert having(seen[fault], "not asked") == needing
    assert having(seen[fault], "fail") - {"state.persist"} == {"lans.lan.dhcp.lease"}


def test_without_a_wan_address_nothing_outside_is_asked(seen):
    results = seen["no wan"]
    assert results["wans.wan.address"].status == "fail"
    assert results["wans.wan.closed"].status == "not asked"
    assert results["lans.lan.dhcp.lease"].status == "pass"
