"""Static routes: networks behind another router on a LAN or WAN.

Networks behind a LAN are inside, like the LAN itself. Between the LAN and such a network the gateway routes without
conntrack: the paths are often asymmetric, since the other router reaches the LAN's hosts directly while they use the
gateway, and conntrack would drop one direction as invalid. Untracked packets also bypass networkd's masquerade: both
sides see real addresses.
"""

from ipaddress import IPv4Network

from gwimage.plan import Element, Plan, Rule, Setting, any_of
from gwimage.problem import Path, Problem, dotted
from gwimage.profile import Profile, subnets
from gwimage.profile.routes import Route
from gwimage.profile.subnets import OwnAddress
from gwimage.values import host_address


def check(profile: Profile) -> list[Problem]:
    problems, own, before = [], subnets.own(profile), []
    for index, route in enumerate(profile.routes):
        path, zone = ("routes", index), subnets.zone_of(own, route.via)
        wrong = _check_to((*path, "to"), route, own) + (
            _check_peer(path, route, profile) or _check_via((*path, "via"), route, zone, own)
        )
        problems += (
            wrong or _check_others((*path, "to"), route, zone, before) or _check_home((*path, "to"), route, zone, profile)
        )
        if lan := subnets.leased(profile, route.via):
            message, hint = f"{route.via} is in the pool of {lan}: any machine may get it", "make it a reservation"
            problems.append(Problem((*path, "via"), message, hint, "warning"))
        if not wrong:
            before.append((path, route, zone, *subnets.span(route.to.network)))
    return problems


def _check_to(path: Path, route: Route, own: list[OwnAddress]) -> list[Problem]:
    to = route.to.network
    if to.prefixlen == 0:
        hint = "each WAN brings one; their order under wans is the preference"
        return [Problem(path, "this is the default route", hint)]
    if route.to.ip != to.network_address:
        return [Problem(path, f"{route.to} is the address of a host, not of a network", f"did you mean {to}?")]
    if reason := host_address.unusable(to.network_address):
        return [Problem(path, f"{to.network_address} {reason}", "give the network behind the router")]
    first, last = subnets.span(to)
    for entry in own:
        if first <= entry.last and entry.first <= last:
            message = f"{to} overlaps {entry.address.network}, where the gateway itself is {entry.address.ip}"
            return [Problem(path, message, f"leave the subnet of {dotted(entry.zone)} out, with several routes if need be")]
    return []


def _check_peer(path: Path, route: Route, profile: Profile) -> list[Problem]:
    """Refuses a route via a VPN: a tunnel has no neighbours, its peers list the networks behind them."""
    for vpn in profile.vpn:
        if route.via in vpn.address.network:
            hint = f"write {route.to.network} into networks of the peer, below vpn.{vpn.name}.peers"
            return [Problem((*path, "via"), f"{route.via} is in the tunnel {vpn.name}, where no router is a neighbour", hint)]
    return []


def _check_via(path: Path, route: Route, zone: Path | None, own: list[OwnAddress]) -> list[Problem]:
    via, hint = route.via, "give the address of the router behind which the network lies"
    if not zone:
        known = ", ".join(dict.fromkeys(str(entry.address.network) for entry in own[:8]))
        message = f"{via} is in no subnet where the gateway has a fixed address"
        return [Problem(path, message, f"a router must be a neighbour: in {known}")]
    for entry in own:
        if entry.first <= int(via) <= entry.last and via == entry.address.ip:
            return [Problem(path, f"{via} is the gateway's own address", hint)]
        if int(via) in (entry.first, entry.last) and entry.address.network.prefixlen < 31:
            return [Problem(path, f"{via} is the network or broadcast address of {entry.address.network}", hint)]
    return []


def _check_others(path: Path, route: Route, zone: Path, before: list) -> list[Problem]:
    """Compares a route with the earlier ones; before: (place, route, network, first, last) of each."""
    first, last = subnets.span(route.to.network)
    for place, other, other_zone, start, end in before:
        if (start, end) == (first, last) and other.metric == route.metric:
            message = f"there is a route to {route.to} already: {dotted(place)}"
            return [Problem(path, message, "remove it, or give it another metric")]
        if first <= end and start <= last and other_zone != zone and "lans" in (zone[0], other_zone[0]):
            message = f"{route.to} overlaps {other.to} of {dotted(place)}, which lies behind {dotted(other_zone)}"
            return [Problem(path, message, "what is inside has one way in: write networks that do not overlap")]
    return []


def _check_home(path: Path, route: Route, zone: Path, profile: Profile) -> list[Problem]:
    return subnets.check_home_router(path, route.to.network, profile) if zone[0] == "lans" else []


def plan(profile: Profile) -> Plan:
    own, routed = subnets.own(profile), subnets.routed(profile)
    parts = [_route(f"routes.{index}", route, subnets.zone_of(own, route.via)) for index, route in enumerate(profile.routes)]
    parts += [_lan(lan.name, routed[lan.name]) for lan in profile.lans if lan.name in routed]
    return sum(parts, Plan())


def _route(path: str, route: Route, zone: Path) -> Plan:
    file = f"{20 if zone[0] == 'lans' else 10}-{zone[1]}.network"
    values = [("Destination", route.to.network, "to"), ("Gateway", route.via, "via"), ("Metric", route.metric, "metric")]
    written = [(key, str(value), name) for key, value, name in values if value]
    return Plan(network=tuple(Setting(file, "Route", key, value, f"{path}.{name}", path) for key, value, name in written))


def _lan(lan: str, routed: dict[IPv4Network, int]) -> Plan:
    """Rules of a LAN with routed networks behind it; routed: each with the number of its route."""
    nets = subnets.collapse(routed)
    first = f"routes.{min(routed.values())}"
    return Plan(
        rules=(Rule("prerouting.untracked", f'iifname "{lan}" ip daddr {any_of(nets)} notrack', first),),
        elements=(
            *(Element("inside", str(net), f"routes.{routed[net]}.to") for net in nets),
            Element("forward_open", f'"{lan}" . "{lan}"', first),
        ),
    )
