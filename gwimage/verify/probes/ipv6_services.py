"""Probes of IPv6 service to clients: prefixes, advertisements, addresses, the way out; and a change of prefix."""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network

from gwimage.claims import claim_ipv6
from gwimage.lab.hosts import PORT, Hosts
from gwimage.lab.hosts.ipv6 import NARROW, RENEWAL
from gwimage.lab.packets import ipv4, ipv6
from gwimage.lab.packets.ipv6 import Advert
from gwimage.lab.topology import LanSide
from gwimage.values.ipv6 import LINK_LOCAL
from gwimage.values.lab_host import ISP
from gwimage.verify.probes import advice_ipv6
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_BOOT = 20  # seconds that an advertisement or an address may take: networkd's come every 16 s at first
_EAR = 4  # seconds to listen for what should not come
_USUAL = 1500
_LONGEST, _SHORTEST = 9000, 120  # seconds: maximum router lifetime (RFC 4861 6.2.1); minimum lifetime of a subnet


def _wan_address(probe: claim_ipv6.WanAddress6, view: View) -> Answer:
    wan = view.hosts.wan(probe.wan)
    mac = ipv6.neighbour(ISP.name, wan.name, wan.six.own, _BOOT)
    good, kind = mac == wan.mac, "made of an advertisement" if wan.six.link else "fixed"
    return Answer(good, f"{wan.six.own} ({kind}) {f'answers on {mac}' if mac else 'does not answer'}")


def _delegated(probe: claim_ipv6.Delegated, view: View) -> Answer:
    """Probes prefix delegation; the prefix must be requested: a Solicit alone is not enough."""
    provider = view.hosts.six.providers[probe.wan]
    _until(lambda: provider.taken == provider.delegated, _BOOT)
    if provider.taken != provider.delegated:
        kinds = ", ".join(str(message.kind) for message in provider.heard[-5:]) or "none"
        return Answer(False, f"nobody took {provider.delegated}; DHCPv6 messages: {kinds}")
    return Answer(True, f"{provider.customer} took {provider.delegated}; advertised without the M flag")


def _advertised(probe: claim_ipv6.Advertised, view: View) -> Answer:
    hosts = view.hosts
    lan, wanted = hosts.lan(probe.lan), set(hosts.six.announced(hosts.lan(probe.lan)))

    def enough(advert: Advert) -> bool:
        return not _wrong(probe, advert, wanted)

    found = ipv6.routers(lan.client.name, lan.name, _BOOT, enough)
    if not found:
        return Answer(False, "no router advertises itself")
    wrong = _wrong(probe, found[-1], wanted)
    if routers := {str(advert.router) for advert in found[:-1]} - {str(found[-1].router)}:
        wrong.append(f"{', '.join(sorted(routers))} is a router too")
    return Answer(not wrong, "; ".join([_told(found[-1]), *wrong]))


def _wrong(probe: claim_ipv6.Advertised, advert: Advert, wanted: set[IPv6Network]) -> list[str]:
    wrong = []
    nets = {prefix.net for prefix in advert.prefixes if prefix.autonomous and prefix.on_link and prefix.preferred}
    if nets != wanted:
        wrong.append(f"subnets {_list(nets)}, not {_list(wanted)}")
    if bad := [prefix for prefix in advert.prefixes if prefix.preferred > prefix.valid or 0 < prefix.valid < _SHORTEST]:
        wrong.append(f"{bad[0].net} for {bad[0].preferred} of {bad[0].valid} s")
    if advert.managed or advert.other:
        wrong.append("asks for DHCPv6, which nobody serves")
    if bool(advert.lifetime) != probe.default or advert.lifetime > _LONGEST:
        wrong.append(f"default router for {advert.lifetime} s")
    if set(advert.dns) != set(probe.dns):
        wrong.append(f"DNS by {_list(advert.dns)}, not {_list(probe.dns)}")
    if set(advert.routes) != set(probe.routes):
        wrong.append(f"way to {_list(advert.routes)}, not {_list(probe.routes)}")
    return wrong


def _told(advert: Advert) -> str:
    times = ", ".join(f"{prefix.net} ({prefix.preferred} of {prefix.valid} s)" for prefix in advert.prefixes)
    return f"{advert.router}: {times or 'no subnet'}, router for {advert.lifetime} s, DNS {_list(advert.dns)}"


def _unadvertised(probe: claim_ipv6.Unadvertised, view: View) -> Answer:
    """Listens for router advertisements since power-on: a router sends some when it starts, then every few minutes.

    Silence counts only if the gateway is up and the same listener hears the lab's own advertisement.
    """
    lan, heard = view.hosts.lan(probe.lan), view.hosts.six.overheard[probe.lan]
    if not ipv4.arp(lan.client.name, lan.name, lan.spare.ip, lan.gateway.ip, 5):
        return Answer(False, f"{lan.gateway.ip} does not answer at all")
    ipv6.routers(lan.client.name, lan.name, _EAR, lambda advert: False)
    bridge = lan.segments[0].bridge
    own = view.hosts.six.own("hv", bridge)
    ipv6.advertise("hv", bridge)
    if not _until(lambda: own in heard, 5):
        return Answer(False, "the lab's own advertisement was not heard: nothing can be said")
    if found := heard - {own}:
        return Answer(False, f"{_list(found)} advertises itself")
    return Answer(True, f"none since the start, nor when asked for {_EAR} s; the lab's own was heard")


def _ping(probe: claim_ipv6.Ping6, view: View) -> Answer:
    """Pings the gateway's address in each subnet, and the link-local one that its advertisements come from."""
    hosts, lan = view.hosts, view.hosts.lan(probe.lan)
    name, nets = lan.client.name, view.hosts.six.announced(view.hosts.lan(probe.lan))
    own = hosts.six.settled(lan)
    if missing := [net for net in nets if not hosts.six.of(lan, net)]:
        return Answer(False, f"the client has {_list(hosts.six.addresses(lan))}, nothing in {_list(missing)}")
    if strange := [address for address in hosts.six.addresses(lan) if not any(address in net for net in nets)]:
        return Answer(False, f"the client has {_list(strange)} too")
    deaf = [
        str(_gateway(lan, net)) for net, address in zip(nets, own) if not ipv6.ping(name, _gateway(lan, net), source=address)
    ]
    router = gateway_link_local(hosts, lan)
    if not router or not ipv6.ping(name, router, lan.name):
        deaf.append(str(router or "the router's link-local address"))
    if deaf:
        return Answer(False, f"{_list(own)}: {', '.join(deaf)} does not answer")
    return Answer(True, f"{_list(own)}; {_list([*(_gateway(lan, net) for net in nets), router])} answer")


def _source(probe: claim_ipv6.SourceAddress6, view: View) -> Answer:
    hosts, lan = view.hosts, view.hosts.lan(probe.lan)
    own = _worldly(hosts, lan)
    if not own:
        return Answer(False, "the client has no address for the world")
    answer = _outside(hosts, lan, own)
    return Answer(answer == f"open {own}", f"the server outside saw {answer.removeprefix('open ')}")


def _too_big(probe: claim_ipv6.PathMtu6, view: View) -> Answer:
    hosts, lan = view.hosts, view.hosts.lan(probe.lan)
    own, narrow = _worldly(hosts, lan), hosts.topology.beyond6.narrow
    if not own:
        return Answer(False, "the client has no address for the world")
    found = ipv6.path_mtu(lan.client.name, own, narrow, _USUAL)
    return Answer(found == NARROW, f"packets to {narrow} may have {found} bytes; the router outside says {NARROW}")


def _renumbered(probe: claim_ipv6.PrefixChange, view: View) -> Answer:
    """Changes the delegated prefix; the former has no route, so clients must have and use a new address."""
    hosts, wan = view.hosts, view.hosts.wan(probe.wan)
    provider, former = hosts.six.providers[probe.wan], hosts.six.prefix()
    lans = [hosts.lan(name) for name in probe.lans]
    before = time.monotonic()
    provider.renumber(wan.six.later if provider.room == wan.six.delegated else wan.six.delegated)
    if not _until(lambda: provider.taken == provider.delegated, 6 * RENEWAL):
        return Answer(False, f"nobody renewed {former} within {6 * RENEWAL} s")
    hosts.six.route_inwards()
    taken, seen = time.monotonic(), []
    for lan in lans:
        net = hosts.six.announced(lan)[0]
        hosts.six.settled(lan)
        if not (own := hosts.six.of(lan, net)):
            return Answer(False, f"a client on {lan.name} has {_list(hosts.six.addresses(lan))}, nothing in {net}")
        if (answer := _outside(hosts, lan, own)) != f"open {own}":
            return Answer(False, f"from {own} the server outside: {answer}")
        seen.append(f"{lan.name} {own}")
    old = [address for lan in lans for address in hosts.six.addresses(lan) if address in former]
    times = f"renewed after {taken - before:.0f} s, clients {time.monotonic() - taken:.0f} s later"
    kept = f"; still used: {_list(old)}" if old else "; the former is deprecated"
    return Answer(True, f"{former} became {provider.delegated}: {', '.join(seen)}; {times}{kept}")


def _worldly(hosts: Hosts, lan: LanSide) -> IPv6Address | None:
    """The client's address in the subnet with internet access: the delegated one comes first."""
    return hosts.six.of(lan, next(iter(hosts.six.announced(lan))))


def _outside(hosts: Hosts, lan: LanSide, own: IPv6Address) -> str:
    return ipv4.connect(lan.client.name, hosts.topology.beyond6.outside, PORT, source=own, tries=3)


def _gateway(lan: LanSide, net: IPv6Network) -> IPv6Address:
    """The gateway's address in a subnet: ::1 of a delegated one."""
    return lan.six.fixed.ip if lan.six.fixed and lan.six.fixed.network == net else net[1]


def gateway_link_local(hosts: Hosts, lan: LanSide) -> IPv6Address | None:
    """The gateway's link-local address, the source of its router advertisements."""
    found = ipv6.routers(lan.client.name, lan.name, 10, lambda advert: advert.router in LINK_LOCAL)
    return found[-1].router if found else None


def _until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _list(values) -> str:
    return ", ".join(map(str, values)) or "none"


PROBES = (
    Probe(
        kind=claim_ipv6.WanAddress6,
        ask=_wan_address,
        question="the ISP asks for the address by neighbour solicitations",
        advise=advice_ipv6.wan_address,
    ),
    Probe(
        kind=claim_ipv6.Delegated,
        ask=_delegated,
        question="an ISP that advertises neither the M nor the O flag waits to be asked for a prefix by DHCPv6",
        advise=advice_ipv6.delegated,
    ),
    Probe(
        kind=claim_ipv6.Advertised,
        ask=_advertised,
        question="a client solicits routers, and reads what the advertisement says",
        advise=advice_ipv6.advertised,
    ),
    Probe(
        kind=claim_ipv6.Unadvertised,
        ask=_unadvertised,
        question="a client listens from power-on, and solicits routers",
        advise=advice_ipv6.unadvertised,
        waits=True,
        own_networks=True,
    ),
    Probe(
        kind=claim_ipv6.Ping6,
        ask=_ping,
        question="a client makes addresses of what is advertised, and sends an ICMPv6 echo request from each",
        advise=advice_ipv6.ping,
    ),
    Probe(
        kind=claim_ipv6.SourceAddress6,
        ask=_source,
        question="a client connects by TCP to a server outside, which says whom it saw",
        advise=advice_ipv6.source,
    ),
    Probe(
        kind=claim_ipv6.PathMtu6,
        ask=_too_big,
        question="a client sends a long packet to where a router outside passes on short ones only",
        advise=advice_ipv6.too_big,
    ),
    Probe(
        kind=claim_ipv6.PrefixChange,
        ask=_renumbered,
        question="the ISP answers the next renewal with another prefix, and ends the former",
        advise=advice_ipv6.renumbered,
        late=50,  # disturbs
    ),
)
