"""Claims of IPv6: connectivity for features/ipv6, isolation for features/firewall_ipv6."""

from collections.abc import Iterator

from gwimage.claims import allow_ipv6, public_only
from gwimage.claims.claim import Claim
from gwimage.claims.claim_ipv6 import (
    Advertised,
    Delegated,
    GatewayClosed6,
    GatewayClosedUdp6,
    NoEgress6,
    PathMtu6,
    Ping6,
    PrefixChange,
    SourceAddress6,
    Unadvertised,
    Unreachable6,
    WanAddress6,
)
from gwimage.profile import Profile
from gwimage.profile.ipv6 import Inside
from gwimage.profile.lans import Lan
from gwimage.profile.zones import GATEWAY
from gwimage.values import ipv6 as inet6
from gwimage.values import lab_host
from gwimage.values.ports import DHCP, DNS, NTP, SSH
from gwimage.values.ranges import LAST_PORT, Ports

DHCP6_CLIENT = 546
LINK_LOCAL, FIXED, AUTOMATIC = "link-local", "fixed", "automatic"


def given(profile: Profile) -> Iterator[Claim]:
    """Claims of addresses, prefixes, advertisements, and the route out."""
    ipv6 = profile.ipv6
    for name, outside in ipv6.wans.items():
        path = f"wans.{name}.ipv6"
        text = f"{name} has its address {outside.address}" if outside.address else f"{name} makes itself an IPv6 address"
        yield Claim(f"{path}.address", path, text, WanAddress6(name))
    if ipv6.uplink:
        path, text = f"wans.{ipv6.uplink}.ipv6", f"{ipv6.uplink} is delegated a prefix by a provider that does not say it does"
        yield Claim(f"{path}.prefix", path, text, Delegated(ipv6.uplink))
    for lan in profile.lans:
        if inside := ipv6.lans.get(lan.name):
            yield from _inside(lan, inside, profile)
        else:
            path = f"lans.{lan.name}"
            text = f"no router advertises itself on {lan.name}, which has no IPv6"
            yield Claim(f"{path}.ipv6.off", path, text, Unadvertised(lan.name))
    lans = tuple(lan.name for lan in profile.lans if lan.internet and lan.name in ipv6.lans and ipv6.lans[lan.name].delegated)
    if lans:
        text = "when the provider changes the prefix, LANs announce the new one, and it leads out"
        needs = (f"wans.{ipv6.uplink}.ipv6.prefix", *(f"lans.{name}.ipv6.ping" for name in lans))
        path = f"wans.{ipv6.uplink}.ipv6"
        yield Claim(f"{path}.renumbered", path, text, PrefixChange(ipv6.uplink, lans), needs)


def _inside(lan: Lan, inside: Inside, profile: Profile) -> Iterator[Claim]:
    name, path, client, ipv6 = lan.name, f"lans.{lan.name}.ipv6", f"a client on {lan.name}", profile.ipv6
    needs = (f"wans.{ipv6.uplink}.ipv6.prefix",) if inside.delegated else ()
    default = ipv6.leaves(inside)
    dns = (inside.address.ip,) if inside.address else ()
    routes = () if default else (inside.address.network.supernet(new_prefix=48),)
    what = "the way out" if default else "its own subnets, and no way out"
    text = f"router advertisements on {name} say {what}"
    yield Claim(f"{path}.advertised", path, text, Advertised(name, default, dns, routes), needs)
    text = f"{client} makes itself IPv6 addresses and pings the gateway"
    yield Claim(f"{path}.ping", path, text, Ping6(name), needs)
    if not default:
        return
    first = next(iter(ipv6.wans))  # its default route wins
    needs = (f"{path}.ping", f"wans.{first}.ipv6.address")
    if not lan.internet:
        if protocols := allow_ipv6.shut(profile, name, first):
            text = f"{client} does not reach a server outside over IPv6{allow_ipv6.only(protocols)}"
            probe = Unreachable6(lab_host.client(name), first, protocols)
            yield Claim(f"{path}.internet", f"lans.{name}.internet", text, probe, needs, closed=True)
        return
    text = f"{client} reaches a server outside over IPv6, seen with its own address"
    yield Claim(f"{path}.source", path, text, SourceAddress6(name), needs)
    yield from public_only.claims6(lan, profile) if lan.public_only else ()
    text = f"{client} hears from outside that a packet was too big"
    yield Claim(f"{path}.mtu", path, text, PathMtu6(name), (f"{path}.source",))


def closed(profile: Profile) -> Iterator[Claim]:
    """Negative claims: the gateway from outside, its other ports from inside, LANs from any other network."""
    ipv6 = profile.ipv6
    for name, outside in ipv6.wans.items():
        yield from _scans(name, "wans", FIXED if outside.address else AUTOMATIC, False, profile)
    for name, inside in ipv6.lans.items():
        yield from _scans(name, "lans", FIXED if inside.address else AUTOMATIC, True, profile)
        path = f"lans.{name}.ipv6"
        for other in (*ipv6.wans, *(other for other in ipv6.lans if other != name)):
            if protocols := allow_ipv6.shut(profile, other, name):
                there = "address" if other in ipv6.wans else "ping"
                needs = (f"{path}.ping", f"{'wans' if other in ipv6.wans else 'lans'}.{other}.ipv6.{there}")
                start = lab_host.attacker(other) if other in ipv6.wans else lab_host.client(other)
                text = f"nobody on {other} reaches a client on {name} over IPv6{allow_ipv6.only(protocols)}"
                probe = Unreachable6(start, name, protocols)
                yield Claim(f"{path}.unreachable.{other}", path, text, probe, needs, closed=True)
    yield from _kept(profile)


def _scans(name: str, kind: str, address: str, inside: bool, profile: Profile) -> Iterator[Claim]:
    """TCP and UDP port scans of one address of the gateway, from one zone."""
    path, host = f"{kind}.{name}.ipv6", lab_host.client(name) if inside else lab_host.attacker(name)
    ssh = (SSH,) if name in profile.services.ssh_from else ()
    needs = (f"{path}.ping" if inside else f"{path}.address",)
    echo = inside or allow_ipv6.echo(profile, name)
    for which in (address, LINK_LOCAL):
        # services that listen on fixed addresses only, such as DNS, are still open in the firewall
        serves = inside and which == FIXED
        is_open, free = ((*ssh, DNS), ()) if serves else (ssh, ((DNS, DNS),) if inside else ())
        probe = GatewayClosed6(host, which, is_open, echo, (*free, *_allowed(name, profile)))
        ports = " and ".join(map(str, is_open))
        text = f"from {name} the gateway's {which} IPv6 address answers on {f'TCP {ports} only' if ports else 'no TCP port'}"
        suffix = ".local" if which == LINK_LOCAL else ""
        yield Claim(f"{path}.closed{suffix}", path, text, probe, needs, closed=True)
        udp = GatewayClosedUdp6(
            host, which, tuple(sorted({*_udp(name, kind, which, profile), *_allowed(name, profile, "udp")}))
        )
        text = f"from {name} the gateway's {which} IPv6 address takes UDP on no port but its services'"
        yield Claim(f"{path}.closed{suffix}.udp", path, text, udp, needs, closed=True)


def _udp(name: str, kind: str, which: str, profile: Profile) -> Iterator[Ports]:
    """UDP ports open for both families: services, VPNs, and the provider's DHCPv6 answers (RFC 9915)."""
    served = [(DNS, kind == "lans"), (DHCP, name in profile.dhcp), (NTP, name in profile.ntp.serves)]
    served += [(DHCP6_CLIENT, kind == "wans" and which == LINK_LOCAL)]
    served += [(vpn.port, True) for vpn in profile.vpn if vpn.port]
    yield from ((port, port) for port, there in served if there)


def _allowed(zone: str, profile: Profile, protocol: str = "tcp") -> tuple[Ports, ...]:
    """The gateway's own ports that firewall.allow opens on that zone."""
    found: list[Ports] = []
    for entry in profile.allow:
        if zone in entry.from_zones and GATEWAY in entry.to_zones and (not entry.protocols or protocol in entry.protocols):
            found += entry.ports or [(1, LAST_PORT)]
    return tuple(sorted(set(found)))


def _kept(profile: Profile) -> Iterator[Claim]:
    """Egress filter: unique local addresses, and any IPv6 of a LAN without it where other LANs have it."""
    ipv6 = profile.ipv6
    world = [name for name, outside in ipv6.wans.items() if not inet6.local(outside.address)]
    if not world or not ipv6.lans or world[0] != next(iter(ipv6.wans)):
        return
    there = f"wans.{world[0]}.ipv6.address"
    for lan in profile.lans:
        inside, path = ipv6.lans.get(lan.name), f"lans.{lan.name}.ipv6"
        if not inside:
            text, probe = f"no IPv6 from {lan.name} leaves the gateway", NoEgress6(lan.name)
            yield Claim(f"{path}.kept", f"lans.{lan.name}", text, probe, (there,), closed=True)
        elif inet6.local(inside.address):
            text = f"the unique local addresses of {lan.name} do not leave the gateway"
            probe = NoEgress6(lan.name, inside.address.network)
            yield Claim(f"{path}.kept", path, text, probe, (there, f"{path}.ping"), closed=True)
