"""Protocols with a second connection on a port that only the two ends know. The gateway has no helper that would follow it.

TFTP answers from another port (RFC 1350 4); FTP has a connection for each file, in either direction (RFC 959 3.3).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import product

from gwimage.problem import Path, Problem
from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY
from gwimage.values import address_lists
from gwimage.values.ports import FTP, TFTP

UNPRIVILEGED = 1024


def check(path: Path, entry: Allow, profile: Profile) -> list[Problem]:
    """Warnings for ports of an entry whose second connection is closed, one for each port and the first such zones."""
    ways = [(start, end) for start, end in product(entry.from_zones, entry.to_zones) if start != end and end != GATEWAY]
    problems = []
    for index, ports in enumerate(entry.ports):
        found: Iterator[tuple[str, str]] = iter(())
        if ports == (TFTP, TFTP) and "udp" in entry.protocols:
            found = (tftp(start, end, profile) for start, end in ways if not open_between(end, start, "udp", profile))
        elif ports == (FTP, FTP) and "tcp" in entry.protocols:
            found = (_ftp(start, end) for start, end in ways if not _either(start, end, profile))
        problems += [Problem((*path, "ports", index), *words, "warning") for words in [*found][:1]]
    return problems


def open_between(start: str, end: str, protocol: str, profile: Profile, source: IPv4Address | None = None) -> bool:
    """Whether new connections to some port from 1024 on pass from zone to zone; source: of this one, None for any."""
    lans = {lan.name: lan for lan in profile.lans}
    outside = [wan.name for wan in profile.wans]
    if start in outside and end in lans and lans[end].masquerade:
        return False  # the other end knows the address of the WAN only
    if end in outside and start in lans and lans[start].internet:
        return True
    return any(_opens(entry, start, end, protocol, profile, source) for entry in profile.allow)


def _opens(entry: Allow, start: str, end: str, protocol: str, profile: Profile, source: IPv4Address | None) -> bool:
    sources = address_lists.resolved(entry.sources, profile.sets)
    return (
        start in entry.from_zones
        and end in entry.to_zones
        and (not entry.protocols or protocol in entry.protocols)
        and (not entry.ports or any(last >= UNPRIVILEGED for _, last in entry.ports))
        and (not sources or not source or any(one.family == 4 and one.first <= int(source) <= one.last for one in sources))
    )


def tftp(client: str, server: str, profile: Profile) -> tuple[str, str]:
    """Message and hint for TFTP between zones where the server's answers are closed."""
    message = f"TFTP answers from another port, which is closed from {server} to {client}: no file would come"
    near = f"put the server on {client}, or boot by HTTP"
    if server in [wan.name for wan in profile.wans]:
        return message, near
    return (
        message,
        f"{near}; or open the answers: {{from: [{server}], to: [{client}], protocols: [udp], sources: [the server]}}",
    )


def _either(start: str, end: str, profile: Profile) -> bool:
    return open_between(start, end, "tcp", profile) or open_between(end, start, "tcp", profile)


def _ftp(client: str, server: str) -> tuple[str, str]:
    message = f"FTP opens another connection for each file, which is closed between {client} and {server}"
    return message, "add the server's passive ports, as in ports: [21, 50000-50100]; SFTP and HTTPS need none"
