"""Shared resources of concurrent probes: by name, the state in which each must be meanwhile."""

from gwimage.values.lab_host import LabHost, Role

Needs = dict[str, object]
OUTSIDE = "the ISP's ways to hosts outside"
COUNT = "the kernel's count of what is let in for nobody"
COUNT6 = "the kernel's count for IPv6"


def exclusively(*things: str) -> Needs:
    """Exclusive use: no two states are equal."""
    return {thing: object() for thing in things}


def nobody_counts(probe: tuple) -> Needs:
    """Excludes probes of the kernel's count, to which a request for a missing service adds."""
    return {COUNT: "nobody counts"}


def pool(probe: tuple) -> Needs:
    return exclusively(f"the pool of {probe.lan}")


def address_locks(host: LabHost, address: object) -> Needs:
    """A host's secondary address; outside, also the ISP's route to it, one at a time."""
    if address is None:
        return {}
    return {host.name: address} | ({OUTSIDE: (host, address)} if host.role == Role.ATTACKER else {})
