"""Features of a gateway, one module each: check (rules beyond the schema) and plan (with its claims).

`ALL` is the registry. Features import neither one another nor a renderer.
"""

from gwimage.features import (
    allow,
    dhcp,
    dns,
    firewall,
    firewall_ipv6,
    forwards,
    image,
    ipv6,
    lans,
    links,
    ntp,
    offload,
    policy_routing,
    qos,
    raw,
    reservations,
    routes,
    services,
    sets,
    source_nat,
    system,
    vm,
    vpn,
    wans,
)
from gwimage.plan import Plan
from gwimage.problem import Problem
from gwimage.profile import Profile

ALL = (
    *(image, vm, system, wans, policy_routing, lans, links, routes, source_nat, dhcp, reservations, dns, ntp, services),
    *(firewall, sets, allow, forwards, raw, offload, ipv6, firewall_ipv6, qos, vpn),
)


def check(profile: Profile) -> list[Problem]:
    """Checks that the schema cannot express: constraints between values."""
    return [problem for feature in ALL for problem in feature.check(profile)]


def plan(profile: Profile) -> Plan:
    """Plans of all features, in registry order."""
    return sum((feature.plan(profile) for feature in ALL), Plan())
