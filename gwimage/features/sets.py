"""Named address sets, for sources and destinations of firewall.allow and firewall.forwards."""

from gwimage.plan import Element, Plan, Set
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.values import address_lists, ranges

TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}


def check(profile: Profile) -> list[Problem]:
    problems = []
    lists = [items for entry in profile.allow for items in (entry.sources, entry.destinations)]
    lists += [forward.sources for forward in profile.forwards]
    used = {item for items in lists for item in items if isinstance(item, str)} | set(profile.raw.sets)
    for name, members in profile.sets.items():
        path = ("firewall", "sets", name)
        problems += ranges.check(path, members.ranges)
        if name not in used:
            hint = f"name it in the sources or destinations of firewall.allow or firewall.forwards: sources: [{name}]"
            problems.append(Problem(path, f"nothing uses the set {name!r}", hint, "warning", on_key=True))
    return problems


def plan(profile: Profile) -> Plan:
    kinds, elements = [], []
    for name, members in profile.sets.items():
        kinds += [Set(address_lists.set_name(family, name), TYPES[family]) for family in sorted(members.families)]
        path = f"firewall.sets.{name}"
        elements += [Element(address_lists.set_name(one.family, name), one.text, path) for one in members.ranges]
    return Plan(sets=tuple(kinds), elements=tuple(elements))
