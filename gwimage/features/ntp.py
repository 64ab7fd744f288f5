"""NTP: time sources of the gateway, and the LANs that it serves.

systemd-timesyncd is used if the gateway is a client only; chrony if it is a server too. Debian installs only one
of the two.
"""

from ipaddress import ip_address

from gwimage.claims import prerequisites
from gwimage.claims.claim import Claim
from gwimage.claims.claim_services import NtpQuery as Probe
from gwimage.plan import Element, Plan, Setting, file_of
from gwimage.problem import Problem
from gwimage.profile import Profile, zones
from gwimage.profile.wans import DhcpAddress
from gwimage.values import domain_names, host_address

FROM = ("services", "ntp", "from")
SERVERS = ("system", "ntp", "servers")
POOL = "pool 2.debian.pool.ntp.org iburst"  # as in Debian's chrony.conf


def check(profile: Profile) -> list[Problem]:
    problems, known = [], zones.of(profile)
    for index, zone in enumerate(profile.ntp.serves):
        if zone in known.wans:
            hint = "name networks inside; a server that anybody may ask is soon misused"
            problems.append(Problem((*FROM, index), f"{zone} is outside", hint))
        elif zone not in known.inside:
            problems.append(zones.unknown((*FROM, index), zone, known.inside))
    for index, server in enumerate(profile.ntp.servers):
        place, address = (*SERVERS, index), ip_address(server) if domain_names.is_address(server) else None
        if address is None:
            problems += domain_names.check(place, server, "name a server that the DNS knows, or give its address")
        elif reason := host_address.why_unusable(address):
            problems.append(Problem(place, reason, "give the address of an NTP server"))
        elif address in known.own:
            problems.append(Problem(place, f"{server} is the gateway itself", "name another server"))
    return problems


def plan(profile: Profile) -> Plan:
    return _server(profile) if profile.ntp.serves else _client(profile)


def _client(profile: Profile) -> Plan:
    path, packages = ".".join(SERVERS), ("systemd-timesyncd",)
    if not profile.ntp.servers:
        return Plan(packages=packages)
    lines = [("[Time]", ""), (f"NTP={' '.join(profile.ntp.servers)}", path)]
    leased = [(wan.name, "DHCPv4") for wan in profile.wans if isinstance(wan.ipv4, DhcpAddress)]
    leased += [(name, "DHCPv6") for name, outside in profile.ipv6.wans.items() if outside.address is None]
    return Plan(
        # timesyncd would also use servers from leases
        network=tuple(Setting(f"10-{name}.network", section, "UseNTP", "no", path) for name, section in leased),
        files=(("etc/systemd/timesyncd.conf.d/10-gwimage.conf", file_of(lines)),),
        packages=packages,
    )


def _server(profile: Profile) -> Plan:
    path = ".".join(FROM)
    lans = [lan for lan in profile.lans if lan.name in profile.ntp.serves]
    return Plan(
        files=(("etc/chrony/chrony.conf", file_of(_chrony(profile))),),
        packages=("chrony",),
        units=(("chrony.service", "multi-user.target"),),
        elements=tuple(Element("gateway_open", f'"{zone}" . udp . 123', path) for zone in profile.ntp.serves),
        claims=tuple(_claim(lan.name, profile) for lan in lans),
    )


def _chrony(profile: Profile) -> list[tuple[str, str]]:
    subnets = zones.of(profile).subnets
    servers = [(f"server {server} iburst", ".".join(SERVERS)) for server in profile.ntp.servers]
    allowed = [(f"allow {net}", ".".join(FROM)) for zone in profile.ntp.serves for net in subnets[zone]]
    return [
        *(servers or [(POOL, "")]),
        ("driftfile /var/lib/chrony/chrony.drift", ""),
        ("# a virtual machine that was stopped for hours wakes up hours late", ""),
        ("makestep 1 -1", ""),
        ("rtcsync", ""),
        ("# no server outside answers: the networks inside still agree", ""),
        ("local stratum 10", ""),
        ("cmdport 0", ""),
        *allowed,
    ]


def _claim(lan: str, profile: Profile) -> Claim:
    text = f"a client on {lan} gets the time from the gateway"
    return Claim(f"lans.{lan}.ntp", ".".join(FROM), text, Probe(lan), prerequisites.of(profile, lan))
