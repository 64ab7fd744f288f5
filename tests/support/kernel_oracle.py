"""A real kernel's treatment of packets: a gateway in a namespace, its cables in another, observed by trace and sniffing.

Knows nothing of `explain`. Runs in a world of its own (gwimage.lab.sandbox); the host's network is never touched.
"""

import json
import os
import socket
import struct
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from gwimage.lab import sandbox
from gwimage.lab.netns import inside, ip, make, run

ALL = 0x0003  # ETH_P_ALL
TYPES = {4: 0x0800, 6: 0x86DD}
FENCE = 0xFFFF
ANSWER = 0x8000  # added to the number of a packet, gives that of its answer
FIRST_PORT = 20000  # plus the packet's number
MAC = "02:00:00:00:01:{:02x}"  # of the gateway's cards
# every packet that arrives is traced; a base chain behind the input hook shows what came through it
OBSERVE = """
table inet observe {
    chain pre {
        type filter hook prerouting priority -500; policy accept;
        meta nftrace set 1
    }
    chain through {
        type filter hook input priority 2000; policy accept;
    }
}
"""


@dataclass(frozen=True)
class Gateway:
    """A gateway. links: names of cards; addresses: (link, address/prefix); routes, rules: words for `ip route`, `ip rule`."""

    links: tuple[str, ...]
    addresses: tuple[tuple[str, str], ...]
    routes: tuple[str, ...]
    rules: tuple[str, ...]
    nft: str
    ipv6: bool = False


@dataclass(frozen=True)
class Sent:
    """An IP packet sent to the gateway over the cable of `link`; `number` is its IP id or flow label."""

    number: int
    link: str
    packet: bytes


@dataclass
class Seen:
    """A packet's fate. arrived: (link, IP packet) at the other ends of cables; rules: (table, chain, index, verdict) matched.

    index counts the rules of a chain; -1 is its policy. through: it passed the input hook.
    answer: the fate of an answer sent from where it arrived. own: links by which the gateway's own answer left.
    """

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    rules: list[tuple[str, str, int, str]] = field(default_factory=list)
    through: bool = False
    answer: "Seen | None" = None
    own: list[str] = field(default_factory=list)


def observe(jobs: list[tuple]) -> list[list[Seen]]:
    """The fate of packets and of the answers to them, in order, for each (gateway, packets).

    A third item: packets sent after those were answered.
    """
    return sandbox.call(_observe, jobs, say=print)


def _observe(_say, jobs):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one CPU, so one queue: packets are handled in order
    return [_one(number, *job) for number, job in enumerate(jobs)]


def _one(number: int, gateway: Gateway, packets: list[Sent], later: list[Sent] = ()) -> list[Seen]:
    name, cables = f"gateway{number}", f"cables{number}"
    make(name)
    make(cables)
    _build(name, cables, gateway)
    with inside(name):
        trace = _trace()
        handles = _handles()
    with inside(cables):
        wires = {link: _wire(f"c{index}") for index, link in enumerate(gateway.links)}
    seen = {each.number: Seen() for each in packets}
    _send(gateway, packets, wires, trace, handles, seen)
    answers = [found for number, each in seen.items() if (found := _answer(number, each))]
    for more in (answers, later):
        seen |= {each.number: Seen() for each in more}
        _send(gateway, more, wires, trace, handles, seen)
    for sock in (trace, *wires.values()):
        sock.close()
    run(["ip", "netns", "del", name])
    run(["ip", "netns", "del", cables])
    for each in packets:
        seen[each.number].answer = seen.get(each.number + ANSWER)
    return [seen[each.number] for each in (*packets, *later)]


def _send(gateway: Gateway, packets: list[Sent], wires, trace, handles, seen: dict[int, Seen]) -> None:
    for each in packets:
        wires[each.link].send(_frame(gateway, each))
        _drain(wires, seen)
    for _ in range(2):  # the second comes after all effects of packets before the first
        _fence(gateway, wires, trace, handles, seen)
    _drain(wires, seen)


def _answer(number: int, seen: Seen) -> Sent | None:
    """The answer of the host at which the packet arrived; None if it needs none."""
    if len(seen.arrived) != 1:
        return None
    link, data = seen.arrived[0]
    src, dst, protocol, load = opened(data)
    ports, kind = struct.unpack_from("!HH", load) if protocol in (6, 17) else (None, None), None
    if protocol in (1, 58):
        kind = {(1, 8): 0, (1, 13): 14, (1, 17): 18, (58, 128): 129}.get((protocol, load[0]))
        if kind is None:
            return None
    there = number + ANSWER
    return Sent(there, link, packet(there, dst, src, protocol, ports[1], ports[0], kind, 0x12, echo=number))


def _build(name: str, cables: str, gateway: Gateway) -> None:
    """Builds the gateway with cards without ARP: frames for any neighbour leave at once."""
    commands = []
    for index, link in enumerate(gateway.links):
        commands.append(f"link add {link} address {MAC.format(index)} type veth peer name c{index} netns {cables}")
        commands.append(f"link set {link} arp off addrgenmode none up")
    ip(name, commands)
    ip(cables, [f"link set c{index} addrgenmode none up" for index in range(len(gateway.links))])
    with inside(name):
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        Path("/proc/sys/net/ipv4/icmp_ratelimit").write_text("0")
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1" if gateway.ipv6 else "0")
    ip(name, [f"address add {address} dev {link}" for link, address in gateway.addresses])
    # the kernel completes IPv6 addresses asynchronously
    while run(["ip", "-n", name, "-6", "-oneline", "address", "show", "tentative"]):
        time.sleep(0.005)
    ip(name, [f"route replace {words}" for words in gateway.routes])
    ip(name, [f"rule add {words}" for words in gateway.rules])
    with inside(name):
        run(["nft", "-f", "-"], stdin=gateway.nft + OBSERVE)


def _trace() -> socket.socket:
    """A socket for the kernel's trace of every rule that a packet matched (nf_tables.h, NFT_MSG_TRACE)."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    sock.bind((0, 0))
    sock.setsockopt(270, 1, 9)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE
    return sock


def _handles() -> dict[tuple[str, str, int], int]:
    """(table, chain, handle) -> index of the rule in its chain."""
    found, count = {}, {}
    for entry in json.loads(run(["nft", "-j", "-a", "list", "ruleset"]))["nftables"]:
        if rule := entry.get("rule"):
            chain = rule["table"], rule["chain"]
            found[*chain, rule["handle"]] = count.setdefault(chain, 0)
            count[chain] += 1
    return found


def _wire(link: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
    sock.bind((link, ALL))
    sock.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
    sock.setblocking(False)
    return sock


def _frame(gateway: Gateway, sent: Sent) -> bytes:
    mac = bytes.fromhex(MAC.format(gateway.links.index(sent.link)).replace(":", ""))
    return mac + bytes.fromhex("020000000200") + struct.pack("!H", TYPES[sent.packet[0] >> 4]) + sent.packet


def _drain(wires: dict[str, socket.socket], seen: dict[int, Seen]) -> None:
    """Notes arrived packets. The gateway's ICMP errors have other numbers, or quote the packet behind their header."""
    for link, wire in wires.items():
        while True:
            try:
                packet = wire.recv(2000)[14:]
            except BlockingIOError:
                break
            number = number_of(packet)
            if number in seen and packet.endswith(marker(number)) and not _is_error(packet):
                seen[number].arrived.append((link, packet))
            elif (number := _answers_to(packet)) in seen:
                seen[number].own.append(link)


def _answers_to(packet: bytes) -> int | None:
    """Number of the packet that the gateway answers or reports an error on: from the quoted packet, or the port."""
    if packet[0] >> 4 == 6:
        return None
    if packet[9] == 6:
        return struct.unpack_from("!H", packet, 22)[0] - FIRST_PORT
    if packet[9] == 1 and packet[20] == 0:
        return struct.unpack_from("!H", packet, 24)[0]
    return number_of(packet[28:]) if _is_error(packet) and packet[20] in (3, 11) else None


def _fence(gateway: Gateway, wires, trace, handles, seen: dict[int, Seen]) -> None:
    """Sends a marker packet and reads the trace until it appears."""
    wires[gateway.links[0]].send(_frame(gateway, Sent(FENCE, gateway.links[0], ipv4(FENCE, "0.0.0.0", "0.0.0.0", 253, b""))))
    deadline, current = time.monotonic() + 10, None
    trace.settimeout(10)
    while current != FENCE:
        if time.monotonic() > deadline:
            raise TimeoutError("the gateway's kernel stands still")
        for event in _events(trace.recv(1 << 16)):
            current = _note(event, current, handles, seen)


def _note(event: dict[int, bytes], current: int | None, handles, seen: dict[int, Seen]) -> int | None:
    """Adds one trace event to its packet; returns that packet's number."""
    table, chain = event[1].rstrip(b"\0").decode(), event[2].rstrip(b"\0").decode()
    if (table, chain) == ("observe", "pre"):
        if 8 in event:
            current = number_of(event[8])
        return current
    if current not in seen:
        return current
    if table == "observe":
        seen[current].through = True
        return current
    code = struct.unpack("!i", _attributes(event[5])[1])[0] if 5 in event else struct.unpack("!i", event[16])[0]
    index = handles[table, chain, struct.unpack("!Q", event[3])[0]] if 3 in event else -1
    seen[current].rules.append((table, chain, index, {0: "drop", 1: "accept"}.get(code, "")))
    return current


def _events(data: bytes):
    while data:
        size, kind = struct.unpack_from("=IH", data)
        if kind == 10 << 8 | 17:  # NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE
            yield _attributes(data[20:size])
        data = data[(size + 3) & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:size]
        data = data[(size + 3) & ~3 :]
    return found


def marker(number: int) -> bytes:
    """The last bytes of a packet's payload."""
    return b"gw" + struct.pack("!I", number)


def number_of(packet: bytes) -> int:
    if packet[0] >> 4 == 4:
        return struct.unpack_from("!H", packet, 4)[0]
    return struct.unpack_from("!I", packet)[0] & 0xFFFFF


def _is_error(packet: bytes) -> bool:
    """Whether the packet is an ICMP error, which quotes another packet."""
    if packet[0] >> 4 == 4:
        return packet[9] == 1 and packet[20] in (3, 5, 11, 12) and packet[28:29] == b"\x45"
    return packet[6] == 58 and packet[40] < 128


def ipv4(number: int, src: str, dst: str, protocol: int, payload: bytes, ttl: int = 64) -> bytes:
    addresses = ip_address(src).packed + ip_address(dst).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, 0x4000, ttl, protocol, 0)
    return head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses + payload


def ipv6(number: int, src: str, dst: str, protocol: int, payload: bytes, hops: int = 64) -> bytes:
    addresses = ip_address(src).packed + ip_address(dst).packed
    return struct.pack("!IHBB", 6 << 28 | number, len(payload), protocol, hops) + addresses + payload


def opened(data: bytes) -> tuple:
    """Source, destination, protocol and payload of a packet."""
    if data[0] >> 4 == 4:
        return ip_address(data[12:16]), ip_address(data[16:20]), data[9], data[20:]
    return ip_address(data[8:24]), ip_address(data[24:40]), data[6], data[40:]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071). Separate from the lab's, as all code here: an oracle must not share its errors."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(number: int, src, dst, protocol: int, sport=None, dport=None, icmp_type=None, flags=2, hops=64, echo=None) -> bytes:
    """An IP packet with valid checksums. flags: TCP's, SYN by default; echo: ICMP identifier, by default the number."""
    version, body = src.version, marker(number)
    if protocol == 6:
        load, at = struct.pack("!HHIIBBHHH", sport, dport, 7, 8 if flags & 16 else 0, 0x50, flags, 1024, 0, 0) + body, 16
    elif protocol == 17:
        load, at = struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body, 6
    elif protocol == (1 if version == 4 else 58):
        load, at = struct.pack("!BBHHH", icmp_type, 0, 0, echo or number, 1) + body, 2
    elif protocol == 47:
        load, at = b"\0\0\x08\0" + body, None
    else:
        load, at = struct.pack("!II", number, 1) + body, None
    if at is not None:
        pseudo = src.packed + dst.packed + struct.pack("!II", len(load), protocol)
        value = checksum(load if protocol == 1 else pseudo + load)
        load = load[:at] + struct.pack("!H", value or (0xFFFF if protocol == 17 else 0)) + load[at + 2 :]
    return (ipv4 if version == 4 else ipv6)(number, str(src), str(dst), protocol, load, hops)
