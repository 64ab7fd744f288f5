"""Who listens in the gateway, and how many packets its kernel let in that nobody waited for, or passed on. Seen from inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

COMMANDS = {  # as guest.sh has them
    "listening": ("ss", "-lntuH"),
    "counters": ("cat", "/proc/net/snmp"),
    "counters6": ("cat", "/proc/net/snmp6"),
}
# What the kernel refuses of itself, whatever the rules say: lifted in the control boot, where nothing may be left that
# drops a packet with a false source address (ip-sysctl of the kernel's documentation).
TRUSTING = {"rp_filter": "0", "accept_local": "1", "route_localnet": "1"}


@dataclass(frozen=True)
class Sockets:
    """listening: (tcp or udp, address as `ss` writes it, port); unwanted: datagrams let in for ports without a listener, by family;
    forwarded: packets of IPv4 that went through the IP layer, from one network to another."""

    listening: tuple[tuple[str, str, int], ...]
    unwanted: dict[int, int]
    forwarded: int = 0

    def on(self, protocol: str, port: int) -> str:
        """The addresses on which something listens."""
        return ", ".join(address for kind, address, number in self.listening if (kind, number) == (protocol, port))

    def ports(self, protocol: str) -> set[int]:
        """The ports that can be reached by a network."""
        return {port for kind, address, port in self.listening if kind == protocol and not _loopback(address)}


def read(parts: dict[str, str]) -> Sockets:
    """parts: what the COMMANDS said."""
    listening = []
    for line in parts["listening"].splitlines():
        if found := re.match(r"(tcp|udp) +\S+ +\d+ +\d+ +(\S+):(\d+) ", line):
            listening.append((found[1], found[2], int(found[3])))
    counted = _counted("Udp", parts["counters"])
    forwarded = int(_counted("Ip", parts["counters"])["ForwDatagrams"])
    six = re.search(r"(?m)^Udp6NoPorts\s+(\d+)$", parts["counters6"])
    return Sockets(tuple(sorted(set(listening))), {4: int(counted["NoPorts"]), 6: int(six[1]) if six else 0}, forwarded)


def _counted(protocol: str, counters: str) -> dict[str, str]:
    names, values = re.findall(rf"(?m)^{protocol}: (.*)$", counters)
    return dict(zip(names.split(), values.split(), strict=True))


def trust() -> None:
    """The namespace that this thread is in drops nothing of itself any more."""
    for link in Path("/proc/sys/net/ipv4/conf").iterdir():
        for key, value in TRUSTING.items():
            (link / key).write_text(value)


def _loopback(address: str) -> bool:
    return address.startswith(("127.", "[::1]")) or address.endswith("%lo")
