"""A gateway made of dnsmasq, chrony and nft in a namespace, good or with one mistake, and the claims that are asked of it."""

import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path

from gwimage import features, profile
from gwimage.claims.claim import Claim
from gwimage.claims.claim_dhcp import DhcpOptions, Pool, ReservedLease
from gwimage.claims.claim_firewall import AllowedToGateway, BlockedFlows, Reaches, Unreachable
from gwimage.claims.claim_nat import Forwarded, NotForwarded, SpoofedForward
from gwimage.claims.claim_services import DnsQuery, LocalName, NtpQuery, ReverseNames
from gwimage.claims.flow import Flow
from gwimage.lab import sandbox, sockets
from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.guest import LISTENER, Findings
from gwimage.lab.netns import inside, ip, make, run, spawn
from gwimage.lab.packets.dhcp_client import DUID
from gwimage.lab.packets.headers import mac_bytes
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.topology import derive
from gwimage.values.domain_names import wire
from gwimage.values.lab_host import attacker, client
from gwimage.verify import run as course
from tests.support.verifications import PORTS

DSL = {"nic": "net4", "ipv4": {"address": "100.64.0.2/24", "gateway": "100.64.0.1"}, "mtu": 1400}
DATA = {
    "version": 1,
    "name": "stand-in",
    "release": "1.0.0",
    "wans": {"wan": {"nic": "net0", "ipv4": "dhcp"}, "dsl": DSL},
    "lans": {
        "lan": {
            "nic": "net1",
            "vlan": 20,
            "address": "10.0.0.1/24",
            "extra_addresses": ["10.7.0.1/24"],
            "dhcp": {"pool": "10.0.0.100-10.0.0.199"},
        },
        "iot": {"nics": ["net2", "net3"], "address": "10.0.9.1/24", "internet": False, "mtu": 1300},
    },
    "routes": [{"to": "10.20.0.0/16", "via": "10.0.0.254"}],
}
FIXED = {"nic": "net0", "ipv4": {"address": "192.0.2.2/30", "gateway": "192.0.2.1"}}
PROFILE = profile.parse(DATA)
STATIC = profile.parse(DATA | {"wans": {"wan": FIXED, "dsl": DSL}})
NAS, MAC, SENSOR = IPv4Address("10.0.0.5"), "02:00:00:00:00:05", IPv4Address("10.0.9.9")
SAVED = IPv4Address("10.0.0.150")  # for a machine that never comes
OWN = ("10.0.0.1", "10.7.0.1", "10.0.9.1")
FAR, FRIEND = IPv4Address("9.9.9.9"), IPv4Address("192.0.2.77")
OPTIONS = ((42, "0a000001"), (15, b"home.arpa".hex()), (119, wire("home.arpa").hex()), (150, "0a000005"), (224, "0102ff"))
PROBES = {
    "reservation": ReservedLease("lan", MAC, NAS),
    "emptied": Pool("lan", IPv4Address("10.0.0.100"), IPv4Address("10.0.0.199"), (SAVED,), 98, emptied=True),
    "name": LocalName("lan", "nas.home.arpa", (NAS,)),
    "label": LocalName("iot", "nas", (NAS,)),
    "reverse": ReverseNames("lan", ((IPv4Address(OWN[0]), "stand-in.home.arpa"), (NAS, "nas.home.arpa"))),
    "options": DhcpOptions("lan", OPTIONS, NAS),
    "time": NtpQuery("lan"),
    "server": DnsQuery("lan", IPv4Address("198.51.100.1")),
    "admitted": AllowedToGateway(
        client("lan"), "tcp", (Flow(8000, None, None), Flow(8010, None, None)), (Flow(7999, None, None), Flow(8011, None, None))
    ),
    "admitted udp": AllowedToGateway(client("lan"), "udp", (Flow(123, None, None),), (Flow(124, None, None),)),
    "admitted ping": AllowedToGateway(client("lan"), "icmp", (Flow(0, None, None),), ()),
    "reaches tcp": Reaches(client("iot"), "lan", "tcp", 445, NAS, SENSOR),
    "reaches udp": Reaches(client("iot"), "lan", "udp", 445),
    "reaches out": Reaches(client("iot"), "wan", "udp", 53, FAR),
    "reaches in": Reaches(attacker("wan"), "lan", "tcp", 445, source=FRIEND),
    "withheld": BlockedFlows(client("iot"), "lan", "tcp", (Flow(446, NAS, SENSOR), Flow(444, None, None))),
    "withheld udp": BlockedFlows(client("iot"), "lan", "udp", (Flow(446, None, None),)),
    "private": Unreachable(
        client("lan"), "wan", destinations=tuple(map(IPv4Address, ("192.168.178.66", "10.99.0.66", "169.254.0.66")))
    ),
    "forward": Forwarded(attacker("wan"), "wan", "tcp", 443, "lan", NAS, 8443),
    "forward udp": Forwarded(attacker("wan"), "wan", "udp", 443, "lan", NAS, 8443),
    "forward friend": Forwarded(attacker("wan"), "wan", "tcp", 444, "lan", NAS, 8443, FRIEND),
    "forward routed": Forwarded(attacker("wan"), "wan", "tcp", 446, "lan", IPv4Address("10.20.0.9"), 446),
    "forward dsl": Forwarded(attacker("dsl"), "dsl", "tcp", 443, "lan", NAS, 8443),
    "forward spoofed": SpoofedForward(attacker("wan"), "wan", "tcp", 443, "lan", NAS),
    "forward spoofed udp": SpoofedForward(attacker("wan"), "wan", "udp", 443, "lan", NAS),
    "hairpin": Forwarded(client("lan"), "wan", "tcp", 443, "lan", NAS, 8443),
    "inside": NotForwarded(
        client("lan"), "wan", "tcp", ((443, 8443),), "lan", NAS, None, (IPv4Address("10.0.0.1"), IPv4Address("10.0.9.1"))
    ),
    "hairpin across": Forwarded(client("iot"), "wan", "tcp", 443, "lan", NAS, 8443),
}
NEEDS = dict.fromkeys(("reservation", "options", "emptied"), ("lans.lan.dhcp.lease",))
ALLOWED, FORWARDED = ((8000, 8010),), ((443, 446),)


def _as_built(name, probe):
    """The stand-in opens more than the profile: ports on one LAN, the time on both, and forwards on the WANs."""
    if name == "lans.lan.closed":
        return probe._replace(allowed_tcp=ALLOWED)
    if name in ("wans.wan.closed", "wans.dsl.closed"):
        return probe._replace(allowed_tcp=FORWARDED)
    if name in ("wans.wan.closed.udp", "wans.dsl.closed.udp"):
        return probe._replace(allowed_udp=FORWARDED)
    if name in ("wans.wan.closed.others", "wans.dsl.closed.others"):
        return probe._replace(allowed_tcp=FORWARDED, allowed_udp=FORWARDED)
    if name in ("lans.lan.closed.udp", "lans.iot.closed.udp"):
        return probe._replace(open_udp=(*probe.open_udp, 123))
    if name in ("lans.lan.closed.others", "lans.iot.closed.others"):
        tcp = ALLOWED if "lans.lan" in name else ()
        return probe._replace(
            allowed_tcp=(*probe.allowed_tcp, *tcp, *FORWARDED), allowed_udp=(*probe.allowed_udp, (123, 123), *FORWARDED)
        )
    return probe


def _claims() -> tuple[Claim, ...]:
    """Those of the profile, and one for each probe that it has no use for."""
    found = []
    for claim in features.plan(PROFILE).claims:
        found.append(replace(claim, probe=_as_built(claim.id, claim.probe)))
    outside = ("wans.wan.address",)
    more = [
        Claim(
            name,
            "",
            name,
            probe,
            NEEDS.get(name, outside if "wan" in repr(probe) else ()),
            isinstance(probe, (BlockedFlows, Unreachable)),
        )
        for name, probe in PROBES.items()
    ]
    return (*found, *more)


CLAIMS = _claims()
ALWAYS = {f"machine.{name}" for name in ("poweroff", "agent", "shutdown", "quiet")} | {"state.persist"}  # asked of any gateway
CLOSED = {claim.id for claim in CLAIMS if claim.closed}
DHCP = (
    "--dhcp-option=42,10.0.0.1",
    "--dhcp-option=15,home.arpa",
    "--dhcp-option=119,home.arpa",
    "--dhcp-option=150,10.0.0.5",
    "--dhcp-option=224,01:02:ff",
)
REVERSE = {"reverse", "lans.lan.reverse", "lans.iot.reverse"}
ZONES = ("wans.wan", "wans.dsl", "lans.lan", "lans.iot")
SCANS, UDP, OTHERS = ({f"{zone}.closed{more}" for zone in ZONES} for more in ("", ".udp", ".others"))
SPOOFED_FORWARDS = {"forward spoofed", "forward spoofed udp"}
SPOOFED = {claim.id for claim in CLAIMS if ".spoofed" in claim.id}
CLAMPED = {"wans.wan.mss", "wans.dsl.mss"}
BETWEEN_WANS = {"wans.wan.unreachable.dsl", "wans.dsl.unreachable.wan"}
NO_INTERNET = {"lans.iot.internet", "lans.iot.internet.dsl"}
REACH = {claim.id for claim in CLAIMS if ".unreachable." in claim.id}
HIDDEN = {"lans.lan.source", "lans.lan.source.dsl", "lans.lan.source.10.7.0.0/24", "lans.lan.source.10.20.0.0/16"}
WAN_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev wan; ip addr add "$ip/$mask" dev wan; ip route replace default via $router
"""
FIREWALL = """
table inet filter {
    set private {
        type ipv4_addr
        flags interval
        elements = { PRIVATE_NETS }
    }
    chain raw {
        type filter hook prerouting priority raw
        udp sport 68 udp dport 67 accept
        SPOOF
        iifname "iot" ip saddr != 10.0.9.0/24 drop
        iifname { "wan", "dsl" } ip saddr { 10.0.0.0/24, 10.7.0.0/24, 10.20.0.0/16, 10.0.9.0/24 } drop
    }
    chain unreachable {
        type filter hook output priority filter
        OUTPUT
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        meta l4proto icmp accept
        iifname { "lan", "iot" } udp dport { 53, 67, 123 } accept
        DNS
        iifname "lan" tcp dport 8000-8010 accept
        INPUT
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        CLAMP
        ct state established,related accept
        ct status dnat accept
        FORWARD
        PRIVATE
        iifname INTERNET oifname { "wan", "dsl" } OUTWARD accept
    }
}
"""
ALLOW = """
        iifname "iot" oifname "wan" udp dport 53 accept
        iifname "iot" oifname "lan" th dport 445 accept
        iifname "wan" oifname "lan" ip saddr 192.0.2.77 tcp dport 445 accept
"""
SPOOF = """iifname "lan" ip saddr != { 10.0.0.0/24, 10.7.0.0/24, 10.20.0.0/16 } drop
        iifname { "wan", "dsl" } ip saddr 10.0.0.0/24 drop"""
CLAMP = 'SIDE { "wan", "dsl" } tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu'
# By fault: what it puts into which place of the rules.
HOLES = {
    "reject": ("INPUT", "tcp dport 1-50 reject with tcp reset"),
    "listens": ("INPUT", "tcp dport 9000 accept"),
    "udp hole": ("INPUT", "udp dport 5351 accept"),
    "udp hole, silent": ("INPUT", "udp dport 5351 accept"),
    "udp hole anywhere": ("INPUT", "udp dport 43210 accept"),
    "udp service": ("INPUT", "udp dport 9001 accept"),
    "udp across": ("FORWARD", 'iifname "iot" oifname "lan" udp dport 8080 accept'),
    "ping across": ("FORWARD", 'iifname "iot" oifname "lan" icmp type echo-request accept'),
    "wan to wan": ("FORWARD", 'iifname "wan" oifname "dsl" accept'),
    "lan exposed": ("FORWARD", 'iifname "dsl" oifname "lan" accept'),
    "trusts lan": ("SPOOF", 'iifname "lan" accept'),
}
FORWARDS = """
table ip forwards {
    chain pre {
        type nat hook prerouting priority dstnat
        INSIDE
        FROM fib daddr type local meta l4proto { tcp, udp } th dport 443 dnat ip to 10.0.0.5:8443
        fib daddr type local tcp dport 446 dnat ip to 10.20.0.9
        ip saddr SOURCE fib daddr type local tcp dport 444 dnat ip to 10.0.0.5:8443
    }
    chain post {
        type nat hook postrouting priority srcnat
        HIDE
    }
}
"""
ANSWERS = """
table ip answers {
    chain pre {
        type filter hook prerouting priority mangle
        iifname "dsl" ct state new ct mark set 2
        iifname != "dsl" ct mark 2 meta mark set 2
    }
}
"""
DEAF = {"deaf to renewals": "", "hears no release": "@th,1984,24 0x350107"}  # the kind of message comes first
DHCP_RULES = """
table inet dhcp {
    chain input {
        type filter hook input priority raw
        iifname "lan" ip daddr 10.0.0.1 udp dport 67 WHICH drop
    }
}
"""
HAIRPIN = 'iifname "lan" oifname "lan" ct status dnat masquerade'
MASQUERADE = """
table ip nat {
    chain post {
        type nat hook postrouting priority srcnat
        oifname { OUT } ip saddr { INSIDE } masquerade
    }
}
"""
WELL = Findings("running", (), (), "id", ("key",), "", "", "stand-in", 500000, 400000)


@dataclass
class StandIn:
    """A gateway made of a namespace; `faults` are its mistakes."""

    hosts: Hosts
    faults: frozenset[str]
    patience: float = 8
    late: float = 6
    ports: Sequence[int] = ALL_PORTS
    tries: int = 2
    started: float = 0
    processes: list = field(default_factory=list)
    emulated: bool = True
    concurrent: bool = True
    starts: int = 0

    def start(self, control):
        self.starts += 1
        if self.hangs():
            self.started = time.time()
            return
        make("gw")
        self.started, self.control = time.time(), control
        lan, iot = self.hosts.topology.lans
        wan, dsl = self.hosts.topology.wans
        links = {"wan": wan.segment, "dsl": dsl.segment, "lan": lan.segments[0]}
        links |= {"iot0": iot.segments[0], "iot1": iot.segments[1]}
        ip("gw", ["link add iot type bridge", "link set iot up"])
        for link, segment in links.items():
            end = f"gw-{link}"
            ip("hv", [f"link add {end} type veth peer name {link} netns gw"])
            ip("hv", [f"link set {end} master {segment.bridge} up"])
            ip("gw", [f"link set {link} addrgenmode none up"])
        mtus = {"dsl": 1500 if "dsl mtu" in self.faults else 1400, "iot": 1500 if "iot mtu" in self.faults else 1300}
        joined = ["iot0"] if "torn bridge" in self.faults else ["iot0", "iot1"]
        ip("gw", [f"link set {link} master iot" for link in joined])
        ip("gw", [f"link set {link} mtu {mtu}" for link, mtu in mtus.items()])
        ip("gw", [f"link set {side.name} address {side.mac}" for side in (wan, dsl)])
        ip("gw", ["addr add 10.0.0.1/24 dev lan", "addr add 10.7.0.1/24 dev lan", "addr add 10.0.9.1/24 dev iot"])
        ip("gw", [] if "no route" in self.faults else ["route add 10.20.0.0/16 via 10.0.0.254"])
        if self.hosts.topology.wans[0].assigned:
            ip("gw", ["addr add 192.0.2.2/30 dev wan", "route add default via 192.0.2.1"])
        ip("gw", ["addr add 100.64.0.2/24 dev dsl", "route add default via 100.64.0.1 table 2"])
        ip("gw", ["rule add fwmark 2 lookup main suppress_prefixlength 0 pref 1", "rule add fwmark 2 lookup 2 pref 2"])
        with inside("gw"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            self.listeners = [socket.create_server(("", port)) for port in self._ports()]
            self.listeners.append(self._clock())
            self._echo()
        self._rules(control)
        self._daemons()
        if "announces" in self.faults:
            with inside("gw"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind(("lan", 0))
                raw.send(bytes.fromhex("0180c200000e026777000099") + b"\x88\xcc" + bytes(46))

    def _echo(self):
        """Servers that send back what they get."""
        for port in [LISTENER, *([9001] if "udp service" in self.faults else [])]:
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.bind(("", port))
            self.listeners.append(datagrams)
            threading.Thread(target=_send_back, args=(datagrams,), daemon=True).start()

    def _ports(self):
        """8001 is one that the profile opens, so whoever listens there may; the others answer with a reset."""
        return [LISTENER, 8001, *([9000] if "listens" in self.faults else [])]

    def _clock(self):
        """A time server: stratum, and leap indicator 3 if it is not synchronised."""
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("", 123))
        head = b"\xe4\x00" if "unsynchronised" in self.faults else b"\x24\x03"

        def serve():
            with suppress(OSError):
                while question := datagrams.recvfrom(100):
                    now = struct.pack("!2I", int(time.time()) + 2208988800, 0)
                    if "no time" not in self.faults:
                        datagrams.sendto(head + bytes(22) + question[0][40:48] + now + now, question[1])

        threading.Thread(target=serve, daemon=True).start()
        return datagrams

    def _rules(self, control):
        uncontrolled = "no control" in self.faults
        rules = "" if control and not uncontrolled or "open" in self.faults else FIREWALL
        for place, hole in (HOLES[fault] for fault in self.faults if fault in HOLES):
            rules = rules.replace(place, f"{hole}\n        {place}")
        if "trusts wan" in self.faults:
            rules = rules.replace("SPOOF", 'iifname "wan" accept\n        SPOOF')
            rules = rules.replace("FORWARD", 'iifname "wan" oifname "lan" ip saddr 10.0.0.0/24 accept\n        FORWARD')
        sides = ["oifname"] if "clamps one way" in self.faults else ["oifname", "iifname"]
        clamp = [] if "no clamp" in self.faults else [CLAMP.replace("SIDE", side) for side in sides]
        rules = rules.replace("SPOOF", SPOOF).replace("CLAMP", "\n        ".join(clamp))
        rules = rules.replace(
            "OUTPUT",
            "icmp type destination-unreachable icmp code port-unreachable drop" if "udp hole, silent" in self.faults else "",
        )
        rules = rules.replace("OUTWARD", "meta l4proto tcp" if "tcp only" in self.faults else "")
        dns = "" if "dns by udp alone" in self.faults else 'iifname { "lan", "iot" } tcp dport 53 accept'
        rules = rules.replace("DNS", dns)
        home = "" if "home network too" in self.faults else 'iifname "lan" oifname "wan" ip daddr @private drop'
        nets = ["10.99.0.0/16", "169.254.0.0/16", *([] if "home network half" in self.faults else ["192.168.0.0/16"])]
        rules = rules.replace("PRIVATE_NETS", ", ".join(nets)).replace("PRIVATE", home)
        rules = rules.replace("INTERNET", '{ "lan", "iot" }' if "internet for all" in self.faults else '"lan"')
        rules = rules.replace("INPUT", "").replace("FORWARD", "" if "no allow" in self.faults else ALLOW)
        rules = rules.replace("dport 445 accept", "dport 440-450 accept") if "allows too much" in self.faults else rules
        if "no masquerade" not in self.faults:
            hidden = "10.0.0.0/24" if "hides too little" in self.faults else "10.0.0.0/24, 10.7.0.0/24, 10.20.0.0/16"
            ways = '"wan", "dsl", "lan"' if "hides too much" in self.faults else '"wan", "dsl"'
            rules += MASQUERADE.replace("INSIDE", f"10.0.9.0/24, {hidden}").replace("OUT", ways)
        if "no forward" not in self.faults:
            only = 'iifname { "wan", "dsl" }' if "no hairpin" in self.faults else ""
            source = "192.0.2.78" if "wrong source" in self.faults else FRIEND
            hide = "" if "hairpin past us" in self.faults else HAIRPIN
            spared = "" if "forwards inside" in self.faults else f"ip daddr {{ {', '.join(OWN)} }} accept"
            rules += (
                FORWARDS.replace("INSIDE", spared).replace("FROM", only).replace("SOURCE", str(source)).replace("HIDE", hide)
            )
        for fault in self.faults & DEAF.keys():
            rules += DHCP_RULES.replace("WHICH", DEAF[fault])
        rules += "" if "answers astray" in self.faults else ANSWERS
        with inside("gw"):
            run(["nft", "-f", "-"], stdin=rules)

    def _daemons(self):
        log = self.hosts.dir / "stand-in.log"
        script = self.hosts.dir / "wan.sh"
        script.write_text(WAN_SCRIPT)
        script.chmod(0o755)
        if "no wan" not in self.faults and not self.hosts.topology.wans[0].assigned:
            self.processes.append(spawn("gw", ["udhcpc", "-fq", "-T1", "-iwan", "-s", str(script)], log))
        pool = "10.0.0.20,10.0.0.30" if "pool" in self.faults else "10.0.0.100,10.0.0.199"
        pool = "10.0.0.100,10.0.0.110" if "small pool" in self.faults else pool
        pool = "10.0.0.100,10.0.0.200" if "long pool" in self.faults else pool
        pool = "10.0.0.101,10.0.0.199" if "late pool" in self.faults else pool
        if "forgets" in self.faults:  # nothing in both: by chance it would be the same address
            pool = "10.0.0.150,10.0.0.199" if self.control else "10.0.0.100,10.0.0.149"
        dhcp = [] if "no dhcp" in self.faults else [f"--dhcp-range={pool},1h", *DHCP]
        if "long pool" in self.faults:  # by chance the client itself would get the last one
            dhcp.append("--dhcp-sequential-ip")
        dhcp.append(f"--dhcp-boot=,,{'10.0.0.6' if 'next server' in self.faults else NAS}")
        if "babbles" in self.faults:
            dhcp.append("--dhcp-option=101,Europe/Vienna")
        if "options" in self.faults:
            dhcp.append("--dhcp-option=42,10.0.0.9")
        if "no refusal" not in self.faults:
            dhcp.append("--dhcp-authoritative")
        if "no DUID" in self.faults:
            dhcp += [f"--dhcp-host=id:{duid.hex(':')},ignore" for duid in (DUID, DUID + b"\1" + mac_bytes(MAC))]
        if "gives away" not in self.faults:
            dhcp.append(f"--dhcp-host=02:00:00:00:00:99,{SAVED}")
        if "no reservation" not in self.faults:
            dhcp.append(f"--dhcp-host={MAC},{NAS}")
        if "no names" not in self.faults:
            own = OWN[:1] if "name half known" in self.faults else OWN
            if "names one way" in self.faults:
                dhcp += [f"--address=/{name}/{NAS}" for name in ("nas.home.arpa", "nas")]
                dhcp += [f"--address=/stand-in.home.arpa/{ip}" for ip in own]
            else:
                dhcp += [f"--host-record=nas.home.arpa,nas,{NAS}", *(f"--host-record=stand-in.home.arpa,{ip}" for ip in own)]
        dns = "127.0.0.9" if "no dns" in self.faults else str(self.hosts.topology.wans[0].isp.ip)
        self.processes.append(
            spawn(
                "gw",
                [
                    "dnsmasq",
                    "-d",
                    "--conf-file=/dev/null",
                    "--no-hosts",
                    "--no-resolv",
                    "--no-ping",
                    "--pid-file=",
                    f"--server={dns}",
                    f"--dhcp-leasefile=/run/gw.leases{self.control if 'forgets leases' in self.faults else ''}",
                    *dhcp,
                ],
                log,
            )
        )

    def alive(self):
        return True

    def hangs(self):
        return "hangs" in self.faults or ("hangs once" in self.faults and self.starts == 1)

    def ready(self):
        return not self.hangs()

    def cut(self):
        assert self.hangs()

    def agent_answers(self):
        return "deaf agent" not in self.faults and not self.hangs()

    def shut_down(self):
        return "clean" if self.agent_answers() and "plug pulled" not in self.faults else "plug pulled"

    @property
    def ready_at(self):
        return self.started

    def findings(self):
        if self.hangs():
            return None
        found = replace(WELL, failed=("x.service",)) if "failed unit" in self.faults else WELL
        return replace(found, resolves="" if "no names inside" in self.faults else str(self.hosts.topology.outside))

    def sockets(self):
        if self.hangs():
            return None
        return sockets.read({name: run(["nsenter", "--net=/run/netns/gw", *argv]) for name, argv in sockets.COMMANDS.items()})

    def open_up(self):
        if "no control" not in self.faults and not self.hangs():
            with inside("gw"):
                run(["nft", "flush", "ruleset"])
                sockets.trust()

    def stop(self):
        if self.hangs():
            return "plug pulled"
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()
        for listener in self.listeners:
            listener.close()
        ip("hv", [f"link del gw-{link}" for link in ("wan", "dsl", "lan", "iot0", "iot1")])
        run(["ip", "netns", "del", "gw"])
        return "plug pulled" if "plug pulled" in self.faults else "clean"


def _send_back(datagrams):
    with suppress(OSError):
        while True:
            datagrams.sendto(*datagrams.recvfrom(1500))


def examine(say, folder, faults):
    hosts = Hosts(derive(STATIC if "static" in faults else PROFILE), folder)
    hosts.start()
    claims = [claim for claim in CLAIMS if asked(claim, *faults)]
    if "static" in faults:  # where its network has no room for an attacker
        claims = [claim for claim in claims if claim.id not in BETWEEN_WANS]
    return course.run_boots(
        say, hosts, StandIn(hosts, faults, ports=PORTS if any(faults) else ALL_PORTS, concurrent="static" not in faults), claims
    )


# what is asked by nothing but waiting: of silence, or by many clients
SLOW = {
    "emptied",
    "admitted",
    "admitted udp",
    "inside",
    "forward spoofed",
    "forward spoofed udp",
    "lans.lan.ipv6.off",
    "lans.iot.ipv6.off",
}


def asked(claim, fault=""):
    """Where a fault has nothing to do with what takes its time, that is left out; and what may come after a pool is emptied for ever."""
    if fault in DEAF and claim.id == "lans.lan.dhcp.identities":
        return False
    if claim.id in SLOW:
        return claim.id in EXPECTED.get(fault, SLOW)
    red = HIDDEN if fault in WITHOUT_LEASE else EXPECTED.get(fault, CLOSED)
    kinds = {type(other.probe) for other in CLAIMS if other.closed and other.id in red}
    return not claim.closed or type(claim.probe) in kinds


def verdicts(folder, *faults):
    outcome = sandbox.call(examine, folder, frozenset(faults), say=lambda text: None)
    return {result.id: result for result in outcome.results}


EXPECTED = {
    "open": {"admitted", "admitted udp", "inside", *SPOOFED_FORWARDS}
    | SCANS
    | UDP
    | OTHERS
    | REACH
    | SPOOFED
    | CLAMPED
    | NO_INTERNET
    | {"private"}
    | {"withheld", "withheld udp"},
    "reject": SCANS | OTHERS,
    "udp hole": UDP | OTHERS,
    "udp hole, silent": UDP,
    "udp hole anywhere": UDP,
    "udp service": UDP | OTHERS,
    "udp across": {"lans.lan.unreachable.iot"},
    "ping across": {"lans.lan.unreachable.iot"},
    "wan to wan": {"wans.dsl.unreachable.wan"},
    "lan exposed": {"lans.lan.unreachable.dsl"},
    "trusts wan": {"lans.lan.spoofed.wan", *SPOOFED_FORWARDS},
    "trusts lan": {"lans.lan.spoofed"},
    "no clamp": CLAMPED,
    "clamps one way": CLAMPED,
    "dsl mtu": {"wans.dsl.mtu", "wans.dsl.mss"},
    "iot mtu": {"lans.iot.mtu"},
    "tcp only": {*HIDDEN, "wans.dsl.mtu"},
    "dns by udp alone": {"lans.lan.closed", "lans.iot.closed", "lans.lan.dns", "lans.iot.dns"},
    "no masquerade": HIDDEN,
    "no control": CLOSED,
    "hides too little": HIDDEN - {"lans.lan.source", "lans.lan.source.dsl"},
    "no route": {"lans.lan.source.10.20.0.0/16", "forward routed"},
    "internet for all": NO_INTERNET,
    "home network too": {"private"},
    "home network half": {"private"},
    "no dns": {"lans.lan.dns", "lans.iot.dns", "server"},
    "failed unit": {"system.inspection"},
    "forwards inside": {"inside"},
    "no names inside": {"system.names"},
    "name half known": {"system.hostname.name", "lans.iot.reverse"},
    "long pool": {"lans.lan.dhcp.addresses"},
    "late pool": {"lans.lan.dhcp.addresses"},
    "forgets": {"lans.lan.dhcp.addresses", "state.persist"},
    "plug pulled": {"machine.poweroff", "machine.shutdown"},
    "deaf agent": {"machine.agent", "machine.shutdown"},
    "announces": {"machine.quiet"},
    "torn bridge": {"lans.iot.ping"},
    "forgets leases": {"state.persist"},
    "no DUID": {"lans.lan.dhcp.identities", "reservation"},
    # what is never given back is missing in the end
    "deaf to renewals": {"lans.lan.dhcp.renewal", "lans.lan.dhcp.addresses", "emptied", "state.persist"},
    "hears no release": {"lans.lan.dhcp.renewal", "lans.lan.dhcp.addresses", "emptied", "state.persist"},
    "no refusal": {"lans.lan.dhcp.elsewhere", "lans.lan.dhcp.addresses"},
    "small pool": {"lans.lan.dhcp.addresses", "emptied"},
    "gives away": {"emptied"},
    "no reservation": {"reservation"},
    "options": {"options"},
    "babbles": {"options", "lans.lan.dhcp.options"},
    "next server": {"options"},
    "no names": {"name", "label", "system.hostname.name", *REVERSE},
    "names one way": REVERSE,
    "no time": {"time", "admitted udp"},
    "unsynchronised": {"time"},
    "listens": SCANS | OTHERS,
    "allows too much": {"withheld", "withheld udp"},
    "no allow": {"reaches tcp", "reaches udp", "reaches out", "reaches in"},
    "hides too much": {"reaches tcp", "reaches udp", "hairpin across"},
    "answers astray": {"forward dsl"},
    "wrong source": {"forward friend"},
    "no forward": {
        *SPOOFED_FORWARDS,
        "forward",
        "forward friend",
        "forward routed",
        "forward udp",
        "forward dsl",
        "hairpin",
        "hairpin across",
    },
    "no hairpin": {"hairpin", "hairpin across"},
    "hairpin past us": {"hairpin"},
}
WITHOUT_LEASE = ("no dhcp", "pool")
