"""Ports and protocols that a profile opens between zones and to the gateway."""

from collections.abc import Iterable

from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY
from gwimage.values.ports import DHCP, DNS, LISTENER, NTP, SSH
from gwimage.values.ranges import LAST_PORT, Ports

SERVICES = (DNS, DHCP, NTP)  # of the gateway, open to inside networks
ASKED = ("tcp", "udp", "icmp")  # protocols that claim_firewall.Unreachable tests


def closed(entries: Iterable[Allow], start: str, end: str) -> tuple[str, ...]:
    """Protocols by which no entry lets the lab reach a listener on the other zone.

    Ignores the addresses of entries: lab hosts get theirs by DHCP.
    """
    between = [entry for entry in entries if start in entry.from_zones and end in entry.to_zones]
    return tuple(name for name in ASKED if not any(_includes_listener(entry, name) for entry in between))


def of_gateway(entries: Iterable[Allow], zone: str) -> tuple[Ports, ...]:
    """The gateway's own TCP ports that the entries open to the zone."""
    found = []
    for entry in entries:
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or "tcp" in entry.protocols):
            found += entry.ports or [(1, LAST_PORT)]
    return tuple(found)


def is_open(port: int, protocol: str, zone: str, profile: Profile, allow: bool = True) -> bool:
    """Whether anything in the profile opens this gateway port to the zone; allow: include firewall.allow."""
    opened = [one.ports for one in profile.forwards if zone in one.wans and protocol in one.protocols]
    opened += [((service, service),) for service in SERVICES if zone not in {wan.name for wan in profile.wans}]
    for entry in profile.allow if allow else ():
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or protocol in entry.protocols):
            opened.append(entry.ports or ((1, LAST_PORT),))
    own = {("udp", vpn.port) for vpn in profile.vpn} | ({("tcp", SSH)} if zone in profile.services.ssh_from else set())
    return (protocol, port) in own or any(first <= port <= last for ports in opened for first, last in ports)


def silent_udp_ports(profile: Profile) -> set[int]:
    """The gateway's UDP ports whose servers answer only well-formed client requests."""
    found = {vpn.port for vpn in profile.vpn if vpn.port}
    return found | ({NTP} if profile.ntp.serves else set()) | ({DHCP} if profile.dhcp else set())


def _includes_listener(entry: Allow, protocol: str) -> bool:
    ports = not entry.ports or any(first <= LISTENER <= last for first, last in entry.ports)
    return ports and (not entry.protocols or protocol in entry.protocols)
