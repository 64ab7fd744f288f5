"""The gateway as a host of the lab sees it, and whether it is there for that host at all."""

from ipaddress import IPv4Address

from gwimage.lab.hosts import Hosts
from gwimage.lab.packets import ipv4
from gwimage.values.lab_host import LabHost, Role
from gwimage.verify.probes.view import Answer


def gateway_for(host: LabHost, hosts: Hosts) -> IPv4Address | None:
    """The gateway's address on the network of an attacker, a client or a peer."""
    if host.role == Role.PEER:
        return hosts.tunnel(host).played.vpn.address.ip
    return hosts.given(hosts.wan(host.network)) if host.role == Role.ATTACKER else hosts.lan(host.network).gateway.ip


def neighbour(host: LabHost, hosts: Hosts) -> bool:
    """Whether the gateway is there for an attacker or a client."""
    if host.role == Role.PEER:
        return hosts.connected(host)
    own, target = hosts.address_of(host), gateway_for(host, hosts)
    return bool(own and target and ipv4.arp(host.name, host.network, own, target, 5))


def lost_tunnel(hosts: Hosts, *ends: LabHost) -> Answer | None:
    """What there is to say when a host is behind a tunnel, and the tunnel does not come up."""
    lost = [host for host in ends if host.role == Role.PEER and not hosts.connected(host)]
    return Answer(False, f"{lost[0]} has no tunnel to the gateway") if lost else None
