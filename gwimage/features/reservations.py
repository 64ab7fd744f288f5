"""DHCP reservations: fixed addresses by MAC address.

networkd silently accepts an address of another subnet, or a duplicate MAC address, and then breaks, so check refuses them.
It gives no answer to a machine whose reserved address is leased to itself by another client identifier, so a program of the
image (usr/lib/gwimage/reservations) ends such leases.
"""

from gwimage.claims.claim import Claim
from gwimage.claims.claim_dhcp import ReservedLease as Probe
from gwimage.plan import Plan, Setting
from gwimage.problem import Path, Problem
from gwimage.profile import Profile, zones
from gwimage.profile.lans import Lan
from gwimage.profile.reservations import Reservation
from gwimage.values import host_address, nic

UNIT = "gwimage-reservations.service"


def check(profile: Profile) -> list[Problem]:
    problems = []
    for lan in profile.lans:
        if members := profile.reservations.get(lan.name, ()):
            path = ("lans", lan.name, "dhcp", "reservations")
            problems += _check_macs(path, members, profile)
            problems += _check_addresses(path, members, lan, profile) if host_address.is_valid(lan.address) else []
    return problems


def _check_macs(path: Path, members: tuple[Reservation, ...], profile: Profile) -> list[Problem]:
    own = _own_macs(profile)
    problems, seen = [], {}
    for one in members:
        place = (*path, one.name, "mac")
        problems += nic.check_mac(place, one.mac)
        if one.mac in own:
            message = f"{one.mac} is the gateway's own address on {own[one.mac]}"
            problems.append(Problem(place, message, "give the MAC address of the machine that is to get the address"))
        if one.mac in seen:
            hint = "a machine has one address on a network; dns.hosts can give that more names"
            problems.append(Problem(place, f"{one.mac} is already {seen[one.mac]}", hint))
        seen.setdefault(one.mac, one.name)
    return problems


def _own_macs(profile: Profile) -> dict[str, str]:
    """MAC addresses of the gateway in the profile, each with the name of its network."""
    found = {}
    for net in (*profile.wans, *profile.lans):
        macs = [card.mac for card in net.link.cards] + [net.link.cloned_mac]
        found |= {mac: net.name for mac in macs if mac}
    return found


def _check_addresses(path: Path, members: tuple[Reservation, ...], lan: Lan, profile: Profile) -> list[Problem]:
    net, own, dhcp = lan.address.network, zones.of(profile).own, profile.dhcp[lan.name]
    ends = {net.network_address: "network", net.broadcast_address: "broadcast"}
    problems, seen = [], {}
    for one in members:
        place, ip = (*path, one.name, "address"), one.address
        hint = f"the subnet's hosts are {net.network_address + 1} to {net.broadcast_address - 1}"
        if ip not in net:
            problems.append(Problem(place, f"{ip} is not in {net}, the subnet of {lan.name}", hint))
        elif ip in ends:
            problems.append(Problem(place, f"{ip} is the {ends[ip]} address of {net}, no host can have it", hint))
        elif ip in own:
            problems.append(Problem(place, f"{ip} is the gateway's own address", hint))
        elif ip in seen:
            hint = "choose another; dns.hosts gives an address more names"
            problems.append(Problem(place, f"{ip} is already {seen[ip]}'s", hint))
        elif dhcp.first <= ip <= dhcp.last:
            message = f"{ip} is in the pool: a machine that already has it keeps it until its lease ends"
            hint = f"choose an address outside {dhcp.first}-{dhcp.last}"
            problems.append(Problem(place, message, hint, "warning"))
        seen.setdefault(ip, one.name)
    return problems


def plan(profile: Profile) -> Plan:
    members = [(lan, one) for lan, members in profile.reservations.items() for one in members]
    return Plan(
        network=tuple(setting for lan, one in members for setting in _settings(lan, one)),
        units=((UNIT, "multi-user.target"),) if members else (),
        claims=tuple(_claim(lan, one) for lan, one in members),
    )


def _settings(lan: str, one: Reservation) -> tuple[Setting, ...]:
    path, file, section = f"lans.{lan}.dhcp.reservations.{one.name}", f"20-{lan}.network", "DHCPServerStaticLease"
    return (
        Setting(file, section, "MACAddress", one.mac, f"{path}.mac", one.name),
        Setting(file, section, "Address", str(one.address), f"{path}.address", one.name),
    )


def _claim(lan: str, one: Reservation) -> Claim:
    path = f"lans.{lan}.dhcp.reservations.{one.name}"
    probe = Probe(lan, one.mac, one.address)
    return Claim(
        path, path, f"{one.name} gets {one.address} on {lan} by any client identifier", probe, (f"lans.{lan}.dhcp.lease",)
    )
