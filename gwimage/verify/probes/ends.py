"""The gateway as a host of the lab sees it, and whether it is there for that host at all."""

from __future__ import annotations

from ipaddress import IPv4Address

from gwimage.lab.hosts import Hosts
from gwimage.lab.packets import ipv4
from gwimage.verify.probes.view import Answer


def gateway_for(name: str, hosts: Hosts) -> IPv4Address | None:
    """The gateway's address on the network of an attacker, a client or a peer."""
    kind, _, network = name.partition("-")
    if kind == "peer":
        return hosts.tunnel(name).played.vpn.address.ip
    return hosts.given(hosts.wan(network)) if kind == "attacker" else hosts.lan(network).gateway.ip


def neighbour(name: str, hosts: Hosts) -> bool:
    """Whether the gateway is there for an attacker or a client."""
    if name.startswith("peer-"):
        return hosts.connected(name)
    own, target = hosts.address_of(name), gateway_for(name, hosts)
    return bool(own and target and ipv4.arp(name, name.partition("-")[2], own, target, 5))


def lost_tunnel(hosts: Hosts, *names: str) -> Answer | None:
    """What there is to say when a host is behind a tunnel, and the tunnel does not come up."""
    lost = [name for name in names if name.startswith("peer-") and not hosts.connected(name)]
    return Answer(False, f"{lost[0]} has no tunnel to the gateway") if lost else None
