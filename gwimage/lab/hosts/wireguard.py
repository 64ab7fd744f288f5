"""Peers of the gateway's WireGuard tunnels: hosts outside, each with wireguard-go.

In user space, so that the host's kernel need not know WireGuard. The peers' private keys are not known, so the lab has
keys of its own: in the machine, before networkd starts, its public keys replace those that the profile names, and
nothing else. Addresses, endpoints, ports and preshared keys stay as the image has them.
"""

import base64
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from subprocess import Popen

from gwimage.lab.netns import inside, ip, make, spawn
from gwimage.lab.topology import Topology
from gwimage.lab.wait import wait_for
from gwimage.problem import ToolError
from gwimage.profile import Profile, simulated_peers
from gwimage.profile.simulated_peers import SimulatedPeer
from gwimage.values import wireguard
from gwimage.values.lab_host import ISP, LabHost

_SOCKETS = Path("/run/wireguard")  # fixed by wireguard-go
_USUAL_PORT = 51820
_MARK = 51820
_KEEPALIVE = 5  # seconds; the first one is sent at once, and with it the handshake


@dataclass(frozen=True)
class Tunnel:
    """A tunnel's peer. number: of its links; uplink: its outer address; private: its key; gateway: the gateway's public key."""

    number: int
    played: SimulatedPeer
    uplink: IPv4Address
    private: str
    gateway: str

    @property
    def host(self) -> LabHost:
        return self.played.host

    @property
    def link(self) -> str:
        """Interface name, unique in the lab: wireguard-go's sockets share one directory."""
        return f"tunnel{self.number}"

    @property
    def address(self) -> IPv4Address:
        return self.played.peer.address


def gateway_keys(profile: Profile) -> dict[str, str]:
    """The gateway's private key by VPN: the image's, or a new one where the hypervisor supplies it."""
    return {vpn.name: vpn.private_key or wireguard.generate() for vpn in profile.vpn}


def derive(profile: Profile, topology: Topology, keys: dict[str, str]) -> tuple[Tunnel, ...]:
    """The tunnels of a profile. keys: the gateway's private keys by VPN."""
    spare, found = topology.elsewhere.hosts(), []
    for number, one in enumerate(simulated_peers.played(profile)):
        place, _ = wireguard.endpoint(one.peer.endpoint or "")
        uplink = place if isinstance(place, IPv4Address) and not one.initiates else next(spare)
        public = wireguard.public(keys[one.vpn.name])
        found.append(Tunnel(number, one, uplink, wireguard.generate(), public))
    return tuple(found)


def introduce(tunnels: Iterable[Tunnel]) -> str:
    """Shell script for the gateway, before networkd reads its files: replaces each peer's public key by the lab's."""
    return "".join(
        f"sed -i 's|^PublicKey={one.played.peer.public_key}$|PublicKey={wireguard.public(one.private)}|'"
        f" /etc/systemd/network/30-{one.played.vpn.name}.netdev\n"
        for one in tunnels
    )


def names(tunnels: Iterable[Tunnel]) -> list[tuple[str, IPv4Address]]:
    """Names of endpoints and their addresses, for the ISP's DNS server."""
    found = [(wireguard.endpoint(one.played.peer.endpoint or "")[0], one) for one in tunnels if not one.played.initiates]
    return [(name, one.uplink) for name, one in found if isinstance(name, str)]


def start(tunnels: Sequence[Tunnel], topology: Topology, logs: Path) -> list[Popen[bytes]]:
    """Starts the peers, beyond the ISP; none calls yet. Raises ToolError when wireguard-go does not come up."""
    running = []
    for one in tunnels:
        make(one.host.name)
        _uplink(one, topology)
        running.append(run(one.host.name, one.link, logs / f"{one.host}.log"))
        reset_session(one)
        ip(
            one.host.name,
            [
                f"addr add {one.address}/32 dev {one.link}",
                f"link set {one.link} addrgenmode none mtu {one.played.vpn.mtu} up",
                f"route add default dev {one.link} src {one.address}",
            ],
        )
    return running


def run(host: str, link: str, log: Path) -> Popen[bytes]:
    """Starts wireguard-go with an interface of that name and waits for its socket. Raises ToolError."""
    process = spawn(host, ["wireguard-go", "-f", link], log)
    if not wait_for(_socket(link).exists, 10, lambda: process.poll() is None):
        raise ToolError(["wireguard-go", link], process.poll() or 0, log.read_text())
    return process


def _uplink(one: Tunnel, topology: Topology) -> None:
    """Connects a peer to the ISP: wireguard-go's own packets leave that way, all others by the tunnel."""
    end, router = f"p{one.number}", topology.wans[0].isp.ip
    ip(ISP.name, [f"link add {end} type veth peer name uplink netns {one.host}", f"link set {end} addrgenmode none up"])
    ip(ISP.name, [f"route add {one.uplink} dev {end}"])
    with inside(one.host.name):
        for place in ("all", "default"):  # no unmarked route leads to the uplink, by which packets arrive
            Path(f"/proc/sys/net/ipv4/conf/{place}/rp_filter").write_text("0")
    ip(
        one.host.name,
        [
            "link set uplink addrgenmode none up",
            f"addr add {one.uplink}/32 dev uplink",
            f"rule add fwmark {_MARK} lookup {_MARK}",
            f"route add default via {router} dev uplink onlink src {one.uplink} table {_MARK}",
        ],
    )
    for wan in topology.wans:
        if one.uplink in wan.isp.network:  # on-link for the gateway, which asks for it by ARP
            ip(ISP.name, [f"neigh add proxy {one.uplink} dev {wan.name}"])


def reset_session(one: Tunnel, call: tuple[IPv4Address, int] | None = None) -> None:
    """Drops every session; then calls, or waits to be called."""
    _, port = wireguard.endpoint(one.played.peer.endpoint or "")
    set_up(one.link, one.private, one.gateway, call, port or _USUAL_PORT, one.played.peer.preshared_key)


def set_up(
    link: str, private: str, gateway: str, call: tuple[IPv4Address, int] | None, port: int = 0, preshared: str | None = None
) -> None:
    """Sets a private key and one peer, the gateway, and calls it at once if given an address. port: to listen on, 0 for any."""
    lines = [f"private_key={_hex(private)}", f"listen_port={port}", f"fwmark={_MARK}", "replace_peers=true"]
    lines += [f"public_key={_hex(gateway)}", "allowed_ip=0.0.0.0/0"]
    lines += [f"preshared_key={_hex(preshared)}"] if preshared else []
    lines += [f"endpoint={call[0]}:{call[1]}", f"persistent_keepalive_interval={_KEEPALIVE}"] if call else []
    order(link, "set", lines)


def handshaken(one: Tunnel) -> bool:
    """Whether a handshake was completed since the last `reset_session`."""
    return int(order(one.link, "get").get("last_handshake_time_sec", "0")) > 0


def order(link: str, verb: str, lines: Iterable[str] = ()) -> dict[str, str]:
    """wireguard-go's answer to one `get` or `set` (www.wireguard.com/xplatform, "Configuration Protocol"). Raises ToolError."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(_socket(link)))
        line.sendall("\n".join([f"{verb}=1", *lines, "", ""]).encode())
        said = b""
        while not said.endswith(b"\n\n") and (data := line.recv(65536)):
            said += data
    found = dict(text.split("=", 1) for text in said.decode().splitlines() if text)
    if found.get("errno") != "0":
        raise ToolError(["wireguard-go", link], int(found.get("errno", "1")), f"it did not take {verb}")
    return found


def _socket(link: str) -> Path:
    return _SOCKETS / f"{link}.sock"


def _hex(key: str) -> str:
    return base64.b64decode(key).hex()
