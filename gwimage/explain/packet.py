"""A packet as rules see it, and the conntrack state of a first packet."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132
# protocol names built into nft, without /etc/protocols
PROTOCOLS = {
    "icmp": ICMP,
    "igmp": 2,
    "tcp": TCP,
    "udp": UDP,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": ICMPV6,
    "sctp": SCTP,
}
NAMES = {number: name for name, number in PROTOCOLS.items()}
ICMP_TYPES = {
    "echo-request": 8,
    "echo-reply": 0,
    "destination-unreachable": 3,
    "redirect": 5,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
}
ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "mld2-listener-report": 143,
}
REQUESTS = {ICMP: (8, 13, 15, 17), ICMPV6: (128, 139)}
# neighbour discovery, multicast listeners and routers are not tracked at all (nf_conntrack_proto_icmpv6.c)
UNTRACKED = (130, 131, 132, 133, 134, 135, 136, 143, 151, 152)


@dataclass(frozen=True)
class Packet:
    """The first packet of a flow (TCP: a SYN), or its reply.

    None: unknown, or not a field of the protocol. oif is set after routing; state, dnat and ct_mark are conntrack's; mark is
    the packet's own.
    """

    iif: str
    src: Address | None = None
    dst: Address | None = None
    protocol: int | None = None
    sport: int | None = None
    dport: int | None = None
    icmp_type: int | None = None
    hop_limit: int | None = 64
    oif: str | None = None
    state: str = "new"
    dnat: bool | None = False
    ct_mark: int | None = 0
    mark: int = 0

    @property
    def family(self) -> int | None:
        """IP version, 4 or 6; None if no address is known."""
        known = self.src or self.dst
        return known.version if known else None


def first_state(packet: Packet) -> str:
    """Conntrack state of a packet that belongs to no known flow: new, invalid or untracked."""
    if packet.protocol not in REQUESTS:
        return "new"
    if packet.family != (4 if packet.protocol == ICMP else 6):
        return "invalid"  # nf_conntrack_icmp_packet and nf_conntrack_icmpv6_packet refuse the other family
    if packet.icmp_type in REQUESTS[packet.protocol]:
        return "new"
    return "untracked" if packet.protocol == ICMPV6 and packet.icmp_type in UNTRACKED else "invalid"


def answer(packet: Packet, iif: str, src: Address, sport: int | None, dst: Address, dport: int | None) -> Packet:
    """The reply to a packet: arrives on iif, from src:sport to dst:dport."""
    kind = {8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140}.get(packet.icmp_type)
    ends = {"iif": iif, "oif": None, "src": src, "dst": dst, "sport": sport, "dport": dport}
    return replace(packet, **ends, icmp_type=kind, state="established", mark=0)
