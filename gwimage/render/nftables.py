"""The nftables ruleset: one table of our own, replaced atomically.

Must never use `flush ruleset`, which would delete networkd's NAT. Rules of one stage keep the order of the plan. Names from the
profile appear only in quoted strings.
"""

import re

from gwimage.plan import Element, File, Plan, Rule, file_of

PATH = "etc/nftables/gwimage.nft"
USE = re.compile(r"@([\w-]+)")
HEAD = (
    "#!/usr/sbin/nft -f",
    "# Each comment names the part of the profile that caused the line; firewall: holds for every profile.",
    "",
    "table inet gwimage",
    "delete table inet gwimage",
    "",
    "table inet gwimage {",
)
SETS = {
    "wans": ("type ifname",),
    "lans": ("type ifname",),
    "vpns": ("type ifname",),
    "inside": ("type ipv4_addr", "flags interval"),
    "inside6": ("type ipv6_addr", "flags interval"),
    "own": ("type ipv4_addr",),
    "private": ("type ipv4_addr", "flags interval"),
    "gateway_open": ("type ifname . inet_proto . inet_service",),
    "forward_open": ("type ifname . ifname",),
}
CHAINS = {
    # regular chains without a hook, reached by jumps
    "clamp": "",
    "spoof": "",
    "prerouting": "type filter hook prerouting priority raw; policy accept;",
    "mangle": "type filter hook prerouting priority mangle; policy accept;",
    "output": "type route hook output priority mangle; policy accept;",
    "dstnat": "type nat hook prerouting priority dstnat; policy accept;",
    "input": "type filter hook input priority filter; policy drop;",
    "forward": "type filter hook forward priority filter; policy drop;",
    # before networkd's masquerade, which has priority srcnat + 1 and matches no output interface
    "srcnat": "type nat hook postrouting priority srcnat; policy accept;",
}
STAGES = (
    "clamp.segments",
    "spoof.dhcp",
    "spoof.sources",
    "prerouting.dhcp",
    "prerouting.spoof",
    "prerouting.raw",
    "prerouting.untracked",
    "mangle.uplinks",
    "output.uplinks",
    "dstnat.dhcp",
    "dstnat.spoof",
    "dstnat.raw",
    "dstnat.forwards",
    "input.spoof",
    "input.state",
    "input.icmp",
    "input.open",
    "input.allow",
    "input.raw",
    "input.log",
    "input.rest",
    "forward.clamp",
    "forward.raw",
    "forward.state",
    "forward.spoof",
    "forward.dnat",
    "forward.open",
    "forward.allow",
    "forward.log",
    "forward.rest",
    "srcnat.raw",
    "srcnat.hairpin",
    "srcnat.exempt",
    "srcnat.fixed",
    "srcnat.routed",
)


def render(plan: Plan) -> dict[str, File]:
    """The whole table, without sets that no rule uses and chains without rules."""
    lines = [(text, "") for text in HEAD]
    rules = ordered(plan)
    used = {name for rule in rules for name in USE.findall(rule.text)}
    for name, kind in named(plan).items():
        if name in used:
            lines += _set(name, kind, [element for element in plan.elements if element.set == name])
    for name, kind in CHAINS.items():
        if members := [rule for rule in rules if chain(rule) == name]:
            lines.append(("", ""))
            lines += _chain(name, kind, members)
    return {PATH: file_of([*lines, ("}", "")])}


def ordered(plan: Plan) -> list[Rule]:
    """Rules in file order, which is evaluation order within a chain; jumps to empty chains are left out."""
    there = {chain(rule) for rule in plan.rules}
    rules = [rule for rule in plan.rules if not rule.text.endswith(tuple(f"jump {name}" for name in CHAINS.keys() - there))]
    return sorted(rules, key=lambda rule: STAGES.index(rule.stage))


def chain(rule: Rule) -> str:
    """Name of the rule's chain."""
    return rule.stage.partition(".")[0]


def named(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Declaration lines of each set by name: type, and flags if any."""
    return SETS | {extra.name: (f"type {extra.type}", "flags interval") for extra in plan.sets}


def _set(name: str, kind: tuple[str, ...], elements: list[Element]) -> list[tuple[str, str]]:
    lines = [(f"    set {name} {{", ""), *((f"        {text}", "") for text in kind)]
    if elements:
        lines.append(("        elements = {", ""))
        lines += [(f'            {element.text} comment "{element.path}",', element.path) for element in elements]
        lines.append(("        }", ""))
    return [*lines, ("    }", "")]


def _chain(name: str, kind: str, rules: list[Rule]) -> list[tuple[str, str]]:
    lines = [(f"    chain {name} {{", ""), *([(f"        {kind}", "")] if kind else [])]
    lines += [(f'        {rule.text} comment "{rule.path}"', rule.path) for rule in rules]
    return [*lines, ("    }", "")]
