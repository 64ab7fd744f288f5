"""The ports of a protocol that a profile opens from one zone to another, as bits. Raw rules do not count: nobody knows what they do."""

from functools import reduce
from ipaddress import IPv4Address
from operator import or_

from gwimage.profile import Profile
from gwimage.profile.allow import Allow
from gwimage.values import address_lists, host_address, ranges
from gwimage.values.address_lists import Items, Sets


def of(
    start: str,
    end: str,
    protocol: str,
    profile: Profile,
    source: IPv4Address | None = None,
    destination: IPv4Address | None = None,
) -> int:
    """From start to end, for connections with this source and destination; None: any that an entry has."""
    lans = {lan.name: lan for lan in profile.lans}
    outside = [wan.name for wan in profile.wans]
    if start in outside and end in lans and lans[end].masquerade:
        return 0  # the other end knows the address of the WAN only
    if end in outside and start in lans and lans[start].internet:
        if not (lans[start].public_only and destination) or host_address.is_public(destination):
            return ranges.EVERY
    opened = (_of_one(entry, protocol, profile.sets, source, destination) for entry in _between(start, end, profile))
    return reduce(or_, opened, 0)


def has(opened: int, first: int, last: int | None = None) -> bool:
    """Whether the port, or all from first to last, are among the open ones."""
    return not ranges.port_bits([(first, last or first)]) & ~opened


def entry(start: str, end: str, protocols: str, port: int = 0, source: object = None, destination: object = None) -> str:
    """The entry of firewall.allow that opens a port (0: every port), as a user may paste it."""
    found = [f"from: [{start}]", f"to: [{end}]", f"protocols: [{protocols}]", f"ports: [{port}]" if port else ""]
    found += [f"sources: [{source}]" if source else "", f"destinations: [{destination}]" if destination else ""]
    return f"{{{', '.join(filter(None, found))}}}"


def _between(start: str, end: str, profile: Profile) -> list[Allow]:
    return [entry for entry in profile.allow if start in entry.from_zones and end in entry.to_zones]


def _of_one(entry: Allow, protocol: str, sets: Sets, source: IPv4Address | None, destination: IPv4Address | None) -> int:
    fits = not entry.protocols or protocol in entry.protocols
    fits = fits and _holds(entry.sources, source, sets) and _holds(entry.destinations, destination, sets)
    return ranges.port_bits(entry.ports) if fits else 0


def _holds(items: Items, address: IPv4Address | None, sets: Sets) -> bool:
    found = address_lists.resolved(items, sets)
    return not (found and address) or any(one.family == 4 and one.first <= int(address) <= one.last for one in found)
