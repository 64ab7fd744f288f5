"""A provider's IPv6: router advertisements with no M flag, and a DHCPv6 server that delegates a prefix all the same.

    python -m gwimage.lab.hosts.ipv6_provider INTERFACE ON-LINK/64 ROOM/LENGTH

RFC 4861 and RFC 8415 as far as one client needs them. As with many providers, it has no single addresses (IA_NA) to
give, and says so, and delegates a /64 to a client that does not ask for more.

Prints one line for each DHCPv6 message: its type, the client's DUID and the IAID of the prefix. Works in the caller's
network namespace.
"""

import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network

SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY = 1, 2, 3, 5, 6, 7
CLIENT, SERVER, IA_NA, STATUS, IA_PD, IA_PREFIX = 1, 2, 3, 13, 25, 26
DUID = b"\x00\x03\x00\x01provid"
NO_ADDRESSES = 2
ROUTER_SOLICITATION = 133
PREFERRED, VALID = 1800, 3600
_LEAST = 64  # prefix length
_PAUSE = 1  # seconds between unsolicited advertisements; short, so that the lab need not wait


@dataclass(frozen=True)
class Message:
    """A received DHCPv6 message: its type, the client's DUID, the IAID of its prefix, the client's link-local address."""

    kind: int
    duid: bytes
    iaid: int
    sender: IPv6Address


@dataclass
class Provider:
    """A provider on one interface. room: what it has for its client, who gets the first part of it.

    length: the prefix length that the client asked for; former: the prefix delegated before, which it declares expired;
    heard: every message so far; customer: the client that has the prefix, and so the route for it; renewal: seconds until
    the client renews (T1).
    """

    interface: str
    on_link: IPv6Network
    room: IPv6Network
    renewal: int = 900
    length: int = _LEAST
    former: IPv6Network | None = None
    heard: list[Message] = field(default_factory=list)
    customer: IPv6Address | None = None
    taken: IPv6Network | None = None

    @property
    def delegated(self) -> IPv6Network:
        """The prefix that it delegates."""
        return IPv6Network((self.room.network_address, max(self.room.prefixlen, min(self.length, _LEAST))))

    def renumber(self, room: IPv6Network) -> None:
        """Delegates another prefix from the next renewal on (RFC 8415 18.3.4)."""
        self.former, self.room = self.delegated, room

    def serve(self, say=lambda message: None) -> None:
        """Advertises and answers forever."""
        index = socket.if_nametoindex(self.interface)
        routers = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        routers.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        servers = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        for each in routers, servers:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
        servers.bind(("::", 547))
        for server, group in ((routers, "ff02::2"), (servers, "ff02::1:2")):
            membership = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
        due = 0.0
        while True:
            if time.monotonic() >= due:
                routers.sendto(advertisement(self.on_link), ("ff02::1", 0, 0, index))
                due = time.monotonic() + _PAUSE
            asked = select.select([routers, servers], [], [], max(0, due - time.monotonic()))[0]
            if routers in asked and routers.recv(2048)[0] == ROUTER_SOLICITATION:
                due = 0
            if servers in asked:
                say(self._answer(servers))

    def _answer(self, server: socket.socket) -> Message:
        data, sender = server.recvfrom(2048)
        found = options(data[4:])
        iaid = found[IA_PD][:4] if IA_PD in found else b""
        there = IPv6Address(sender[0].split("%")[0])
        message = Message(data[0], found[CLIENT], int.from_bytes(iaid, "big"), there)
        self.heard.append(message)
        if iaid and data[0] == SOLICIT:
            self.length = wanted(found[IA_PD])
        if iaid and data[0] in (REQUEST, RENEW, REBIND):
            self._route(there)
        if data[0] in (SOLICIT, REQUEST, RENEW, REBIND):
            server.sendto(self._reply(data, found), sender)
        return message

    def _route(self, customer: IPv6Address) -> None:
        """Routes the delegated prefix to the client that took it, and removes the route for the former."""
        if (self.customer, self.taken) == (customer, self.delegated):
            return
        if self.taken and self.taken != self.delegated:
            self._ip("del", self.taken)
        self._ip("replace", self.delegated, "via", str(customer))
        self.customer, self.taken = customer, self.delegated

    def _ip(self, verb: str, net: IPv6Network, *way: str) -> None:
        subprocess.run(["ip", "-6", "route", verb, str(net), *way, "dev", self.interface], check=True)

    def _reply(self, message: bytes, found: dict[int, bytes]) -> bytes:
        kind = ADVERTISE if message[0] == SOLICIT else REPLY
        said = option(CLIENT, found[CLIENT]) + option(SERVER, DUID)
        if IA_NA in found:
            status = option(STATUS, struct.pack("!H", NO_ADDRESSES) + b"none here")
            said += option(IA_NA, found[IA_NA][:12] + status)
        if IA_PD in found:
            prefixes = prefix(self.delegated, PREFERRED, VALID)
            if self.former and message[0] in (RENEW, REBIND):
                prefixes = prefix(self.former, 0, 0) + prefixes
            said += option(IA_PD, found[IA_PD][:4] + struct.pack("!II", self.renewal, self.renewal * 8 // 5) + prefixes)
        return bytes([kind]) + message[1:4] + said


def advertisement(net: IPv6Network) -> bytes:
    """A router advertisement for half an hour, with the prefix for SLAAC. The kernel adds the checksum."""
    prefix = struct.pack("!BBBBIII16s", 3, 4, net.prefixlen, 0xC0, VALID, PREFERRED, 0, net.network_address.packed)
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix


def prefix(net: IPv6Network, preferred: int, valid: int) -> bytes:
    """An IA Prefix option (RFC 8415 21.22)."""
    return option(IA_PREFIX, struct.pack("!IIB", preferred, valid, net.prefixlen) + net.network_address.packed)


def wanted(association: bytes) -> int:
    """The prefix length that a client hints at in its IA_PD option (RFC 8415 18.2.1)."""
    hint = options(association[12:]).get(IA_PREFIX, b"")
    return hint[8] if len(hint) >= 25 and hint[8] else _LEAST


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        found[code] = data[4 : 4 + length]
        data = data[4 + length :]
    return found


def main(interface: str, on_link: str, room: str) -> None:
    def say(message: Message) -> None:
        print(message.kind, message.duid.hex(), message.iaid, flush=True)

    Provider(interface, IPv6Network(on_link), IPv6Network(room)).serve(say)


if __name__ == "__main__":
    main(*sys.argv[1:])
