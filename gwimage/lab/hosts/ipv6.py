"""IPv6 of the hosts: a provider on each WAN that has it, clients with SLAAC on each LAN that has it.

Without IPv6 in the profile no host has an IPv6 address, and all stay silent.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.hosts.ipv6_provider import Provider
from gwimage.lab.netns import inside, ip, run
from gwimage.lab.packets import ipv4, ipv6
from gwimage.lab.topology import LanSide, Topology, WanSide
from gwimage.values import lab_host
from gwimage.values.ipv6 import LINK_LOCAL, made_of
from gwimage.values.lab_host import ISP

RENEWAL = 10  # seconds, short so that a new prefix arrives soon
NARROW = 1280  # bytes, the minimum link MTU of IPv6 (RFC 8200 5)
EVERY = IPv6Address("::")
WORN = 128  # prefix length of a host's secondary address for one probe
_LAST = 4096  # metric; routes from router advertisements have 1024
_BY_CARD = "0"  # addr_gen_mode: EUI-64, from the card's MAC
_OUTSIDE = {"accept_dad": "0", "dad_transmits": "0", "accept_ra": "0", "addr_gen_mode": _BY_CARD}
# the last one generates the address at once
_CLIENT = {"accept_ra": "1", "addr_gen_mode": _BY_CARD}


@dataclass
class Hosts6:
    """The running IPv6 hosts. providers: by WAN, where they send router advertisements.

    overheard: senders of router advertisements since the gateway was switched on, by LAN without IPv6.
    """

    topology: Topology
    providers: dict[str, Provider] = field(default_factory=dict)
    overheard: dict[str, set[IPv6Address]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        """Enables IPv6 on running hosts; each serves TCP on that port over IPv6 too."""
        if self.topology.beyond6:
            self._start_isp(port)
        for wan in self._wans():
            self._start_wan(wan)
        for lan in self.topology.lans:
            if lan.six:
                self._start_client(lan, port)
            else:
                heard = self.overheard[lan.name] = set()
                _thread(ipv6.capture, lan.client.name, lan.name, heard.add)

    def forget(self) -> None:
        """Clients lose their addresses and routes, as if unplugged, and solicit routers again; messages heard are dropped."""
        for provider in self.providers.values():
            provider.heard.clear()
        for heard in self.overheard.values():
            heard.clear()
        for lan in self.lans():
            ip(lan.client.name, [f"link set {lan.name} down", f"link set {lan.name} up"])

    def route_inwards(self) -> None:
        """Adds routes to the LANs' prefixes on ISP and attackers, and one back on clients, so that an open firewall shows."""
        for wan in self._wans()[:1]:
            fixed = [lan.six.fixed.network for lan in self.lans() if lan.six.fixed]
            self._route(ISP.name, wan, fixed)
        for wan in self._wans():
            self._route(lab_host.attacker(wan.name).name, wan, [net for lan in self.lans() for net in self.announced(lan)])
        for lan in self.lans():
            if lan.six.fixed:  # last resort where no router advertises a default route
                ip(lan.client.name, [f"route replace default via {lan.six.fixed.ip} dev {lan.name} onlink metric {_LAST}"])

    def lans(self) -> list[LanSide]:
        return [lan for lan in self.topology.lans if lan.six]

    def prefix(self) -> IPv6Network | None:
        """The prefix that the provider delegates now."""
        uplink = self.topology.uplink
        return self.providers[uplink.name].delegated if uplink else None

    def announced(self, lan: LanSide) -> tuple[IPv6Network, ...]:
        """Prefixes that should be advertised on that LAN now; the delegated one first."""
        return lan.six.announced(self.prefix())

    def addresses(self, lan: LanSide) -> list[IPv6Address]:
        """The client's own global addresses that are usable now: not tentative, deprecated or duplicate."""
        return [address for address, flags in self._addresses(lan) if not {"tentative", "deprecated", "dadfailed"} & flags]

    def settled(self, lan: LanSide, wait: float = 20) -> list[IPv6Address]:
        """The client's address in each subnet of its LAN, once it has them all; those it has after `wait` seconds.

        networkd's advertisements come every 16 s at first (RFC 4861 10), and a client checks for duplicate addresses.
        """
        deadline = time.monotonic() + wait
        while True:
            nets = self.announced(lan)
            found = [address for net in nets if (address := self.of(lan, net))]
            if len(found) == len(nets) or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def of(self, lan: LanSide, net: IPv6Network) -> IPv6Address | None:
        """The client's address in a prefix."""
        return next((address for address in self.addresses(lan) if address in net), None)

    def customer(self, wan: WanSide, wait: float) -> str:
        """DUID and IAID by which the gateway asked for a prefix since it was switched on; "None" if it did not."""
        provider, deadline = self.providers[wan.name], time.monotonic() + wait
        while not provider.heard and time.monotonic() < deadline:
            time.sleep(0.1)
        names = {f"{message.duid.hex()} {message.iaid}" for message in list(provider.heard) if message.iaid}
        return ", ".join(sorted(names)) or "None"

    def own(self, name: str, link: str) -> IPv6Address:
        """A host's link-local address."""
        return made_of(LINK_LOCAL, ipv4.mac(name, link))

    def _addresses(self, lan: LanSide) -> list[tuple[IPv6Address, set[str]]]:
        said = run(["ip", "-n", lan.client.name, "-6", "-j", "address", "show", "dev", lan.name, "scope", "global"])
        found = [
            entry for link in json.loads(said) for entry in link.get("addr_info", ()) if entry and entry["prefixlen"] != WORN
        ]
        return [(IPv6Address(entry["local"]), {key for key, value in entry.items() if value is True}) for entry in found]

    def _wans(self) -> list[WanSide]:
        return [wan for wan in self.topology.wans if wan.six]

    def _start_isp(self, port: int) -> None:
        """The ISP is every host of the internet; one link of it has the minimum MTU."""
        beyond = self.topology.beyond6
        _set(ISP.name, "all", {"forwarding": "1"})
        ip(
            ISP.name,
            [
                f"addr add {beyond.outside}/128 dev lo",
                "route add local ::/0 dev lo table main",
                "link add narrow type bridge",
                f"link set narrow addrgenmode none mtu {NARROW} up",
                f"route add {beyond.narrow}/128 dev narrow",
            ],
        )
        listen(ISP.name, "tcp", EVERY, port)

    def _start_wan(self, wan: WanSide) -> None:
        six, attacker = wan.six, lab_host.attacker(wan.name).name
        for name, address in ((ISP.name, six.isp), (attacker, six.attacker)):
            _set(name, wan.name, _OUTSIDE)
            ip(name, [f"addr add {address} dev {wan.name} nodad"])
        if six.own not in six.isp.network:
            ip(ISP.name, [f"route add {six.own} dev {wan.name}"])
        if six.own not in six.attacker.network:
            ip(attacker, [f"route add {six.own} dev {wan.name}"])
        if six.attacker.ip not in six.isp.network:
            ip(ISP.name, [f"route add {six.attacker.ip} dev {wan.name}"])
        if six.link:
            self.providers[wan.name] = provider = Provider(wan.name, six.link, six.delegated or six.link, RENEWAL)
            _thread(_serve, provider)

    def _start_client(self, lan: LanSide, port: int) -> None:
        name = lan.client.name
        _set(name, lan.name, _CLIENT)
        listen(name, "tcp", EVERY, port)

    def _route(self, name: str, wan: WanSide, nets: list[IPv6Network]) -> None:
        there = made_of(LINK_LOCAL, wan.mac)
        ip(name, [f"route replace {net} via {there} dev {wan.name}" for net in nets])


def _set(name: str, link: str, settings: dict[str, str]) -> None:
    with inside(name):
        for key, value in settings.items():
            Path("/proc/sys/net/ipv6/conf", link, key).write_text(value)


def _thread(function: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _serve(provider: Provider) -> None:
    with inside(ISP.name):
        provider.serve()
