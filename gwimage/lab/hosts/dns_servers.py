"""DNS servers inside, such as a Pi-hole: a host there answers for the names that the ISP's server knows.

In Python, so that the port still tells its caller's address to a probe that sends no DNS question, as echo_servers.py does.
"""

import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from gwimage.lab.hosts import Hosts
from gwimage.lab.hosts.extra_addresses import keep
from gwimage.lab.netns import inside
from gwimage.lab.packets import dns
from gwimage.values import lab_host
from gwimage.values.lab_host import LabHost
from gwimage.values.ports import DNS

Address = IPv4Address | IPv6Address
_REFUSED = 5
_ANSWER = 0x8180  # a response, recursion desired and available
_OPT = struct.pack("!BHHIH", 0, 41, 1232, 0, 0)  # EDNS, with the size of the longest message (RFC 6891)


def start(hosts: Hosts) -> None:
    """Starts them all, each at its address on a LAN or at a VPN's peer."""
    for address, zone in hosts.topology.dns:
        peer = next((one.host for one in hosts.tunnels if one.played.vpn.name == zone and one.played.has(address)), None)
        if peer or any(lan.name == zone for lan in hosts.topology.lans):
            _start(hosts, peer or lab_host.server(zone), address)


def _start(hosts: Hosts, host: LabHost, address: Address) -> None:
    keep(hosts, host, address)
    with inside(host.name):
        server = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind((str(address), DNS))
    threading.Thread(target=_serve, args=(hosts, server, address), daemon=True).start()


def _serve(hosts: Hosts, server: socket.socket, address: Address) -> None:
    names = hosts.names()
    while True:
        with suppress(OSError):
            data, sender = server.recvfrom(1500)
            known = names if hosts.only_dns in (None, address) else {}
            question = dns.asked(data)
            server.sendto(answer(data, question, known) if question else sender[0].encode(), sender)


def answer(data: bytes, question: dns.Question, names: Mapping[str, IPv4Address]) -> bytes:
    """The response to a query (RFC 1035 4.1): its A record, no record of another type, or refused if the name is not known."""
    found = next((one for name, one in names.items() if f".{question.name}".endswith(f".{name}")), None)
    records = b""
    if found and question.kind == dns.RECORDS[4]:
        records = struct.pack("!HHHIH", 0xC00C, question.kind, 1, 60, 4) + found.packed
    edns = _OPT if question.more else b""  # resolved takes the server for an old one without
    head = struct.pack("!2s5H", data[:2], _ANSWER | (0 if found else _REFUSED), 1, bool(records), 0, bool(edns))
    return head + data[12 : question.end] + records + edns
