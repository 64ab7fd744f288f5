"""A DHCP client on raw frames, with any MAC address; returns every option unchanged (RFC 2131, RFC 2132).

The client of a LAN is a real one (udhcpc, in gwimage/lab/hosts); this one asks for a thousand reservations without a
thousand interfaces, with any client identifier, and configures no interface.
"""

from __future__ import annotations

import secrets
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from gwimage.lab.netns import inside
from gwimage.lab.packets import headers
from gwimage.lab.packets.headers import ARP, IPV4, mac_bytes
from gwimage.lab.packets.ipv4 import until
from gwimage.values import ports

_ALL = 0x0003  # EtherType of every frame (ETH_P_ALL)
_DISCOVER, _OFFER, _REQUEST, _DECLINE, _ACK, _NAK, _RELEASE = range(1, 8)
_KIND, _WANTED, _ADDRESS, _TIME, _SERVER, _CLIENT, _END = 53, 55, 50, 51, 54, 61, 255
DUID = bytes.fromhex("ff00000001000200009f5a")  # client identifier as of systemd, dhcpcd and NetworkManager (RFC 4361)
_COOKIE = b"\x63\x82\x53\x63"
_HEAD = 20 + 8  # bytes of IP and UDP headers
_BROADCAST = 0x8000
_EVERYBODY = IPv4Address("255.255.255.255")
_NOBODY = IPv4Address("0.0.0.0")
_TRIES, _WAIT = 4, 2  # number, seconds


@dataclass(frozen=True)
class Given:
    """A server's answer: address, next server of a network boot, the bytes of each option by its code.

    mac: the server's; refused: a DHCPNAK.
    """

    address: IPv4Address
    next_server: IPv4Address
    options: dict[int, bytes]
    mac: bytes = b""

    @property
    def refused(self) -> bool:
        return self.options.get(_KIND) == bytes([_NAK])


@dataclass(frozen=True)
class Client:
    """A client: a host's link, any MAC address, and the client identifier (option 61) if it sends one."""

    name: str
    link: str
    mac: str
    identity: bytes = b""


def by_mac(name: str, link: str, mac: str) -> Client:
    """A client with its MAC address as client identifier, as most have."""
    return Client(name, link, mac, b"\1" + mac_bytes(mac))


def lease(name: str, link: str, mac: str, codes: Sequence[int] = ()) -> Given | None:
    """A lease for this MAC address, also the client identifier; None without an answer. Never released."""
    return take(by_mac(name, link, mac), codes)


def offer(name: str, link: str, mac: str, codes: Sequence[int] = (), identity: bytes = b"") -> Given | None:
    """A server's offer to this MAC address, not requested. `identity`: the client identifier (option 61)."""
    return discover(Client(name, link, mac, identity), codes)


def discover(client: Client, codes: Sequence[int] = (), tries: int = _TRIES) -> Given | None:
    """A server's offer, not requested."""
    return _exchange(_Question(client, _DISCOVER, (_OFFER,), tuple(codes)), tries)


def insist(client: Client, ended: threading.Event, pause: float) -> None:
    """Sends a DHCPDISCOVER every `pause` seconds until `ended`, and reads no answer."""
    frame = _frame(_Question(client, _DISCOVER, (_OFFER,)), secrets.token_bytes(4))
    with inside(client.name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as wire:
        wire.bind((client.link, _ALL))
        while not ended.wait(pause):
            with suppress(OSError):  # queue full: the gateway does not receive yet
                wire.send(frame)


def offered_time(client: Client, wanted: int) -> int | None:
    """Lease time that a server offers when `wanted` seconds are requested; None without an answer."""
    asked = {_TIME: wanted.to_bytes(4, "big")}
    given = _exchange(_Question(client, _DISCOVER, (_OFFER,), more=asked), _TRIES)
    return int.from_bytes(given.options.get(_TIME, b""), "big") if given else None


def take(client: Client, codes: Sequence[int] = (), tries: int = _TRIES) -> Given | None:
    """A lease, as offered; None without an answer, or if the request was refused."""
    given = discover(client, codes, tries)
    if given is None:
        return None
    taken = ask_for(client, given.address, given, codes)
    return None if taken is None or taken.refused else taken


def ask_for(
    client: Client, address: IPv4Address, server: Given | None = None, codes: Sequence[int] = (), tries: int = _TRIES
) -> Given | None:
    """Requests an address: from the server that offered it, or from any, as after a restart (INIT-REBOOT)."""
    more = {_ADDRESS: address.packed} | ({_SERVER: server.options.get(_SERVER, b"")} if server else {})
    return _exchange(_Question(client, _REQUEST, (_ACK, _NAK), tuple(codes), more), tries)


def renew(client: Client, lease: Given, everywhere: bool = False) -> Given | None:
    """Renews a lease with its server, or with any (rebinding), from the leased address (RFC 2131 4.4.5)."""
    question = _Question(client, _REQUEST, (_ACK, _NAK), own=lease.address)
    return _exchange(question if everywhere else question.to(lease), _TRIES)


def release(client: Client, lease: Given) -> None:
    """Releases the address. There is no answer; the answer to a next request proves that it arrived."""
    more = {_SERVER: lease.options.get(_SERVER, b"")}
    _send(_Question(client, _RELEASE, (), more=more, own=lease.address).to(lease))
    discover(client)


def decline(client: Client, lease: Given) -> None:
    """Says that another host has the address (RFC 2131 4.4.4). There is no answer."""
    _send(_Question(client, _DECLINE, (), more={_ADDRESS: lease.address.packed, _SERVER: lease.options[_SERVER]}))


@dataclass(frozen=True)
class _Question:
    """A message to send. own: the client's current address; mac and there: its destination, broadcast by default."""

    client: Client
    kind: int
    replies: tuple[int, ...]
    codes: tuple[int, ...] = ()
    more: dict[int, bytes] | None = None
    own: IPv4Address = _NOBODY
    mac: bytes = b"\xff" * 6
    there: IPv4Address = _EVERYBODY

    def to(self, lease: Given) -> _Question:
        return replace(self, mac=lease.mac, there=IPv4Address(lease.options[_SERVER]))


def _send(question: _Question) -> None:
    with inside(question.client.name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((question.client.link, IPV4))
        wire.send(_frame(question, secrets.token_bytes(4)))


def _exchange(question: _Question, tries: int) -> Given | None:
    number, client = secrets.token_bytes(4), question.client
    with inside(client.name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as wire:
        wire.bind((client.link, _ALL))
        frame = _frame(question, number)

        def answers(data: bytes) -> bool:
            if question.own != _NOBODY:
                _tell_who_has(wire, data, question)
            return _answers(data, number)

        for _ in range(tries):
            wire.send(frame)
            deadline = time.monotonic() + _WAIT
            while found := until(wire, deadline - time.monotonic(), answers):
                given = _read(found)
                if given.options.get(_KIND, b"\0")[0] in question.replies:
                    return given
    return None


def _tell_who_has(wire: socket.socket, frame: bytes, question: _Question) -> None:
    """Answers the server's ARP request: it sends to the client's address (RFC 2131 4.1)."""
    if frame[12:14] == struct.pack("!H", ARP) and frame[20:22] == b"\0\1" and frame[38:42] == question.own.packed:
        mac, asker = mac_bytes(question.client.mac), frame[22:28]
        reply = headers.arp_message(2, mac, question.own, asker, IPv4Address(frame[28:32]))
        wire.send(headers.ethernet_header(asker, mac, ARP) + reply)


def _frame(question: _Question, number: bytes) -> bytes:
    """A DHCP message as a frame; without an address the client asks for broadcast answers."""
    mac, own = mac_bytes(question.client.mac), question.own
    flags = 0 if question.own != _NOBODY else _BROADCAST
    body = struct.pack("!4B4s2H", 1, 1, 6, 0, number, 0, flags) + own.packed + bytes(12) + mac.ljust(16, b"\0") + bytes(192)
    options = {_KIND: bytes([question.kind])} | (question.more or {})
    if question.client.identity:
        options[_CLIENT] = question.client.identity
    if question.codes:
        options[_WANTED] = bytes(question.codes)
    body += _COOKIE + b"".join(bytes([code, len(value)]) + value for code, value in options.items()) + bytes([_END])
    udp = struct.pack("!4H", ports.DHCP_CLIENT, ports.DHCP, 8 + len(body), 0) + body  # a checksum of 0 is none (RFC 768)
    head = headers.ipv4_header(own, question.there, socket.IPPROTO_UDP, len(udp), flags=0)
    return headers.ethernet_header(question.mac, mac, IPV4) + head + udp


def _answers(frame: bytes, number: bytes) -> bool:
    """Whether the frame is a BOOTREPLY to this transaction; servers send no IP options."""
    body = frame[14 + _HEAD :]
    right = frame[12:14] == struct.pack("!H", IPV4) and frame[23:24] == bytes([socket.IPPROTO_UDP])
    return right and body[236:240] == _COOKIE and body[:1] == b"\2" and body[4:8] == number


def _read(frame: bytes) -> Given:
    body = frame[14 + _HEAD :]
    options: dict[int, bytes] = {}
    rest = body[240:]
    while rest and rest[0] != _END:
        if rest[0] == 0:  # padding
            rest = rest[1:]
            continue
        size = rest[1] if len(rest) > 1 else 0
        options[rest[0]] = options.get(rest[0], b"") + rest[2 : 2 + size]  # long options come in pieces (RFC 3396)
        rest = rest[2 + size :]
    return Given(IPv4Address(body[16:20]), IPv4Address(body[20:24]), options, frame[6:12])


def message(frame: bytes) -> int | None:
    """The type of the DHCP message in an Ethernet frame (RFC 2132 9.6): 1 discover, 2 offer, 3 request, 5 ack."""
    ports = {frame[34:36], frame[36:38]}
    if frame[12:14] != b"\x08\0" or ports != {b"\0\x43", b"\0\x44"} or frame[14 + _HEAD + 236 :][:4] != _COOKIE:
        return None
    kind = _read(frame).options.get(_KIND)
    return kind[0] if kind else None
