"""Policy routing with several WANs: replies leave by the WAN on which the connection arrived.

Connections from inside use the preferred WAN's default route. For each other WAN a conntrack mark records which
connections it carries; their packets use a routing table whose default is that WAN's router. A connection that began
while the preferred WAN was down therefore stays on its WAN. More specific routes of the main table still take
precedence: those to the inside networks, and to neighbours on the WAN itself.
"""

from gwimage.plan import Plan, Rule, Setting
from gwimage.problem import Problem
from gwimage.profile import Profile
from gwimage.profile.wans import DhcpAddress, StaticAddress, Wan

FIRST_TABLE, FIRST_PRIORITY = 100, 1000
REMEMBERED = "ct mark != 0 meta mark set ct mark"


def check(profile: Profile) -> list[Problem]:
    return []


def plan(profile: Profile) -> Plan:
    others = list(enumerate(profile.wans[1:], 2))
    if not others:
        return Plan()
    rules = [Rule("mangle.uplinks", f'iifname "{wan.name}" ct mark set {mark}', f"wans.{wan.name}") for mark, wan in others]
    rules.append(Rule("mangle.uplinks", f"iifname != @wans {REMEMBERED}", "wans"))
    rules.append(Rule("output.uplinks", REMEMBERED, "wans"))
    network = [setting for mark, wan in others for setting in _table(mark, wan)]
    return Plan(network=tuple(network), rules=tuple(rules))


def _table(mark: int, wan: Wan) -> list[Setting]:
    file, path, table = f"10-{wan.name}.network", f"wans.{wan.name}", FIRST_TABLE + mark
    gateway = [*_default_route(wan), ("Table", str(table))]
    main = [("FirewallMark", str(mark)), ("Table", "main"), ("SuppressPrefixLength", "0")]
    own = [("FirewallMark", str(mark)), ("Table", str(table))]
    found = [Setting(file, "Route", key, value, path, instance="table") for key, value in gateway]
    for number, values in enumerate((main, own)):
        values.append(("Priority", str(FIRST_PRIORITY + 2 * mark + number)))
        found += [Setting(file, "RoutingPolicyRule", key, value, path, instance=str(number)) for key, value in values]
    return found


def _default_route(wan: Wan) -> list[tuple[str, str]]:
    match wan.ipv4:
        case DhcpAddress():
            return [("Gateway", "_dhcp4")]
        case StaticAddress(address, gateway):
            on_link = [("GatewayOnLink", "yes")] if address.network.prefixlen == 32 else []
            return [("Gateway", str(gateway)), *on_link]
