"""The hosts around the gateway: bridges for the segments, ISP, an attacker per WAN and a client per LAN.

Brings a topology to life and says which addresses were given out. Asks no questions of the
gateway (that is probes.py) except whether it is there at all.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from subprocess import Popen

from gwimage.lab import wire
from gwimage.lab.netns import inside, ip, make, spawn
from gwimage.lab.topology import LanSide, Topology, WanSide
from gwimage.problem import ToolError

SECRET_NAME = "known-to-the-isp-alone.example"
PORT = 8080  # of the server outside and of each client's listener
_LEASE_SCRIPT = """#!/bin/sh
# Records the lease and sets the interface; touches nothing else.
case "$1" in bound|renew) ;; *) exit 0 ;; esac
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "${router%% *}"
env > "DIR/$interface.lease.new" && mv "DIR/$interface.lease.new" "DIR/$interface.lease"
"""


@dataclass
class Hosts:
    """The running hosts. `dir` holds their logs, leases and scripts."""

    topology: Topology
    dir: Path
    clients: dict[str, Popen[bytes]] = field(default_factory=dict)
    isp: Popen[bytes] | None = None

    def start(self) -> None:
        """Everything but the gateway; clients have no address yet."""
        make("hv")
        attackers = [f"attacker-{wan.name}" for wan in self.topology.wans]
        for name in ["isp", *attackers, *(f"client-{lan.name}" for lan in self.topology.lans)]:
            make(name)
        for card in self.topology.cards:
            ip("hv", [f"link add br{card.slot} type bridge", f"link set br{card.slot} up"])
        for wan in self.topology.wans:
            self._plug("isp", wan.name, wan.card.slot, [wan.isp])
        for wan in self.topology.wans:
            self._start_attacker(wan)
        for lan in self.topology.lans:
            self._plug(f"client-{lan.name}", lan.name, lan.card.slot, [])
            _serve(f"client-{lan.name}")
        ip("isp", ["route add local default dev lo"])  # the ISP is every host of the internet
        _serve("isp")
        self._start_isp()
        script = self.dir / "lease.sh"
        script.write_text(_LEASE_SCRIPT.replace("DIR", str(self.dir)))
        script.chmod(0o755)

    def ask_for_leases(self) -> None:
        """Each client drops what it has and asks anew, as after a power cut."""
        for lan in self.topology.lans:
            self.forget_lease(lan.name)
            if lan.dhcp:
                self.clients[lan.name] = spawn(
                    f"client-{lan.name}",
                    ["udhcpc", "-f", "-q", "-t", "100000", "-T", "1", "-i", lan.name]
                    + ["-s", str(self.dir / "lease.sh")],
                    self.dir / f"client-{lan.name}.log",
                )
            else:
                self.give_address(lan)

    def give_address(self, lan: LanSide) -> None:
        """A static address and route for the client of a LAN."""
        ip(
            f"client-{lan.name}",
            [f"addr add {lan.spare} dev {lan.name}", f"route add default via {lan.gateway.ip}"],
        )

    def forget_lease(self, lan: str) -> None:
        if client := self.clients.pop(lan, None):
            client.kill()
            client.wait()
        ip(f"client-{lan}", [f"addr flush dev {lan}"])
        (self.dir / f"{lan}.lease").unlink(missing_ok=True)

    def lease(self, lan: str) -> dict[str, str] | None:
        """What the client was given: udhcpc's variables (ip, mask, router, dns, lease, ...)."""
        try:
            lines = (self.dir / f"{lan}.lease").read_text().splitlines()
        except FileNotFoundError:
            return None
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def lease_time(self, lan: str) -> float:
        """When the lease came, as seconds since the epoch."""
        return (self.dir / f"{lan}.lease").stat().st_mtime

    def client_address(self, lan: LanSide) -> IPv4Address | None:
        """The address that the client has now, by lease or by hand."""
        lease = self.lease(lan.name)
        if lease:
            return IPv4Address(lease["ip"])
        return None if lan.name in self.clients else lan.spare.ip

    def leased_to(self, wan: WanSide) -> IPv4Address | None:
        """The address that the ISP's DHCP server gave to the gateway."""
        try:
            leases = (self.dir / "isp.leases").read_text()
        except FileNotFoundError:
            return None
        found = re.search(rf"(?m)^\d+ {re.escape(wan.card.mac)} (\S+)", leases)
        return IPv4Address(found[1]) if found else None

    def wan_address(self, wan: WanSide, wait: float = 1) -> IPv4Address | None:
        """The gateway's address on a WAN, once it answers for it."""
        address = wan.static or self.leased_to(wan)
        if address and wire.arp("isp", wan.name, wan.isp.ip, address, wait) == wan.card.mac:
            return address
        return None

    def route_inwards(self) -> None:
        """ISP and attackers know the way to the LANs, so an open firewall shows."""
        for wan in reversed(self.topology.wans):  # the ISP takes that by the first one
            if address := wan.static or self.leased_to(wan):
                routes = [
                    f"route replace {lan.gateway.network} via {address} dev {wan.name} onlink"
                    for lan in self.topology.lans
                ]
                ip("isp", routes)
                ip(f"attacker-{wan.name}", routes)

    def check(self) -> None:
        """A fault of the lab must not look like one of the gateway."""
        if self.isp.poll() is not None:
            raise ToolError(["dnsmasq"], self.isp.returncode, (self.dir / "isp.log").read_text())

    def _start_attacker(self, wan: WanSide) -> None:
        name = f"attacker-{wan.name}"
        self._plug(name, wan.name, wan.card.slot, [wan.attacker])
        if wan.attacker.network != wan.isp.network:
            ip(name, [f"route add {wan.isp.network} dev {wan.name}"])
            ip("isp", [f"route add {wan.attacker.ip} dev {wan.name}"])
            with inside("isp"):  # the gateway answers by way of the ISP
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def _plug(self, name: str, link: str, slot: int, addresses: list[IPv4Interface]) -> None:
        """A cable from the bridge of a slot to the host. IPv6 stays silent: the lab asks IPv4."""
        end = f"v{slot}-{name[:10]}"
        ip("hv", [
            f"link add {end} type veth peer name {link} netns {name}",
            f"link set {end} master br{slot} up",
        ])  # fmt: skip
        ip(name, [
            f"link set {link} addrgenmode none up",
            *(f"addr add {address} dev {link}" for address in addresses),
        ])  # fmt: skip

    def _start_isp(self) -> None:
        ranges = [
            f"--dhcp-range={wan.first},{wan.last},{wan.isp.netmask},1h"
            for wan in self.topology.wans if wan.first
        ]  # fmt: skip
        self.isp = spawn(
            "isp",
            ["dnsmasq", "-d", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping"]
            + ["--pid-file=", "--log-dhcp", f"--dhcp-leasefile={self.dir / 'isp.leases'}"]
            + ["--dhcp-authoritative", f"--address=/{SECRET_NAME}/{self.topology.outside}", *ranges],
            self.dir / "isp.log",
        )


def _serve(name: str) -> None:
    """A TCP server that tells each caller the address it saw, and counts on nothing else."""
    with inside(name):
        server = socket.create_server(("", PORT), backlog=64)
    threading.Thread(target=_tell_callers, args=(server,), daemon=True).start()


def _tell_callers(server: socket.socket) -> None:
    while True:
        caller, address = server.accept()
        with caller:
            caller.sendall(address[0].encode())


def wait_for(condition, seconds: float, alive) -> bool:
    """Poll until the condition holds; ends early when `alive` says that it never will."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(0.05)
    return True
