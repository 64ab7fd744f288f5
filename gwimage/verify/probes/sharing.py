"""What a probe shares with those that are asked at the same time: by name of a thing, the state in which it must be meanwhile."""

from gwimage.values.lab_host import LabHost, Role

Needs = dict[str, object]
OUTSIDE = "the ISP's ways to hosts outside"
COUNT = "the kernel's count of what is let in for nobody"
COUNT6 = "the kernel's count for IPv6"


def exclusively(*things: str) -> Needs:
    """Nobody else has them meanwhile: no two states are equal."""
    return {thing: object() for thing in things}


def nobody_counts(probe: tuple) -> Needs:
    """Who asks a service that is not there is let in for nobody."""
    return {COUNT: "nobody counts"}


def pool(probe: tuple) -> Needs:
    return exclusively(f"the pool of {probe.lan}")


def address_locks(host: LabHost, address: object) -> Needs:
    """A host that has one more address for a while; if it is outside, the ISP knows the way to that, and no other."""
    if address is None:
        return {}
    return {host.name: address} | ({OUTSIDE: (host, address)} if host.role == Role.ATTACKER else {})
