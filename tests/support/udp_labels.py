"""Labelled UDP datagrams for test namespaces.

udp_labels.py listen PORT...                  prints LABEL SOURCE of each, and sends SOURCE back
udp_labels.py send SOURCE ADDRESS PORT LABEL  prints the SOURCE that the listener saw, or "silent"; :: lets the kernel choose
udp_labels.py solicit INTERFACE               prints "advertised" if a router answers this host alone, or "silent"
"""

import select
import socket
import struct
import sys

FREEBIND = 78  # linux/in6.h: bind to an address that is not local
PATIENCE = 4  # seconds; neighbour solicitations are repeated after one


def listen(*ports: str) -> None:
    found = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in ports]
    for server, port in zip(found, ports, strict=True):
        server.bind(("::", int(port)))
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    while True:
        for server in select.select(found, [], [])[0]:
            label, asked, _, sender = server.recvmsg(2048, 256)
            print(label.decode(), sender[0], flush=True)
            try:
                server.sendmsg([sender[0].encode()], asked, 0, sender)  # from the address called
            except OSError:
                continue  # no host there: the source was forged


def send(source: str, address: str, port: str, label: str) -> None:
    client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.setsockopt(socket.IPPROTO_IPV6, FREEBIND, 1)
    client.bind((source, 0))
    client.settimeout(PATIENCE)
    try:
        client.sendto(label.encode(), (address, int(port)))
        print(client.recv(2048).decode())
    except OSError:
        print("silent")


def solicit(interface: str) -> None:
    client = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    client.settimeout(PATIENCE)
    client.sendto(struct.pack("!BBHI", 133, 0, 0, 0), ("ff02::2", 0, 0, socket.if_nametoindex(interface)))
    try:
        while True:
            message, asked, _, _ = client.recvmsg(2048, 256)
            if message[0] == 134 and asked[0][2][0] == 0xFE:
                print("advertised")
                return
    except OSError:
        print("silent")


if __name__ == "__main__":
    {"listen": listen, "send": send, "solicit": solicit}[sys.argv[1]](*sys.argv[2:])
