"""A gateway in network namespaces: the compiled files, Debian 13's own networkd and nft, hosts around it, real packets.

Without features that this kernel lacks (VLANs) and that only udev has (names of cards). Everything happens in a
world of its own (gwimage.lab.sandbox); the host's network is never touched.
"""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from gwimage import compiler
from gwimage.compiler import output_tree
from gwimage.lab import sandbox
from gwimage.lab.namespace import chroot
from gwimage.lab.namespace.chroot import Userland
from gwimage.lab.namespace.gateway import PROGRAMS, RULES, SYSCTLS
from gwimage.lab.netns import inside, ip, make, run, spawn
from gwimage.lab.packets.ipv4 import connect
from gwimage.language import source
from gwimage.problem import ToolError
from tests.support import debian_oracle

PORT = 8080


@dataclass(frozen=True)
class Host:
    """A host. cards: (network of the gateway or other name of a cable, ADDRESS/PREFIX); router: forwards between them.

    leases: the address that it leases by DHCP on its first card, with itself as router.
    """

    cards: tuple[tuple[str, str], ...]
    routes: tuple[str, ...] = ()
    router: bool = False
    leases: str = ""


def ask(profile: str, hosts: dict[str, Host], questions: list[tuple[str, str]], nft: str = "") -> list[str]:
    """For each (host, address) the caller's address as the server there saw it, or the error.

    Every host serves TCP on PORT, the gateway too. networkd has configured all links before the first call.
    nft: commands to run then.
    """
    files, problems = compiler.compile(source.parse(profile, "p.yaml"))
    assert files, problems
    return sandbox.call(_ask, files, debian_oracle.tree(), hosts, questions, nft, say=print)


def _ask(_say, files, tree: Path, hosts: dict[str, Host], questions, nft: str) -> list[str]:
    work = Path("/run/gateway")
    work.mkdir()
    links = [path.rpartition("/")[2][3:-8] for path in files if path.endswith(".network")]
    _cables(links, hosts)
    for name, host in hosts.items():
        _host(name, host, work)
    land = _gateway(files, tree, work, links)
    _serve("gw")
    run(["nsenter", "--net=/run/netns/gw", *land.argv(["nft", "-f", "-"])], stdin=nft)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda question: connect(question[0], IPv4Address(question[1]), PORT, tries=1), questions))


def _cables(links: list[str], hosts: dict[str, Host]) -> None:
    """Connects the hosts: each network is a bridge, and hosts on it have a card of its name."""
    make("cables")
    ends = [("gw", link) for link in links] + [(name, link) for name, host in hosts.items() for link, _ in host.cards]
    for name in dict.fromkeys(name for name, _ in ends):
        make(name)
    ip("cables", [f"link add {link} type bridge" for link in dict.fromkeys(link for _, link in ends)])
    for number, (name, link) in enumerate(ends):
        plug = f"link add e{number} type veth peer name {link} netns {name}"
        ip("cables", [plug, f"link set e{number} master {link} up", f"link set {link} up"])


def _host(name: str, host: Host, work: Path) -> None:
    ip(name, [f"addr add {address} dev {link}" for link, address in host.cards])
    ip(name, [f"link set {link} addrgenmode none up" for link, _ in host.cards])
    ip(name, [f"route add {route}" for route in host.routes])
    with inside(name):
        Path("/proc/sys/net/ipv4/ip_forward").write_text(str(int(host.router)))
        Path("/proc/sys/net/ipv4/conf/all/rp_filter").write_text(str(int(host.router)))  # as providers do
        for each in Path("/proc/sys/net/ipv4/conf").glob("*/accept_redirects"):
            each.write_text("0")  # many ignore them, so nothing may depend on it
    _serve(name)
    if host.leases:
        argv = ["dnsmasq", "-d", "--conf-file=/dev/null", "--port=0", "--no-ping", "--pid-file=", "--dhcp-authoritative"]
        argv += [f"--dhcp-leasefile={work / name}.leases", f"--dhcp-range={host.leases},{host.leases},255.255.255.0,1h"]
        spawn(name, argv, work / f"{name}.log")


def _serve(name: str) -> None:
    with inside(name):
        server = socket.create_server(("", PORT), backlog=64)
    threading.Thread(target=_tell_callers, args=(server,), daemon=True).start()


def _tell_callers(server: socket.socket) -> None:
    while True:
        caller, address = server.accept()
        with caller:
            caller.sendall(address[0].encode())


def _gateway(files, tree: Path, work: Path, links: list[str]) -> Userland:
    """Starts networkd with the compiled files; cards already have their names."""
    output_tree.write(files, str(work / "out"))
    for folder in ("root", "state"):
        (work / folder).mkdir()
    land = chroot.lay("gw", tree, [work / "out/config", work / "out/mkosi.extra"], work / "root", work / "state")
    land.run("/usr/lib/systemd/systemd-sysctl", SYSCTLS)
    land.run("nft", "-f", RULES)
    log = work / "networkd.log"
    land.spawn(log, *PROGRAMS["systemd-networkd"])
    deadline = time.monotonic() + 15
    while (left := _unready(land.root, links)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        raise ToolError(["systemd-networkd"], 1, f"{left}\n{log.read_text()[-3000:]}")
    return land


def _unready(root: Path, links: list[str]) -> list[str]:
    states = [path.read_text() for path in (root / "run/systemd/netif/links").glob("[0-9]*")]
    ready = [text for text in states if "ADMIN_STATE=configured" in text]
    return links if len(ready) < len(links) else []
