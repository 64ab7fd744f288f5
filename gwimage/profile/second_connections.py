"""Protocols with a second connection on a port that only the two ends know. The gateway has no helper that would follow it.

TFTP answers from another port (RFC 1350 4); FTP has a connection for each file, in either direction (RFC 959 3.3).
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from itertools import product

from gwimage.problem import Path, Problem
from gwimage.profile import Profile, open_ports
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY
from gwimage.values.ports import FTP, TFTP

UNPRIVILEGED = 1024
DYNAMIC = 49152, 65535  # RFC 6335 6; a client has any of these ports, some take others too


def check(path: Path, entry: Allow, profile: Profile) -> list[Problem]:
    """Warnings for ports of an entry whose second connection is closed, one for each port and the first such zones."""
    ways = [(start, end) for start, end in product(entry.from_zones, entry.to_zones) if start != end and end != GATEWAY]
    problems = []
    for index, ports in enumerate(entry.ports):
        found: Iterator[tuple[str, str]] = iter(())
        if ports == (TFTP, TFTP) and "udp" in entry.protocols:
            servers = ", ".join(one if isinstance(one, str) else one.text for one in entry.destinations) or "the server"
            closed = [(start, end) for start, end in ways if not answered(start, end, profile)]
            found = (_tftp(*way, [open_ports.entry(*way[::-1], "udp", source=servers)], profile, True) for way in closed)
        elif ports == (FTP, FTP) and "tcp" in entry.protocols:
            found = (_ftp(start, end) for start, end in ways if not _either(start, end, profile))
        problems += [Problem((*path, "ports", index), *words, "warning") for words in [*found][:1]]
    return problems


def answered(client: str, home: str, profile: Profile, server: IPv4Address | None = None) -> bool:
    """Whether answers of TFTP get from a server's home to a client, whatever port that has; server: of this one, None for any."""
    return client == home or open_ports.has(open_ports.of(home, client, "udp", profile, server), *DYNAMIC)


def tftp(client: str, homes: Sequence[str], server: IPv4Address, profile: Profile) -> tuple[str, str] | None:
    """Message and hint if TFTP is closed between the client and each home where the server may be."""
    asked = [home for home in homes if _asked(client, home, server, profile)]
    if any(answered(client, home, profile, server) for home in asked):
        return None
    home = (asked or homes)[0]
    return _tftp(client, home, tftp_entries(client, home, server, profile), profile, bool(asked))


def tftp_entries(client: str, home: str, server: IPv4Address, profile: Profile) -> list[str]:
    """The entries of firewall.allow that TFTP lacks."""
    asks = open_ports.entry(client, home, "udp", TFTP, destination=server)
    answers = open_ports.entry(home, client, "udp", source=server)
    passes = _asked(client, home, server, profile), answered(client, home, profile, server)
    return [entry for entry, opened in zip((asks, answers), passes) if not opened]


def _asked(client: str, home: str, server: IPv4Address, profile: Profile) -> bool:
    return client == home or open_ports.has(open_ports.of(client, home, "udp", profile, destination=server), TFTP)


def _tftp(client: str, home: str, entries: Sequence[str], profile: Profile, asked: bool) -> tuple[str, str]:
    message = f"TFTP answers from another port, which is closed from {home} to {client}: no file would come"
    if not asked:
        message = f"TFTP asks on UDP port {TFTP}, which is closed from {client} to {home}: no file would come"
    near, what = f"put the server on {client}, or boot by HTTP", "the answers" if asked else "TFTP"
    if home in [wan.name for wan in profile.wans]:
        return message, near
    return message, f"{near}; or open {what} in firewall.allow: {' and '.join(entries)}"


def _either(start: str, end: str, profile: Profile) -> bool:
    return any(open_ports.of(*way, "tcp", profile) >> UNPRIVILEGED for way in ((start, end), (end, start)))


def _ftp(client: str, server: str) -> tuple[str, str]:
    message = f"FTP opens another connection for each file, which is closed between {client} and {server}"
    return message, "add the server's passive ports, as in ports: [21, 50000-50100]; SFTP and HTTPS need none"
