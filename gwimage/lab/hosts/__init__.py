"""The hosts around the gateway: ISP, an attacker per WAN, a client and a server per LAN, peers of VPNs.

Starts the hosts of a topology and tells which addresses were given out. Of the gateway it asks only whether it is
up; everything else is asked by gwimage/verify/probes.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from subprocess import Popen
from threading import Lock

from gwimage.lab.hosts import cabling, wireguard
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.ipv6 import Hosts6
from gwimage.lab.hosts.wireguard import Tunnel
from gwimage.lab.machine.guest import SECRET_NAME
from gwimage.lab.netns import ip, run, spawn
from gwimage.lab.packets import ipv4
from gwimage.lab.topology import IspLeases, LanSide, Topology, WanSide
from gwimage.lab.wait import wait_for
from gwimage.problem import ToolError
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP, LabHost, Role
from gwimage.values.ports import LISTENER

PORT = LISTENER  # of the server outside and of each client's listener
_ANSWER = 20  # seconds; a caller retries every 5
_ALL_HOSTS = "local default dev lo"
_CALL_AGAIN = 60  # seconds; networkd resolves an endpoint again after at most 25.6
_LEASE_SCRIPT = """#!/bin/sh
# Records the lease and sets the interface; touches nothing else. Whatever router the lease names, the questions are
# about this gateway.
case "$1" in bound|renew) ;; *) exit 0 ;; esac
ip -4 addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
ip route replace default via GATEWAY
env > "DIR/$interface.lease.new" && mv "DIR/$interface.lease.new" "DIR/$interface.lease"
"""


@dataclass
class Hosts:
    """The running hosts. `dir` holds their logs, leases and scripts."""

    topology: Topology
    dir: Path
    tunnels: tuple[Tunnel, ...] = ()
    clients: dict[str, Popen[bytes]] = field(default_factory=dict)
    isp: Popen[bytes] | None = None
    six: Hosts6 = field(init=False)
    peers: list[Popen[bytes]] = field(default_factory=list)
    # number of users by host and arguments of `ip` (extra_addresses.py)
    extra_addresses: Counter[tuple[LabHost, str, str]] = field(default_factory=Counter)
    only_dns: IPv4Address | IPv6Address | None = None  # the only DNS server that answers now
    address_lock: Lock = field(default_factory=Lock, repr=False)
    _line: Lock = field(default_factory=Lock, repr=False)  # one tunnel call at a time; concurrent probes wait for it

    def __post_init__(self) -> None:
        self.six = Hosts6(self.topology)

    def start(self) -> None:
        """Starts every host but the gateway; clients have no address yet."""
        cabling.lay(self.topology)
        for lan in self.topology.lans:
            listen(lan.client.name, "tcp", None, PORT)
            script = self.dir / f"lease-{lan.name}.sh"
            script.write_text(_LEASE_SCRIPT.replace("DIR", str(self.dir)).replace("GATEWAY", str(lan.gateway.ip)))
            script.chmod(0o755)
        ip(ISP.name, [f"route add {_ALL_HOSTS}"])  # the ISP is every host of the internet
        listen(ISP.name, "tcp", None, PORT)
        self.six.start(PORT)
        self.start_isp()
        self.peers = wireguard.start(self.tunnels, self.topology, self.dir)
        for tunnel in self.tunnels:
            listen(tunnel.host.name, "tcp", None, PORT)

    @contextmanager
    def only_server(self, address: IPv4Address | IPv6Address) -> Iterator[None]:
        """Limits the internet to this address for a while: packets to any other get ICMP unreachable from the ISP.

        The DNS servers inside refuse, except one with this address.
        """
        ours = {*dict(self.topology.dns), *(wan.isp.ip for wan in self.topology.wans)}
        own = [] if address in ours else [f"local {address} dev lo"]
        ip(ISP.name, [f"route del {_ALL_HOSTS}", *(f"route add {one}" for one in own)])
        self.only_dns = address
        try:
            yield
        finally:
            self.only_dns = None
            ip(ISP.name, [f"route add {_ALL_HOSTS}", *(f"route del {one}" for one in own)])

    def names(self) -> dict[str, IPv4Address]:
        """The names that DNS servers in the lab know, each with all below it."""
        return {SECRET_NAME: self.topology.outside, **dict(wireguard.names(self.tunnels))}

    def ask_for_leases(self) -> None:
        """Clients drop their leases and ask for new ones, as after a power cut."""
        self.six.forget()
        for lan in self.topology.lans:
            self.forget_lease(lan.name)
            if lan.dhcp:
                self.clients[lan.name] = spawn(
                    lan.client.name,
                    ["udhcpc", "-f", "-q", "-t", "100000", "-T", "1", "-i", lan.name]
                    + ["-s", str(self.dir / f"lease-{lan.name}.sh")],
                    self.dir / f"{lan.client}.log",
                )
            else:
                self.give_address(lan)

    def reset_sessions(self) -> None:
        """The peers of tunnels forget their sessions with a gateway that is off."""
        for tunnel in self.tunnels:
            wireguard.reset_session(tunnel)

    def give_address(self, lan: LanSide) -> None:
        """Gives the client of a LAN a static address and default route."""
        ip(
            lan.client.name,
            [f"addr replace {lan.spare} dev {lan.name}", f"route replace default via {lan.gateway.ip}"],
        )

    def forget_lease(self, lan: str) -> None:
        if client := self.clients.pop(lan, None):
            client.kill()
            client.wait()
        run(["ip", "-n", lab_host.client(lan).name, "-4", "addr", "flush", "dev", lan])
        (self.dir / f"{lan}.lease").unlink(missing_ok=True)

    def lease(self, lan: str) -> dict[str, str] | None:
        """The client's lease as udhcpc's variables (ip, mask, router, dns, lease, ...)."""
        try:
            lines = (self.dir / f"{lan}.lease").read_text().splitlines()
        except FileNotFoundError:
            return None
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def lease_time(self, lan: str) -> float:
        """Time of the lease, in seconds since the epoch."""
        return (self.dir / f"{lan}.lease").stat().st_mtime

    def client_address(self, lan: LanSide) -> IPv4Address | None:
        """The client's current address, leased or static."""
        lease = self.lease(lan.name)
        if lease:
            return IPv4Address(lease["ip"])
        return None if lan.name in self.clients else lan.spare.ip

    def leased_to(self, wan: WanSide) -> IPv4Address | None:
        """The address that the ISP's DHCP server leased to the gateway."""
        try:
            leases = (self.dir / "isp.leases").read_text()
        except FileNotFoundError:
            return None
        found = re.search(rf"(?m)^\d+ {re.escape(wan.mac)} (\S+)", leases)
        return IPv4Address(found[1]) if found else None

    def wan_address(self, wan: WanSide, wait: float = 1) -> IPv4Address | None:
        """The gateway's address on a WAN if it answers ARP for it within `wait` seconds."""
        address = self.given(wan)
        if address and ipv4.arp(ISP.name, wan.name, wan.isp.ip, address, wait) == wan.mac:
            return address
        return None

    def given(self, wan: WanSide) -> IPv4Address | None:
        """The gateway's assigned or leased address on a WAN, whether it answers or not."""
        return wan.assigned[0] if wan.assigned else self.leased_to(wan)

    def lan(self, name: str) -> LanSide:
        return next(lan for lan in self.topology.lans if lan.name == name)

    def wan(self, name: str) -> WanSide:
        return next(wan for wan in self.topology.wans if wan.name == name)

    def tunnel(self, peer: LabHost) -> Tunnel:
        return next(tunnel for tunnel in self.tunnels if tunnel.host == peer)

    def connected(self, peer: LabHost) -> bool:
        """Whether the tunnel of a peer is up in this boot; a peer that initiates calls the first WAN's address."""
        tunnel, target = self.tunnel(peer), self.given(self.topology.wans[0])
        with self._line:
            if wireguard.handshaken(tunnel):
                return True
            if tunnel.played.initiates:
                return bool(target) and self.call(tunnel, target)
            return self._called(tunnel)

    def _called(self, tunnel: Tunnel) -> bool:
        """Whether the gateway initiates the handshake with a peer."""
        self._send_inwards(tunnel)
        return wait_for(lambda: wireguard.handshaken(tunnel), _CALL_AGAIN)

    def _send_inwards(self, tunnel: Tunnel) -> None:
        """Sends packets from the LANs into a tunnel: without a keepalive the gateway initiates only when there is traffic."""
        for lan in self.topology.lans:
            for net in tunnel.played.networks:
                last = net[-1] - (net.num_addresses > 2)
                ipv4.connect(lan.client.name, last, PORT, "udp", tries=1, wait=0)

    def call(self, tunnel: Tunnel, target: IPv4Address) -> bool:
        """Whether the gateway answers a handshake of a peer to that address.

        Peers of the same VPN that the gateway calls come first: once networkd has resolved the name of an endpoint, it
        replaces all peers (WGDEVICE_F_REPLACE_PEERS), and the sessions of the others are lost.
        """
        for other in self.tunnels:
            if other.played.vpn == tunnel.played.vpn and not other.played.initiates and not wireguard.handshaken(other):
                self._called(other)
        wireguard.reset_session(tunnel, (target, tunnel.played.vpn.port))
        return wait_for(lambda: wireguard.handshaken(tunnel), _ANSWER)

    def address_of(self, host: LabHost) -> IPv4Address | None:
        """The regular address of an attacker, a client or a peer."""
        if host.role == Role.PEER:
            return self.tunnel(host).address
        if host.role == Role.ATTACKER:
            return self.wan(host.network).attacker.ip
        return self.client_address(self.lan(host.network))

    def route_inwards(self) -> None:
        """Adds routes to the LANs on ISP and attackers, and to other WANs on attackers, so that an open firewall shows."""
        for wan in reversed(self.topology.wans):  # the first WAN comes last: its routes stay on the ISP
            if address := self.given(wan):
                way = f"via {address} dev {wan.name} onlink"
                routes = [
                    f"route replace {network} {way}"
                    for lan in self.topology.lans
                    for network in {*(own.network for own in lan.gateways), *lan.routed}
                ]
                behind = dict.fromkeys(net for one in self.tunnels for net in one.played.vpn.networks)
                routes += [f"route replace {net} via {address} dev {wan.name} onlink" for net in behind]
                ip(ISP.name, routes)
                routes += [f"route replace {there} {way}" for there in self._on_others(wan)]
                ip(lab_host.attacker(wan.name).name, routes)
        self.six.route_inwards()

    def _on_others(self, wan: WanSide) -> list[IPv4Address]:
        """The gateway's addresses on the other WANs, and the attackers there."""
        found = [(*(other.assigned or (self.given(other),)), other.attacker.ip) for other in self.topology.wans if other != wan]
        return [address for some in found for address in some if address]

    def check(self) -> None:
        """Raises ToolError if a daemon of the lab has ended: its fault must not look like the gateway's."""
        if self.isp.poll() is not None:
            raise ToolError(["dnsmasq"], self.isp.returncode, (self.dir / "isp.log").read_text())
        for tunnel, process in zip(self.tunnels, self.peers):
            if process.poll() is not None:
                raise ToolError(["wireguard-go"], process.returncode, (self.dir / f"{tunnel.host}.log").read_text())

    def start_isp(self, ranges: Sequence[str] | None = None, more: Sequence[str] = ()) -> None:
        """Starts the ISP's DHCP and DNS server. ranges: dnsmasq's, if not those of the WANs; more: further arguments."""
        if ranges is None:
            leasing = [(wan.ipv4, wan.isp) for wan in self.topology.wans if isinstance(wan.ipv4, IspLeases)]
            ranges = [f"{leases.first},{leases.last},{isp.netmask},1h" for leases, isp in leasing]
        self.isp = spawn(
            ISP.name,
            ["dnsmasq", "-d", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping"]
            + ["--pid-file=", "--log-dhcp", f"--dhcp-leasefile={self.dir / 'isp.leases'}"]
            + ["--dhcp-authoritative", *(f"--address=/{name}/{address}" for name, address in self.names().items())]
            + [f"--dhcp-range={given}" for given in ranges]
            + [*more],
            self.dir / "isp.log",
        )

    def stop_isp(self) -> None:
        """Stops the ISP's DHCP and DNS server; routing goes on."""
        self.isp.kill()
        self.isp.wait()
