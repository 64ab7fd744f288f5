"""What the gateway gives: addresses, options, names, the time; and whether it is there and well."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from gwimage.claims import claim, claim_dhcp, claim_services
from gwimage.lab.machine.guest import SECRET_NAME
from gwimage.lab.packets import dhcp_client, dns, ipv4, ntp
from gwimage.lab.topology import IspAssigned, IspLeases
from gwimage.values import dhcp_options, domain_names, lab_host
from gwimage.verify.evidence import Wire
from gwimage.verify.probes import advice_services, hints, sharing
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

Address = IPv4Address | IPv6Address
_UNSYNCHRONISED = 16  # from this stratum on (RFC 5905)
_NOBODY = IPv4Address("0.0.0.0")  # who asks by ARP without an address (RFC 5227)
_BY_ITSELF = (100, 101)  # networkd would tell its time zone, which is not for the networks inside to know (RFC 4833)
_SHOWN = 4  # addresses with their names, of which a client may have hundreds
_MOST_OFF = 60  # seconds: the gateway's clock in the lab is the host's


def _wan_address(probe: claim_services.WanAddress, view: View) -> Answer:
    wan = view.hosts.wan(probe.wan)
    address = view.hosts.wan_address(wan, wait=5)
    kind = {IspAssigned: "static", IspLeases: "lease"}[type(wan.ipv4)]
    if address:
        return Answer(True, f"{address} ({kind}) answers on {wan.mac}")
    given = view.hosts.given(wan)
    return Answer(False, f"{given} ({kind}) does not answer" if given else "asked for no lease")


def _lease(probe: claim_dhcp.Lease, view: View) -> Answer:
    lease = view.hosts.lease(probe.lan)
    if lease is None:
        return Answer(False, "the DHCP client got no answer")
    expected = {
        "mask": str(probe.prefix),
        "router": str(probe.router) if probe.router else None,
        "dns": " ".join(map(str, probe.dns)),
        "lease": str(probe.lease_time),
    }
    wrong = [f"{key} {lease.get(key)}, not {value}" for key, value in expected.items() if lease.get(key) != value]
    if not probe.first <= IPv4Address(lease["ip"]) <= probe.last:
        wrong.insert(0, "outside the pool")
    name = lab_host.client(probe.lan).name
    longer = dhcp_client.offered_time(dhcp_client.by_mac(name, probe.lan, ipv4.mac(name, probe.lan)), probe.lease_time * 3)
    if longer != probe.lease_time:
        wrong.append(f"lease {longer} for who asks for {probe.lease_time * 3}")
    seen = f"{lease['ip']}/{lease.get('mask')} router {lease.get('router')} dns {lease.get('dns')}"
    return Answer(not wrong, "; ".join([seen, *wrong]))


def _reservation(probe: claim_dhcp.ReservedLease, view: View) -> Answer:
    """As firmware, then the system, then firmware again: nothing is released, so each finds the lease of the one before."""
    firmware = dhcp_client.by_mac(lab_host.client(probe.lan).name, probe.lan, probe.mac)
    system = replace(firmware, identity=dhcp_client.DUID + firmware.identity)
    leases = [dhcp_client.take(client) for client in (firmware, system, firmware)]
    for client, lease in zip((system, firmware), leases[1:], strict=True):
        if lease:
            dhcp_client.release(client, lease)  # it may be an address that others are counted on to get
    seen = [str(given.address) if given else "no answer" for given in leases]
    if seen == [str(probe.address)] * 3:
        return Answer(True, f"{probe.address} for {probe.mac}")
    return Answer(False, f"{probe.mac}: {seen[0]} by MAC address, then {seen[1]} by DUID, then {seen[2]} by MAC address")


def _dhcp_options(probe: claim_dhcp.DhcpOptions, view: View) -> Answer:
    name = lab_host.client(probe.lan).name
    codes = [*(code for code, _ in probe.expected), *_BY_ITSELF]
    given = dhcp_client.lease(name, probe.lan, ipv4.mac(name, probe.lan), codes)
    if given is None:
        return Answer(False, "the DHCP client got no answer")
    shown = {code: dhcp_options.shown(code, bytes.fromhex(value)) for code, value in probe.expected}
    seen = {code: given.options.get(code) for code, _ in probe.expected}
    wrong = [
        f"option {code}: {'none' if seen[code] is None else dhcp_options.shown(code, seen[code])}, not {shown[code]}"
        for code, value in probe.expected
        if seen[code] is None or seen[code].hex() != value
    ]
    more = [code for code in _BY_ITSELF if code in given.options and code not in seen]
    wrong += [f"option {code}, which nobody asked for: {given.options[code]!r}" for code in more]
    right = [f"option {code}: {value}" for code, value in shown.items()]
    if probe.next_server:
        right.append(f"next server: {probe.next_server}")
    if probe.next_server and given.next_server != probe.next_server:
        wrong.append(f"next server: {given.next_server}, not {probe.next_server}")
    return Answer(not wrong, "; ".join(wrong or right))


def _dns(probe: claim_services.DnsQuery, view: View) -> Answer:
    """By UDP, and by TCP as for answers that are too long for that (RFC 7766). Of one server: a name that nobody asked before."""
    if probe.server:
        with view.hosts.only_server(probe.server):
            return _resolves(probe.lan, f"{secrets.token_hex(4)}.{SECRET_NAME}", (view.hosts.topology.outside,), view)
    outside = view.hosts.topology.outside
    answer = _resolves(probe.lan, SECRET_NAME, (outside,), view)
    if not answer.good:
        return answer
    by_tcp = _resolves(probe.lan, SECRET_NAME, (outside,), view, "tcp")
    return Answer(by_tcp.good, answer.seen if by_tcp.seen == answer.seen else f"{answer.seen}; by TCP {by_tcp.seen}")


def _local_name(probe: claim_services.LocalName, view: View) -> Answer:
    return _resolves(probe.lan, probe.name, probe.addresses, view)


def _resolves(lan: str, name: str, wanted: Sequence[Address], view: View, protocol: str = "udp") -> Answer:
    """Asked for the kinds of addresses that it should have."""
    server = view.hosts.lan(lan).gateway.ip
    kinds = dict.fromkeys(dns.RECORDS[address.version] for address in wanted)
    found = [dns.resolve(lab_host.client(lan).name, server, name, protocol, kind) for kind in kinds]
    given = {address for some in found for address in some.split(", ")}
    return Answer(given == set(map(str, wanted)), f"{server} says: {', '.join(found)}")


def _reverse_names(probe: claim_services.ReverseNames, view: View) -> Answer:
    """Ends with the first address that has not its name: one that is not answered takes its time."""
    server, seen = view.hosts.lan(probe.lan).gateway.ip, []
    for address, name in probe.names:
        found = dns.reverse(lab_host.client(probe.lan).name, server, address)
        seen.append(f"{address} is {' and '.join(found) or 'nobody'}")
        if name not in found:
            return Answer(False, f"{server} says: {seen[-1]}, not {name}")
    more = f", and {len(seen) - _SHOWN} more as they should be" if seen[_SHOWN:] else ""
    return Answer(True, f"{server} says: {', '.join(seen[:_SHOWN])}{more}")


def _advise_reverse_names(probe: claim_services.ReverseNames, wire: Wire) -> str:
    command = hints.explain(probe.lan, "gateway", "udp", 53)
    return f"Does etc/hosts of the image have the address with its name? If nothing is answered at all: {command}."


def _own_names(probe: claim_services.GatewayResolver, view: View) -> Answer:
    found = view.look()
    if found is None:
        return Answer(False, "the gateway did not report")
    return Answer(found.resolves == str(view.hosts.topology.outside), f"it finds {found.resolves or 'nothing'}")


def _ntp(probe: claim_services.NtpQuery, view: View) -> Answer:
    server = view.hosts.lan(probe.lan).gateway.ip
    clock = ntp.clock(lab_host.client(probe.lan).name, server)
    if clock is None:
        return Answer(False, f"{server} does not say the time")
    seen = f"{server} says the time, stratum {clock.stratum}, {clock.off:+.1f} s off the host's"
    good = 0 < clock.stratum < _UNSYNCHRONISED and clock.leap < 3 and abs(clock.off) < _MOST_OFF
    return Answer(good, seen)


def _ping(probe: claim_services.Ping, view: View) -> Answer:
    """Where the network has several cards, a host on each of the others must reach the client through the bridge."""
    lan = view.hosts.lan(probe.lan)
    target, client = lan.gateway.ip, view.hosts.client_address(lan)
    if not ipv4.ping(lab_host.client(probe.lan).name, target):
        return Answer(False, f"{target} does not answer")
    deaf = [
        number
        for number in range(1, len(lan.segments))
        if not client or not ipv4.arp(lan.server.name, f"card{number - 1}", _NOBODY, client, 5)
    ]
    if deaf:
        return Answer(False, f"{target} answers, but card {deaf[0] + 1} of {len(lan.segments)} is not joined to the first")
    return Answer(True, f"{target} answers" + (f"; all {len(lan.segments)} cards are joined" if lan.segments[1:] else ""))


def _beyond(probe: claim.NotTestable, view: View) -> Answer:
    return Answer(False, probe.why, asked=False)


def _inspection(probe: claim_services.SystemHealth, view: View) -> Answer:
    found = view.look()
    if found is None:
        return Answer(False, "the gateway did not report")
    seen = [f"{found.state}, {found.memory_available // 1024} MiB available"]
    seen += [f"failed: {unit}" for unit in found.failed]
    seen += list(found.complaints)
    good = found.state == "running" and not found.failed and not found.complaints
    return Answer(good, "; ".join(seen))


def _named(name: str) -> list[bytes]:
    """As a question has it."""
    return [domain_names.wire(name)[:-1]]  # with a domain behind it, or none


PROBES = (
    Probe(
        kind=claim_services.WanAddress,
        ask=_wan_address,
        question="the ISP waits for the gateway and asks by ARP for its address",
        advise=advice_services.wan_address,
        own_networks=True,
        from_power_on=True,
    ),
    Probe(
        kind=claim_dhcp.Lease,
        ask=_lease,
        question="a client (udhcpc) asks for a lease from power-on",
        advise=advice_services.lease,
        own_networks=True,
        from_power_on=True,
    ),
    Probe(
        kind=claim_dhcp.ReservedLease,
        ask=_reservation,
        question="a client with that MAC address takes a lease by MAC address, by DUID, by MAC address again, and releases none before",
        advise=advice_services.reservation,
        waits=True,
        own_networks=True,
        marks=lambda probe: [bytes.fromhex(probe.mac.replace(":", ""))],
    ),
    Probe(
        kind=claim_dhcp.DhcpOptions,
        ask=_dhcp_options,
        question="a client asks for a lease and for these options",
        advise=advice_services.dhcp_options,
        shares=sharing.pool,
    ),
    Probe(
        kind=claim_services.DnsQuery,
        ask=_dns,
        question=f"a client asks the gateway, by UDP and TCP, for {SECRET_NAME}, which only the lab's DNS servers know",
        advise=advice_services.dns,
        shares=sharing.nobody_counts,
        # a single DNS server is asked while nobody else is there outside
        alone=lambda probe: probe.server is not None,
        marks=lambda probe: _named(SECRET_NAME),
    ),
    Probe(
        kind=claim_services.LocalName,
        ask=_local_name,
        question="a client asks the gateway for the name",
        advise=advice_services.local_name,
        shares=sharing.nobody_counts,
        waits=True,
        own_networks=True,
        marks=lambda probe: _named(probe.name),
    ),
    Probe(
        kind=claim_services.ReverseNames,
        ask=_reverse_names,
        question="a client asks the gateway for the names of the addresses (PTR)",
        advise=_advise_reverse_names,
        shares=sharing.nobody_counts,
        waits=True,
        own_networks=True,
        marks=lambda probe: [domain_names.wire(address.reverse_pointer) for address, _ in probe.names],
    ),
    Probe(
        kind=claim_services.NtpQuery,
        ask=_ntp,
        question="a client asks the gateway for the time by SNTP",
        advise=advice_services.ntp,
        shares=sharing.nobody_counts,
    ),
    Probe(
        kind=claim_services.Ping,
        ask=_ping,
        question="a client sends an ICMP echo request",
        advise=advice_services.ping,
    ),
    Probe(
        kind=claim.NotTestable,
        ask=_beyond,
        question="no lab can ask this",
        advise=advice_services.beyond,
    ),
    Probe(
        kind=claim_services.SystemHealth,
        ask=_inspection,
        question="the gateway reports by a virtio port: systemd's state, failed units, the journal",
        advise=advice_services.inspection,
        late=60,  # looks back: what the other probes stir up in the journal counts too
        needs_machine="units and their journal need a machine",
    ),
    Probe(
        kind=claim_services.GatewayResolver,
        ask=_own_names,
        question=f"the gateway reports by a virtio port which address getent finds there for {SECRET_NAME}",
        advise=advice_services.own_names,
        late=70,
    ),
)
