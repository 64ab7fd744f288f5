"""The gateway's address for a lab host, and whether it is up for that host."""

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
    """Whether the gateway answers ARP from an attacker or a client, or has a tunnel with a peer."""
    if host.role == Role.PEER:
        return hosts.connected(host)
    own, target = hosts.address_of(host), gateway_for(host, hosts)
    return bool(own and target and ipv4.arp(host.name, host.network, own, target, 5))


def lost_tunnel(hosts: Hosts, *ends: LabHost) -> Answer | None:
    """The answer of a probe if the tunnel of one of its hosts does not come up."""
    lost = [host for host in ends if host.role == Role.PEER and not hosts.connected(host)]
    return Answer(False, f"{lost[0]} has no tunnel to the gateway") if lost else None
