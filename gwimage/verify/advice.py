"""How each kind of claim is asked, and what to look at first when it failed: one or two sentences for people.

What to look at depends on what was seen on the wire, never on the words in which a probe tells it.
"""

from __future__ import annotations

from collections.abc import Callable

from gwimage.claims import claim
from gwimage.lab.hosts import PORT
from gwimage.lab.machine.guest import SECRET_NAME
from gwimage.verify import advice_exposure, advice_ipv6, advice_vpn
from gwimage.verify.evidence import _ACK, _DISCOVER, _OFFER, Wire

_NO_CONTROL = (
    "Nothing showed that this probe can come out otherwise, so its silence proves nothing. Look at the control boot at "
    "the end of console.log, and verify again."
)
_WITHOUT_PROBE = {
    "machine.quiet": "Which program says it? For LLDP look for EmitLLDP= in the files of that network, else for resolved's settings.",
    "machine.poweroff": "The end of console.log says which unit did not stop, or that the power button was not heard.",
    "state.persist": (
        "Leases, machine ID and host keys lie on the state volume: does the second boot in console.log mount it? What was not "
        "known before the restart is told by other failed claims."
    ),
}


def question(probe: claim.Probe) -> str:
    """How a claim of this kind is asked."""
    return (_KINDS | advice_ipv6.KINDS)[type(probe)][0]


def first(name: str, probe: claim.Probe | None, answered: bool, wire: Wire) -> str:
    """What to look at first. name: the claim's id; answered: as the claim says, so that only its control was missing."""
    if probe is None:
        return _WITHOUT_PROBE.get(name, "")
    if answered:
        return _NO_CONTROL
    if type(probe) in advice_ipv6.KINDS:
        return advice_ipv6.first(probe)
    return advice_vpn.through(probe, wire.hosts) or _KINDS[type(probe)][1](probe, wire)


def _silent(network: str) -> str:
    return (
        f"Nothing at all came from the gateway on {network}: console.log says whether it booted; then look whether its "
        f"card is the one that the profile names for {network}."
    )


def _explain(start: str, end: str, protocol: str, port: int | str) -> str:
    return f"`gwimage explain PROFILE --from {start} --to {end} --{protocol} {port}`"


def _wan_address(probe: claim.WanAddress, wire: Wire) -> str:
    wan, file = wire.hosts.wan(probe.wan), f"10-{probe.wan}.network"
    if not wire.spoke(wan.name):
        return _silent(wan.name)
    if wan.static:
        return (
            f"The gateway is there on {wan.name} but does not answer for {wan.static}: did networkd take {file} (console.log)?"
        )
    asked_for = wire.dhcp(wan.name, _DISCOVER)
    if not asked_for:
        return f"The gateway is there on {wan.name} but never asks for a lease: is the DHCP client on in {file}?"
    if wire.dhcp(wan.name, _ACK):
        return (
            f"The ISP gave a lease, but the gateway does not answer for its address: did networkd set it ({file}, console.log)?"
        )
    return f"The gateway asked the ISP for a lease {asked_for} times and got none: isp.log says why, for example a wrong MAC address."


def _lease(probe: claim.Lease, wire: Wire) -> str:
    lan, file = probe.lan, f"20-{probe.lan}.network"
    if wire.dhcp(lan, _ACK):
        return f"A lease came, but not as the profile says: compare [DHCPServer] of {file} with lans.{lan}.dhcp."
    if not wire.spoke(lan):
        return _silent(lan)
    asked_for = wire.dhcp(lan, _DISCOVER)
    if wire.dhcp(lan, _OFFER):
        return (
            "The client was offered an address and did not get it acknowledged: the capture shows what it asked and was told."
        )
    return (
        f"The client asked {asked_for} times and was offered nothing, though the gateway is there on {lan}: is DHCPServer= on in "
        f"{file}, and does the firewall take UDP port 67 from {lan}?"
    )


def _reservation(probe: claim.ReservedLease, wire: Wire) -> str:
    if wire.dhcp(probe.lan, _OFFER):
        return f"The server gave another address: look for {probe.mac} in [DHCPServerStaticLease] of 20-{probe.lan}.network."
    return "The server answers this client alone not at all: it may hold a lease from before its reservation was made."


def _dhcp_options(probe: claim.DhcpOptions, wire: Wire) -> str:
    return f"Compare what the capture shows (in Wireshark: dhcp) with [DHCPServer] of 20-{probe.lan}.network and lans.{probe.lan}.dhcp."


def _lives(probe: claim.ClientIds | claim.Renewal | claim.WrongSubnetRequest | claim.Pool, wire: Wire) -> str:
    if not wire.spoke(probe.lan):
        return _silent(probe.lan)
    return f"The capture shows what was asked and told: compare it with [DHCPServer] of 20-{probe.lan}.network and lans.{probe.lan}.dhcp."


def _dns(probe: claim.DnsQuery, wire: Wire) -> str:
    if not _answers(wire, probe.lan, 53):
        return _no_dns(probe.lan)
    if not wire.outside(53):
        return "The gateway answers, but asks nobody outside: has the WAN its address, and which servers does resolved ask (`dns`)?"
    return "The gateway asked the servers outside and had no use for what came back: the capture shows both."


def _local_name(probe: claim.LocalName, wire: Wire) -> str:
    if not _answers(wire, probe.lan, 53):
        return _no_dns(probe.lan)
    wanted = " and ".join(map(str, probe.addresses))
    return f"resolved answers, but does not know {probe.name} as {wanted}: look for it in etc/hosts of the image."


def _own_names(probe: claim.GatewayResolver, wire: Wire) -> str:
    return "Clients are answered? Then look for the rule that accepts what the gateway sends to itself (lo), else as for lans.NAME.dns."


def _no_dns(lan: str) -> str:
    return (
        f"Nothing answers on port 53 of the gateway's address on {lan}: {_explain(lan, 'gateway', 'udp', 53)} says whether the "
        "firewall would let it in; if so, resolved does not listen there (DNSStubListenerExtra=)."
    )


def _ntp(probe: claim.NtpQuery, wire: Wire) -> str:
    if _answers(wire, probe.lan, 123):
        return "The time server answers, but has no time to give, or a wrong one: does it reach its own servers?"
    return f"Nothing answers on UDP port 123: {_explain(probe.lan, 'gateway', 'udp', 123)} says whether the firewall would let it in."


def _answers(wire: Wire, network: str, port: int) -> bool:
    return any(frame[12:14] == b"\x08\0" and frame[34:36] == port.to_bytes(2, "big") for frame in wire.on(network))


def _ping(probe: claim.Ping, wire: Wire) -> str:
    if not wire.spoke(probe.lan):
        return _silent(probe.lan)
    if wire.hosts.lan(probe.lan).segments[1:]:
        return f"The gateway is there on {probe.lan}: are all its cards joined to the bridge (lans.{probe.lan}.nics, Bridge= in the image)?"
    return f"The gateway is there on {probe.lan} but does not answer a ping: does the firewall take ICMP from {probe.lan}?"


def _source(probe: claim.SourceAddress, wire: Wire) -> str:
    if not wire.outside(PORT):
        return (
            f"Nothing of it left by a WAN: {_explain(probe.lan, 'wan', 'tcp', PORT)} says whether the firewall would let it "
            "out; if so, look at the routes, and whether the gateway forwards at all (net.ipv4.ip_forward)."
        )
    hidden = any(wire.came_from(wan, wire.hosts.given(wan), PORT) for wan in wire.hosts.topology.wans)
    if hidden == probe.masquerade:
        return (
            f"It left by a WAN as it should, but the answer found no way back: look at the routes to {probe.lan} and behind it."
        )
    if probe.masquerade:
        return (
            "It left by a WAN, but not with the address that the WAN has: look for IPMasquerade= in "
            f"20-{probe.lan}.network, and for a source NAT rule that comes first."
        )
    return f"It left by a WAN with the WAN's address, not the client's own: look for what hides {probe.lan} in the image."


def _gateway_closed(probe: claim.GatewayClosed, wire: Wire) -> str:
    zone = probe.zone_host.network
    if not wire.spoke(zone):
        return _silent(zone)
    meant = {port for first, last in probe.allowed_tcp for port in range(first, last + 1)} | set(probe.open_tcp)
    is_open, reset = wire.answering(zone)
    if extra := sorted(is_open - meant) + sorted(reset - meant):
        return (
            f"Port {extra[0]} answers and should not: {_explain(zone, 'gateway', 'tcp', extra[0])} says by which rule it is let in. "
            "A reset means that the firewall lets the packet pass and nobody listens."
        )
    if missing := sorted(set(probe.open_tcp) - is_open):
        return f"Port {missing[0]} should answer and does not: does its service listen, and {_explain(zone, 'gateway', 'tcp', missing[0])}?"
    return "Neighbours are answered and callers from afar are not: the answers leave by another WAN (`ip rule` in the image)."


def _unreachable(probe: claim.Unreachable, wire: Wire) -> str:
    start, end = probe.src.network, probe.lan
    if not wire.spoke(start):
        return _silent(start)
    if wire.arrived(end, PORT):
        return f"It arrived on {end}: {_explain(start, end, 'tcp', PORT)} says by which rule it would pass."
    return f"It did not arrive on {end}: the gateway itself answered, or the host on {end} is not there (see the other failed claims)."


def _reaches(probe: claim.Reaches, wire: Wire) -> str:
    start, end = probe.src.network, probe.zone
    if wire.arrived(end, probe.port):
        return (
            f"It arrived on {end}: either its source was changed on the way (a masquerade that takes too much), or the answer "
            "found no way back."
        )
    target = f"{end}:{probe.destination}" if probe.destination else end
    command = _explain(start, target, probe.protocol, probe.port)
    return f"It did not come out of the gateway on {end}: {command} says what the rules do with it."


def _withheld(probe: claim.BlockedFlows, wire: Wire) -> str:
    start = probe.src.network
    if not wire.spoke(start):
        return _silent(start)
    port = next((way.port for way in probe.ways if wire.arrived(probe.zone, way.port)), probe.ways[0].port)
    return f"{_explain(start, probe.zone, probe.protocol, port)} says by which rule it would pass."


def _forwarded(probe: claim.Forwarded, wire: Wire) -> str:
    if wire.arrived(probe.lan, probe.to_port):
        return (
            f"It arrived on {probe.lan}: either its source is not the one that the server must see, or the answer found no way "
            "back (from inside it must come from the gateway's address)."
        )
    start = probe.src.network
    return (
        f"It did not come out of the gateway on {probe.lan}: {_explain(start, 'gateway', probe.protocol, probe.port)} says whether "
        "a forward takes it."
    )


def _inspection(probe: claim.SystemHealth, wire: Wire) -> str:
    return (
        "What is said above comes from the gateway's own journal; console.log shows what was before it. If it did not report at "
        "all, the boot did not come to its end."
    )


def _offloaded(probe: claim.Offloaded, wire: Wire) -> str:
    return "Did gwimage-offload.service load /etc/nftables/offload.nft (console.log)? It needs every network's interface to be there."


def _beyond(probe: claim.NotTestable, wire: Wire) -> str:
    return ""  # what is not asked cannot fail


_Advise = Callable[[claim.Probe, Wire], str]
_KINDS: dict[type, tuple[str, _Advise]] = {
    claim.WanAddress: ("the ISP waits for the gateway and asks by ARP for its address", _wan_address),
    claim.Lease: ("a client (udhcpc) asks for a lease from power-on", _lease),
    claim.ReservedLease: (
        "two clients with that MAC address ask for a lease: one names itself by DUID, one by MAC",
        _reservation,
    ),
    claim.ClientIds: ("clients with other MAC addresses ask for a lease twice, then give it back", _lives),
    claim.Renewal: ("a client renews and rebinds; another asks for its address, before the release and after", _lives),
    claim.WrongSubnetRequest: ("a client asks for an address of another network, as after a restart (INIT-REBOOT)", _lives),
    claim.Pool: ("clients with other MAC addresses ask for a lease each, and keep it until the last has asked", _lives),
    claim.DhcpOptions: ("a client asks for a lease and for these options", _dhcp_options),
    claim.DnsQuery: (f"a client asks the gateway, by UDP and TCP, for {SECRET_NAME}, which only the ISP's server knows", _dns),
    claim.LocalName: ("a client asks the gateway for the name", _local_name),
    claim.GatewayResolver: (
        f"the gateway reports by a virtio port which address getent finds there for {SECRET_NAME}",
        _own_names,
    ),
    claim.NtpQuery: ("a client asks the gateway for the time by SNTP", _ntp),
    claim.Ping: ("a client sends an ICMP echo request", _ping),
    claim.SourceAddress: ("a client speaks to a server outside by TCP, UDP and ping, and it is asked whom it saw", _source),
    claim.GatewayClosed: ("a SYN goes to every TCP port of the gateway, twice where none answers", _gateway_closed),
    claim.Unreachable: ("TCP, UDP and ping to a host that listens, and knows the way back", _unreachable),
    claim.Reaches: ("a host sends to a listener, which says whom it saw", _reaches),
    claim.BlockedFlows: ("a host sends to listeners on ports and addresses beside those that are open", _withheld),
    claim.Forwarded: ("a host sends to the WAN's address; a listener inside says whom it saw", _forwarded),
    claim.NotForwarded: ("a host sends to ports beside; a server inside listens", advice_vpn.not_forwarded),
    claim.Handshake: ("a host outside, with wireguard-go and a key of the lab's", advice_vpn.handshake),
    claim.TunnelServices: ("a peer pings the gateway and asks it for the name, through the tunnel", advice_vpn.services),
    claim.UnknownPeer: ("handshakes by the book with an unknown key, and rubbish", advice_vpn.strangers),
    claim.RateLimit: ("a client uploads through a slow modem with a long queue, and pings", advice_vpn.shaped),
    claim.Offloaded: (
        "a client and a server outside talk by TCP and UDP; the gateway's kernel counts what it passes on",
        _offloaded,
    ),
    claim.NotTestable: ("no lab can ask this", _beyond),
    claim.SystemHealth: ("the gateway reports by a virtio port: systemd's state, failed units, the journal", _inspection),
} | advice_exposure.KINDS
