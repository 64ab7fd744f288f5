"""What lines of a profile let through, as boxes that can be compared: whether earlier ones leave nothing to a later one."""

from __future__ import annotations

from collections.abc import Iterable

from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.profile.zones import GATEWAY
from gwimage.values.ports import DHCP, DNS, LISTENER, NTP, SSH
from gwimage.values.ranges import LAST_PORT, Ports

SERVICES = (DNS, DHCP, NTP)  # of the gateway, that networks inside may use
ASKED = ("tcp", "udp", "icmp")  # by claim_firewall.Unreachable


def closed(entries: Iterable[Allow], start: str, end: str) -> tuple[str, ...]:
    """By which protocols none of the entries lets the lab reach a listener on the other zone.

    The addresses that entries name are not looked at: those of the lab's hosts come by DHCP.
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
    """Whether the profile opens this port of the gateway to the zone, for anything; allow: entries of firewall.allow count."""
    opened = [one.ports for one in profile.forwards if zone in one.wans and protocol in one.protocols]
    opened += [((service, service),) for service in SERVICES if zone not in {wan.name for wan in profile.wans}]
    for entry in profile.allow if allow else ():
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or protocol in entry.protocols):
            opened.append(entry.ports or ((1, LAST_PORT),))
    own = {("udp", vpn.port) for vpn in profile.vpn} | ({("tcp", SSH)} if zone in profile.services.ssh_from else set())
    return (protocol, port) in own or any(first <= port <= last for ports in opened for first, last in ports)


def silent_udp_ports(profile: Profile) -> set[int]:
    """The gateway's UDP ports whose servers say nothing to who does not ask as their clients do."""
    found = {vpn.port for vpn in profile.vpn if vpn.port}
    return found | ({NTP} if profile.ntp.serves else set()) | ({DHCP} if profile.dhcp else set())


def _includes_listener(entry: Allow, protocol: str) -> bool:
    ports = not entry.ports or any(first <= LISTENER <= last for first, last in entry.ports)
    return ports and (not entry.protocols or protocol in entry.protocols)
