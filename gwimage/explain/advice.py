"""What to write into the profile so that a dropped packet passes; or why no line of a profile would help."""

from gwimage.explain.ask import GATEWAY, Question
from gwimage.explain.network import Network
from gwimage.explain.packet import ICMP, ICMPV6, NAMES, TCP, UDP, Packet
from gwimage.explain.walk import Walk

USABLE = ("tcp", "udp", "icmp", "icmpv6", "esp", "gre")  # in firewall.allow


def advise(asked: Question, walk: Walk) -> tuple[str, str]:
    """(a sentence, lines of YAML or nothing)."""
    last, packet = walk.steps[-1], walk.packet
    if last.hook == "prerouting":
        return _spoofed(asked.network, walk.before), ""
    if last.hook == "routing" or last.rule and last.rule.by_state:
        return "No line of a profile changes that.", ""
    if last.rule:
        return f"{last.paths[0]} drops it before anything can allow it.", ""
    if NAMES.get(packet.protocol) not in USABLE:
        return f"firewall.allow knows no protocol {packet.protocol}; without `protocols` an entry allows all of them.", _allow(asked, walk)
    zones = asked.network.zones
    if last.hook == "forward" and zones[packet.iif] == "wans" and zones.get(packet.oif) != "wans" and packet.protocol in (TCP, UDP):
        return "Hosts outside reach it by the WAN's own address and a port forward:", _forward(packet)
    return "To let it pass, write:", _allow(asked, walk)


def _spoofed(network: Network, packet: Packet) -> str:
    subnets = ", ".join(map(str, network.subnets(packet.iif, packet.family)))
    if network.zones.get(packet.iif) == "wans":
        return f"{packet.src} is an inside address: nobody on {packet.iif} can have it."
    return f"{packet.src} is no address of {packet.iif} ({subnets}): the packet is forged, or its host is configured wrongly."


def _allow(asked: Question, walk: Walk) -> str:
    packet = walk.packet
    to = GATEWAY if walk.steps[-1].hook == "input" else packet.oif
    parts = [f"from: [{packet.iif}]", f"to: [{to}]"]
    if (name := NAMES.get(packet.protocol)) in USABLE:
        parts.append(f"protocols: [{name}]")
    if packet.protocol in (TCP, UDP):
        parts.append(f"ports: [{packet.dport}]")
    quoted = lambda address: f'"{address}"' if address.version == 6 else address  # noqa: E731
    if "source" in asked.given:
        parts.append(f"sources: [{quoted(packet.src)}]")
    if "target" in asked.given and to != GATEWAY:
        parts.append(f"destinations: [{quoted(packet.dst)}]")
    return f"firewall:\n  allow:\n    - {{{', '.join(parts)}}}\n"


def _forward(packet: Packet) -> str:
    name = f"{NAMES[packet.protocol]}-{packet.dport}"
    parts = [f"from: [{packet.iif}]", f"protocols: [{NAMES[packet.protocol]}]", f"ports: [{packet.dport}]", f"to: {packet.dst}"]
    return f"firewall:\n  forwards:\n    {name}: {{{', '.join(parts)}}}\n"
