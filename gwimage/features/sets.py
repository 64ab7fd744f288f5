"""Named address sets, for sources and destinations of firewall.allow and firewall.forwards."""

from gwimage.plan import Element, Plan, Set
from gwimage.problem import Path, Problem
from gwimage.profile import Profile, zone_addresses
from gwimage.values import address_lists, ranges
from gwimage.values.ranges import AddressSet

TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}


def check(profile: Profile) -> list[Problem]:
    problems = []
    lists = [items for entry in profile.allow for items in (entry.sources, entry.destinations)]
    lists += [forward.sources for forward in profile.forwards]
    used = {item for items in lists for item in items if isinstance(item, str)} | set(profile.raw.sets)
    for name, members in profile.sets.items():
        path = ("firewall", "sets", name)
        problems += ranges.check(path, members.ranges)
        problems += _nobodies(path, members) if name not in profile.raw.sets else []
        if name not in used:
            hint = f"name it in the sources or destinations of firewall.allow or firewall.forwards: sources: [{name}]"
            problems.append(Problem(path, f"nothing uses the set {name!r}", hint, "warning", on_key=True))
    return problems


def _nobodies(path: Path, members: AddressSet) -> list[Problem]:
    """Members that never match; rules of firewall.raw may have such sets, to drop what nobody should send."""
    hint = "remove it; the members of a set are whole addresses"
    return [
        Problem((*path, index), f"this never matches: {one.text} is not an address that a host can have", hint)
        for index, one in enumerate(members.ranges)
        if zone_addresses.nobody(one)
    ]


def plan(profile: Profile) -> Plan:
    kinds, elements = [], []
    for name, members in profile.sets.items():
        kinds += [Set(address_lists.set_name(family, name), TYPES[family]) for family in sorted(members.families)]
        path = f"firewall.sets.{name}"
        elements += [Element(address_lists.set_name(one.family, name), one.text, path) for one in members.ranges]
    return Plan(sets=tuple(kinds), elements=tuple(elements))
