"""The firewall: one own table, replaced as a whole; never `flush ruleset`, which would delete networkd's NAT.

Rules of one stage keep the order of the plan. Names from the profile stand in quoted strings only.
"""

from gwimage.plan import Element, File, Plan, Rule, file_of

PATH = "etc/nftables/gwimage.nft"
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
    "inside": ("type ipv4_addr", "flags interval"),
    "gateway_open": ("type ifname . inet_proto . inet_service",),
    "forward_open": ("type ifname . ifname",),
}
CHAINS = {
    "prerouting": "type filter hook prerouting priority raw; policy accept;",
    "input": "type filter hook input priority filter; policy drop;",
    "forward": "type filter hook forward priority filter; policy drop;",
}
STAGES = (
    "prerouting.dhcp",
    "prerouting.spoof",
    "input.state",
    "input.icmp",
    "input.open",
    "input.rest",
    "forward.clamp",
    "forward.state",
    "forward.open",
    "forward.rest",
)


def render(plan: Plan) -> dict[str, File]:
    lines = [(text, "") for text in HEAD]
    for name, kind in SETS.items():
        lines += _set(name, kind, [element for element in plan.elements if element.set == name])
    rules = sorted(plan.rules, key=lambda rule: STAGES.index(rule.stage))
    for name, kind in CHAINS.items():
        lines.append(("", ""))
        lines += _chain(name, kind, [rule for rule in rules if rule.stage.startswith(f"{name}.")])
    return {PATH: file_of([*lines, ("}", "")])}


def _set(name: str, kind: tuple[str, ...], elements: list[Element]) -> list[tuple[str, str]]:
    lines = [(f"    set {name} {{", ""), *((f"        {text}", "") for text in kind)]
    if elements:
        lines.append(("        elements = {", ""))
        lines += [(f'            {element.text} comment "{element.path}",', element.path) for element in elements]
        lines.append(("        }", ""))
    return [*lines, ("    }", "")]


def _chain(name: str, kind: str, rules: list[Rule]) -> list[tuple[str, str]]:
    lines = [(f"    chain {name} {{", ""), (f"        {kind}", "")]
    lines += [(f'        {rule.text} comment "{rule.path}"', rule.path) for rule in rules]
    return [*lines, ("    }", "")]
