"""Suggests profile lines that let a dropped packet pass, or says why no line would help."""

from dataclasses import replace

from gwimage.explain.nft_rules import matches, test
from gwimage.explain.packet import NAMES, TCP, UDP, Address, Packet
from gwimage.explain.packet_path import Model, PacketPath
from gwimage.explain.question import GATEWAY, Question
from gwimage.explain.routing import RoutingTable
from gwimage.values import host_address

USABLE = ("tcp", "udp", "icmp", "icmpv6", "esp", "gre")  # in firewall.allow
NOTHING = "No line of a profile changes that."


def advise(known: Model, asked: Question, walk: PacketPath) -> tuple[str, str]:
    """A sentence and YAML lines (may be empty) for a dropped packet."""
    last, packet, network = walk.steps[-1], walk.packet, known.network
    if last.hook == "spoof" or (last.rule and last.rule.by_state and _is_forged(known, walk.before)):
        return _forged(network, walk.before), ""
    if last.hook in ("routing", "wireguard") or (last.rule and last.rule.by_state):
        return NOTHING, ""
    if last.rule:
        return f"{last.rule.path} drops it before anything can allow it.", ""
    if packet.oif in network.peers and not any(packet.dst in net for net in network.peers[packet.oif]):
        return f"And if it were allowed: no peer of {packet.oif} has the address {packet.dst}.", ""
    if not (_can_host(network, packet.src, packet.iif) and _can_host(network, packet.dst, packet.oif)):
        return "No host has such addresses, so nothing needs to be opened for them.", ""
    forwardable = packet.protocol in (TCP, UDP) and packet.family == 4
    if packet.oif and (network.zones[packet.iif], forwardable) == ("wans", True) and network.zones[packet.oif] != "wans":
        return "Hosts outside reach it by the WAN's own address, with a port forward:", _forward(known, packet)
    return f"{_kept_from(known, packet)}To let it pass, write{_widened(network, asked, packet)}:", _allow(known, asked, walk)


def _kept_from(known: Model, packet: Packet) -> str:
    """The sentence on a LAN whose way out leads to public addresses only; empty for any other."""
    for rule in known.chains["forward"]:
        links = [match for match in rule.matches if match.fields[0] in ("iifname", "oifname")]
        if rule.path.endswith(".internet") and all(test(match, packet, known.network, known.sets)[0] for match in links):
            return f"{rule.path} leads to public addresses only. "
    return ""


def _is_forged(known: Model, packet: Packet) -> bool:
    """Whether anti-spoofing would drop the packet, even if it was dropped before that check."""
    return any(rule.verdict == "drop" and matches(rule, packet, known.network, known.sets)[0] for rule in known.chains["spoof"])


def _forged(network: RoutingTable, packet: Packet) -> str:
    if network.zones.get(packet.iif) == "wans":
        return f"{packet.src} is an inside address: nobody on {packet.iif} can have it."
    subnets = ", ".join(map(str, network.subnets(packet.iif, packet.family))) or f"no IPv{packet.family}"
    what = f"{packet.src} is no address of {packet.iif} ({subnets})"
    return f"{what}: the packet is forged, or its host is configured wrongly."


def _can_host(network: RoutingTable, address: Address, link: str | None) -> bool:
    """Whether a host on the link can have the address; link None: the gateway itself, always true."""
    if link is None:
        return True
    if address.version == 6:
        return network.leads(address) == link and address.ipv4_mapped is None and not address.is_unspecified
    ends = [net.network_address for net in network.subnets(link) if net.prefixlen < 31]
    return network.leads(address) == link and address not in ends and not host_address.unusable(address)


def _may_change(network: RoutingTable, address: Address) -> bool:
    """Whether a host has the address from a delegated prefix, so that a line with it would soon match nothing."""
    return address.version == 6 and any(
        address in own.interface.network
        for own in network.own
        if own.leased and network.zones[own.link] != "wans" and own.interface.ip != address
    )


def _widened(network: RoutingTable, asked: Question, packet: Packet) -> str:
    """What the lines open beyond the hosts asked about, in brackets; empty if nothing."""
    ends = (("source", packet.src, packet.iif), ("target", packet.dst, packet.oif))
    whole = [link for what, address, link in ends if what in asked.given and _may_change(network, address)]
    if not whole:
        return ""
    hosts = f"every host on {' and '.join(whole)}"
    return f" (this opens it for {hosts}, since the provider's prefix may change; for one host see docs/ipv6.md)"


def _allow(known: Model, asked: Question, walk: PacketPath) -> str:
    packet = walk.packet
    to = GATEWAY if walk.steps[-1].hook == "input" else packet.oif
    parts = [f"from: [{packet.iif}]", f"to: [{to}]"]
    if (name := NAMES.get(packet.protocol)) in USABLE:
        parts.append(f"protocols: [{name}]")
    if packet.protocol in (TCP, UDP):
        parts.append(f"ports: [{packet.dport}]")
    if "source" in asked.given and not _may_change(known.network, packet.src):
        parts.append(f"sources: [{_quoted(packet.src)}]")
    if "target" in asked.given and to != GATEWAY and not _may_change(known.network, packet.dst):
        parts.append(f"destinations: [{_quoted(packet.dst)}]")
    return f"firewall:\n  allow:\n    - {{{', '.join(parts)}}}\n"


def _quoted(address: Address) -> str:
    """The address for YAML, quoted if IPv6 because of its colons."""
    return f'"{address}"' if address.version == 6 else str(address)


def _forward(known: Model, packet: Packet) -> str:
    """YAML of a port forward, on the same port or another one if that is in use."""
    protocol, port = NAMES[packet.protocol], packet.dport
    free = next(number for number in (port, *range(port % 1000 + 8000, 65536)) if not _port_in_use(known, packet, number))
    parts = [f"from: [{packet.iif}]", f"protocols: [{protocol}]", f"ports: [{free}]", f"to: {packet.dst}"]
    parts += [f"to_port: {port}"] if free != port else []
    return f"firewall:\n  forwards:\n    {protocol}-{free}: {{{', '.join(parts)}}}\n"


def _port_in_use(known: Model, packet: Packet, port: int) -> bool:
    """Whether the gateway or a port forward may answer on this port already."""
    rules = [rule for rule in (*known.chains["dstnat"], *known.chains["input"]) if rule.nat or rule.stage == "input.open"]
    for own in known.network.own:
        asked = replace(packet, src=None, dst=own.interface.ip, dport=port, oif=None)
        if own.link == packet.iif and any(matches(rule, asked, known.network, known.sets)[0] is not False for rule in rules):
            return True
    return False
