"""A gateway with WireGuard in a namespace, good or with one mistake, and the claims that are asked of it."""

import base64
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from gwimage import features, profile
from gwimage.lab import hosts as lab
from gwimage.lab import sandbox
from gwimage.lab.hosts import Hosts
from gwimage.lab.hosts import wireguard as tunnels
from gwimage.lab.machine.guest import LISTENER, Findings
from gwimage.lab.netns import inside, ip, make, run, spawn
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.topology import derive
from gwimage.values import wireguard
from gwimage.verify import run as course

FILES = {"phone.psk": base64.b64encode(b"p" * 32).decode()}
DATA = {
    "version": 1,
    "name": "stand-in",
    "release": "1.0.0",
    "wans": {
        "wan": {"nic": "net0", "ipv4": {"address": "192.0.2.2/24", "gateway": "192.0.2.1"}},
        "dsl": {"nic": "net2", "ipv4": {"address": "100.64.0.2/24", "gateway": "100.64.0.1"}},
    },
    "lans": {"lan": {"nic": "net1", "address": "10.0.0.1/24"}},
    "vpn": {
        "wg": {
            "port": 51820,
            "address": "10.99.0.1/24",
            "peers": {
                "phone": {
                    "public_key": "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
                    "address": "10.99.0.2",
                    "preshared_key_file": "phone.psk",
                },
                "branch": {
                    "public_key": "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=",
                    "address": "10.99.0.3",
                    "endpoint": "branch.example:51900",
                    "networks": ["10.50.0.0/16"],
                    "keepalive": "25s",
                },
            },
        }
    },
    "firewall": {
        "allow": [
            {"from": ["wg"], "sources": ["10.99.0.2"], "to": ["lan", "wan"]},
            {"from": ["wg"], "sources": ["10.50.0.0/16"], "to": ["lan"]},
            {"from": ["lan"], "to": ["wg"], "destinations": ["10.50.0.0/16"]},
        ],
        "forwards": {"shop": {"ports": ["8443-8445"], "to": "10.50.0.7"}},
    },
}
PROFILE = profile.parse(DATA, FILES)
CLAIMS = [
    claim
    for claim in features.plan(PROFILE).claims
    if "wg" in claim.id or "shop" in claim.id or claim.id.startswith("wans.") and claim.id.endswith(".address")
]
FIREWALL = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        STRANGERS
        ct state established,related accept
        meta l4proto icmp accept
        udp dport 51820 SHUT
        iifname { "lan", "wg" } meta l4proto { tcp, udp } th dport { 53, PORTS } accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct status dnat accept
        iifname "lan" oifname "wan" accept
        FORWARD
        iifname "wg" ip saddr 10.99.0.2 oifname { "lan", "wan" } accept
        iifname "wg" ip saddr 10.50.0.0/16 oifname "lan" accept
        iifname "lan" oifname "wg" ip daddr 10.50.0.0/16 accept
    }
}
table ip forwards {
    chain pre {
        type nat hook prerouting priority dstnat
        iifname != "wg" fib daddr type local ip daddr != 10.0.0.1 tcp dport SHOP dnat ip to 10.50.0.7
    }
}
table ip answers {
    chain pre {
        type filter hook prerouting priority mangle
        iifname "dsl" ct state new ct mark set 2
        iifname != "dsl" ct mark 2 meta mark set 2
    }
    chain out {
        type route hook output priority mangle
        ct mark 2 meta mark set 2
    }
}
"""
MASQUERADE = """
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat
        oifname OUT ip saddr { 10.0.0.0/24, 10.99.0.0/24, 10.50.0.0/16 } masquerade
    }
}
"""


@dataclass
class StandIn:
    """A gateway made of a namespace; `faults` are its mistakes."""

    hosts: Hosts
    key: str
    faults: frozenset[str]
    patience: float = 8
    started: float = 0
    processes: list = field(default_factory=list)
    emulated: bool = False
    concurrent: bool = True
    late: float = 6
    tries: int = 1
    ports: range = ALL_PORTS

    def start(self, control):
        make("gw")
        self.started, sides = time.time(), self.hosts.topology
        for name, segment in [(side.name, side.segment) for side in sides.wans] + [("lan", sides.lans[0].segments[0])]:
            ip("hv", [f"link add gw-{name} type veth peer name {name} netns gw"])
            ip("hv", [f"link set gw-{name} master {segment.bridge} up"])
            ip("gw", [f"link set {name} addrgenmode none up"])
        ip("gw", [f"link set {side.name} address {side.mac}" for side in sides.wans])
        ip("gw", ["addr add 192.0.2.2/24 dev wan", "addr add 100.64.0.2/24 dev dsl", "addr add 10.0.0.1/24 dev lan"])
        ip("gw", ["route add default via 192.0.2.1", "route add default via 100.64.0.1 table 2"])
        ip("gw", ["rule add fwmark 2 lookup main suppress_prefixlength 0 pref 1", "rule add fwmark 2 lookup 2 pref 2"])
        with inside("gw"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            self.listeners = [socket.create_server(("", port)) for port in (LISTENER, 80)]
        self._rules(control)
        self._tunnel()
        log, names = self.hosts.dir / "stand-in.log", "gw" if "no name" in self.faults else "stand-in.home.arpa"
        argv = ["dnsmasq", "-d", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--pid-file="]
        self.processes.append(spawn("gw", [*argv, f"--host-record={names},10.0.0.1"], log))

    def _rules(self, control):
        rules = "" if control and "no control" not in self.faults or "open" in self.faults else FIREWALL
        rules = rules.replace("SHUT", "drop" if "shut" in self.faults else "accept")
        rules = rules.replace("PORTS", "80" if "listens" in self.faults else "53")
        more = 'iifname "wg" accept' if "all may" in self.faults else ""
        more += '\noifname "wg" accept' if "all may come" in self.faults else ""
        shop = (
            "8443-8446"
            if "forwards too much" in self.faults
            else "8443"
            if "forwards too little" in self.faults
            else "8443-8445"
        )
        strange = f"ip saddr {self.hosts.topology.wans[0].attacker.ip} udp dport 51820 reject"
        rules = (
            rules.replace("SHOP", shop)
            .replace("FORWARD", more)
            .replace("STRANGERS", strange if "answers strangers" in self.faults else "")
        )
        if "no masquerade" not in self.faults:
            rules += MASQUERADE.replace("OUT", '{ "wan", "wg", "lan" }' if "hides too much" in self.faults else '"wan"')
        if (
            "astray" in self.faults
        ):  # of WireGuard's answers it depends on the version of wireguard-go whether they arrive all the same
            rules = rules.replace("ct state new ct mark set 2", "udp dport 51820 drop")
        with inside("gw"):
            run(["nft", "-f", "-"], stdin=rules)

    def _tunnel(self):
        self.processes.append(tunnels.run("gw", "wg", self.hosts.dir / "gw-wg.log"))
        lines = [f"private_key={_hex(self.key)}", f"listen_port={51821 if 'port' in self.faults else 51820}"]
        for one in self.hosts.tunnels:
            wrong = f"wrong key of {one.played.peer.name}" in self.faults
            lines.append(f"public_key={_hex(wireguard.public(wireguard.generate() if wrong else one.private))}")
            nets = [] if "deaf to phone" in self.faults and one.played.initiates else one.played.networks
            if one.played.peer.preshared_key:
                lines.append(f"preshared_key={_hex(self.key if 'preshared' in self.faults else one.played.peer.preshared_key)}")
            if not one.played.initiates and "mute" not in self.faults:
                lines += [f"endpoint={one.uplink}:51900", "persistent_keepalive_interval=1"]
            lines += [f"allowed_ip={net}" for net in nets if "no networks" not in self.faults or net.prefixlen == 32]
        tunnels.order("wg", "set", lines)
        routes = [] if "no route" in self.faults else ["route add 10.50.0.0/16 dev wg"]
        ip("gw", ["addr add 10.99.0.1/24 dev wg", "link set wg up", *routes])

    def alive(self):
        return True

    def ready(self):
        return True

    @property
    def ready_at(self):
        return self.started

    def findings(self):
        return Findings("running", (), (), "id", (), "", "", "stand-in", 500000, 400000)

    def sockets(self):
        return None

    def open_up(self):
        if "no control" not in self.faults:
            with inside("gw"):
                run(["nft", "flush", "ruleset"])

    def agent_answers(self):
        return True

    def shut_down(self):
        return "clean"

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()
        for listener in self.listeners:
            listener.close()
        ip("hv", [f"link del gw-{link}" for link in ("wan", "dsl", "lan")])
        run(["ip", "netns", "del", "gw"])
        Path("/run/wireguard/wg.sock").unlink(missing_ok=True)
        return "clean"


def _hex(key):
    return base64.b64decode(key).hex()


def examine(say, folder, faults):
    topology, keys = derive(PROFILE), tunnels.gateway_keys(PROFILE)
    hosts = Hosts(topology, folder, tunnels.derive(PROFILE, topology, keys))
    hosts.start()
    lab._ANSWER, lab._CALL_AGAIN = 8, 12
    return course.run_boots(
        say, hosts, StandIn(hosts, keys["wg"], faults), [claim for claim in CLAIMS if asked(claim, *faults)]
    )


def asked(claim, fault=""):
    """What takes its time is left out where a fault has nothing to do with it."""
    slow = claim.id in (f"{WG}.closed", f"{WG}.strangers") or claim.id.endswith(".beside")
    return not slow or not fault or claim.id in EXPECTED[fault]


def verdicts(folder, *faults):
    outcome = sandbox.call(examine, folder, frozenset(faults), say=lambda text: None)
    return {result.id: result for result in outcome.results}


def having(results, *statuses):
    return {result.id for result in results.values() if result.status in statuses}


PHONE, BRANCH, WG = "vpn.wg.peers.phone", "vpn.wg.peers.branch", "vpn.wg"
NOT_PHONE = {f"{BRANCH}.{name}" for name in ("handshake", "services", "unreachable.lan", "internet")}
NOT_PHONE |= {"firewall.allow.1.wg.lan", "firewall.allow.2.lan.wg"}
FORWARDS = {claim.id for claim in CLAIMS if "shop" in claim.id}
FORWARDED = {name for name in FORWARDS if not name.endswith((".beside", ".inside", ".outside"))}
CLOSED = {claim.id for claim in CLAIMS if claim.closed}
FROM_OUTSIDE = {f"{WG}.unreachable.{name}" for name in ("wan", "dsl", "lan")}
TO_LAN, TO_WAN, FROM_BRANCH, TO_BRANCH = (  # each entry is asked by TCP and by UDP
    {f"firewall.allow.{entry}", f"firewall.allow.{entry}.udp"} for entry in ("0.wg.lan", "0.wg.wan", "1.wg.lan", "2.lan.wg")
)
EXPECTED = {
    "wrong key of phone": {f"{PHONE}.handshake"},
    "wrong key of branch": {f"{BRANCH}.handshake"},
    "preshared": {f"{PHONE}.handshake"},
    "port": {f"{PHONE}.handshake"},
    "shut": {f"{PHONE}.handshake"},
    "mute": {f"{BRANCH}.handshake"},
    "astray": {f"{WG}.port.dsl", "firewall.forwards.shop.attacker-dsl.dsl.tcp"},
    "deaf to phone": {f"{PHONE}.services", f"{PHONE}.source", f"{WG}.closed", *FROM_OUTSIDE, *TO_LAN, *TO_WAN},
    "no networks": {*FROM_BRANCH, *TO_BRANCH, *FORWARDED},
    "no route": {*FROM_BRANCH, *TO_BRANCH, *FORWARDED},
    "no name": {f"{PHONE}.services", f"{BRANCH}.services"},
    "no masquerade": {f"{PHONE}.source"},
    "hides too much": {*TO_LAN, *FROM_BRANCH, *TO_BRANCH, "firewall.forwards.shop.client-lan.wan.tcp"},
    "all may": {f"{BRANCH}.unreachable.lan", f"{BRANCH}.internet"},
    "all may come": FROM_OUTSIDE,
    "answers strangers": {f"{WG}.strangers"},
    "listens": {f"{WG}.closed"},
    "forwards too much": {name for name in FORWARDS if name.endswith(".beside")},
    "forwards too little": {"firewall.forwards.shop.attacker-wan.wan.tcp.8445"},
    "no control": CLOSED,
}
