"""A provider for a test namespace: router advertisements with no M flag, and a DHCPv6 server that delegates a prefix.

    provider.py INTERFACE ON-LINK/64 DELEGATED/LENGTH

RFC 4861 and RFC 8415 as far as one client needs them. It has no single addresses to give, as many providers, and says so.
Prints one line for each DHCPv6 message: its type, the client's DUID and the IAID of the prefix.
"""

import select
import socket
import struct
import subprocess
import sys
from ipaddress import IPv6Network

SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY = 1, 2, 3, 5, 6, 7
CLIENT, SERVER, IA_NA, STATUS, IA_PD, IA_PREFIX = 1, 2, 3, 13, 25, 26
DUID = b"\x00\x03\x00\x01provid"
NO_ADDRESSES = 2
PREFERRED, VALID = 1800, 3600


def main(interface: str, on_link: IPv6Network, delegated: IPv6Network) -> None:
    index = socket.if_nametoindex(interface)
    routers = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    routers.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    servers = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    servers.bind(("::", 547))
    for server, group in ((routers, "ff02::2"), (servers, "ff02::1:2")):
        membership = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    while True:
        routers.sendto(advertisement(on_link), ("ff02::1", 0, 0, index))
        asked = select.select([routers, servers], [], [], 1)[0]
        if routers in asked:
            routers.recv(2048)
        if servers in asked:
            serve(servers, interface, delegated)


def serve(server: socket.socket, interface: str, delegated: IPv6Network) -> None:
    """One message; who takes the prefix gets a route for it."""
    message, sender = server.recvfrom(2048)
    found = options(message[4:])
    iaid = found[IA_PD][:4] if IA_PD in found else b""
    if message[0] == REQUEST:
        via = ["via", sender[0].split("%")[0], "dev", interface]
        subprocess.run(["ip", "-6", "route", "replace", str(delegated), *via], check=True)
    if message[0] in (SOLICIT, REQUEST, RENEW, REBIND):
        server.sendto(answer(message, found, delegated), sender)
    print(message[0], found[CLIENT].hex(), int.from_bytes(iaid, "big"), flush=True)


def advertisement(net: IPv6Network) -> bytes:
    """A router for half an hour; clients make addresses of the prefix on the link. The kernel adds the checksum."""
    prefix = struct.pack("!BBBBIII16s", 3, 4, net.prefixlen, 0xC0, VALID, PREFERRED, 0, net.network_address.packed)
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix


def answer(message: bytes, found: dict[int, bytes], delegated: IPv6Network) -> bytes:
    kind = ADVERTISE if message[0] == SOLICIT else REPLY
    said = option(CLIENT, found[CLIENT]) + option(SERVER, DUID)
    if IA_NA in found:
        status = option(STATUS, struct.pack("!H", NO_ADDRESSES) + b"none here")
        said += option(IA_NA, found[IA_NA][:12] + status)
    if IA_PD in found:
        prefix = struct.pack("!IIB", PREFERRED, VALID, delegated.prefixlen) + delegated.network_address.packed
        said += option(IA_PD, found[IA_PD][:4] + struct.pack("!II", 900, 1440) + option(IA_PREFIX, prefix))
    return bytes([kind]) + message[1:4] + said


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        found[code] = data[4 : 4 + length]
        data = data[4 + length :]
    return found


if __name__ == "__main__":
    main(sys.argv[1], IPv6Network(sys.argv[2]), IPv6Network(sys.argv[3]))
