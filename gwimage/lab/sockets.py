"""Listening sockets and packet counters of the gateway, read inside it."""

import re
from dataclasses import dataclass
from pathlib import Path

COMMANDS = {  # the same as in guest.sh
    "listening": ("ss", "-lntuH"),
    "counters": ("cat", "/proc/net/snmp"),
    "counters6": ("cat", "/proc/net/snmp6"),
}
# Sysctls that turn off the kernel's own source-address checks, for the control boot, where nothing may drop a packet with a
# forged source address (ip-sysctl of the kernel's documentation).
TRUSTING = {"rp_filter": "0", "accept_local": "1", "route_localnet": "1"}


@dataclass(frozen=True)
class Sockets:
    """Listening sockets and packet counters.

    listening: (tcp or udp, address in the form of ss(8), port); unwanted: UDP datagrams received for ports without a
    listener, by IP version; forwarded: IPv4 packets forwarded.
    """

    listening: tuple[tuple[str, str, int], ...]
    unwanted: dict[int, int]
    forwarded: int = 0

    def on(self, protocol: str, port: int) -> str:
        """Addresses that listen on a port, joined by commas; empty if none."""
        return ", ".join(address for kind, address, number in self.listening if (kind, number) == (protocol, port))

    def ports(self, protocol: str) -> set[int]:
        """Ports that listen on other addresses than loopback."""
        return {port for kind, address, port in self.listening if kind == protocol and not _loopback(address)}


def read(parts: dict[str, str]) -> Sockets:
    """Parses the outputs of COMMANDS, by their keys."""
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
    """Sets TRUSTING on all interfaces of the namespace that the calling thread is in."""
    for link in Path("/proc/sys/net/ipv4/conf").iterdir():
        for key, value in TRUSTING.items():
            (link / key).write_text(value)


def _loopback(address: str) -> bool:
    return address.startswith(("127.", "[::1]")) or address.endswith("%lo")
