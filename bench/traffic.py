"""What a gateway carries: one function for each row, run inside the world of its lab, all of bounded time.

The load adapts itself: who sends has only so much under way, so a slow gateway is not drowned and a fast one not starved.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from statistics import median

from gwimage.lab import load
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import inside, ip

PORT = 8079  # captures leave it out
SETTLE, SECONDS = 0.5, 3.0
_CHUNK = bytes(256 * 1024)
_UNDER_WAY = 256  # small packets; connections: a quarter of it
_LOST = 0.05  # seconds without an arrival after which what is under way counts as lost
_CLOSE_HARD = struct.pack("ii", 1, 0)  # SO_LINGER: a RST, and nothing is remembered
WEB, FORWARD = IPv4Address("10.0.0.80"), (8443, 443)  # of bench/gateway.yaml


def one_stream(hosts: Hosts) -> float:
    """Mbit/s of one TCP connection from a client inside to a server outside, as the server sees it."""
    return _upload(hosts, 1)


def many_streams(hosts: Hosts) -> float:
    """Mbit/s of 16 TCP connections from a client inside to a server outside."""
    return _upload(hosts, 16)


def forwarded(hosts: Hosts) -> float:
    """Mbit/s of one TCP connection from outside through the port forward, as the server inside sees it."""
    wan, lan = hosts.topology.wans[0], hosts.topology.lans[0]
    server = f"client-{lan.name}"
    ip(server, [f"addr replace {WEB}/24 dev {lan.name}"])
    with _server(server, FORWARD[1]) as listener:
        return _stream(listener, f"attacker-{wan.name}", hosts.given(wan), FORWARD[0], 1)


def small_packets(hosts: Hosts) -> float:
    """UDP packets of 18 bytes payload (64 on the wire) per second from a client inside to a host outside."""
    with inside("isp"):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("", PORT))
    with inside(_client(hosts)):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect((str(hosts.topology.outside), PORT))
    with receiver, sender:
        sender.settimeout(1)
        receiver.setblocking(False)
        sent = arrived = 0
        begin = last = time.monotonic()
        while (now := time.monotonic()) < begin + SECONDS:
            if sent - arrived < _UNDER_WAY or now > last + _LOST:
                if sent - arrived >= _UNDER_WAY:
                    sent, last = arrived, now
                for _ in range(32):
                    sender.send(bytes(18))
                sent += 32
            with contextlib.suppress(BlockingIOError):
                while True:
                    receiver.recv(64)
                    arrived, last = arrived + 1, now
        return arrived / (time.monotonic() - begin)


def connections(hosts: Hosts) -> float:
    """New TCP connections per second from a client inside to a server outside; each is closed at once."""
    target, done, begin = (str(hosts.topology.outside), PORT), 0, time.monotonic()
    with _server("isp", PORT) as listener, selectors.DefaultSelector() as ready, inside(_client(hosts)):
        listener.setblocking(False)
        ready.register(listener, selectors.EVENT_READ)
        calls: set[socket.socket] = set()
        while time.monotonic() < begin + SECONDS:
            while len(calls) < _UNDER_WAY // 4:
                calls.add(_call(target, ready))
            for key, _ in ready.select(0.5):
                if key.fileobj is listener:
                    _take(listener)
                    continue
                ready.unregister(key.fileobj)
                calls.remove(key.fileobj)
                done += key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                key.fileobj.close()
        for call in calls:
            call.close()
    return done / (time.monotonic() - begin)


def latency(hosts: Hosts) -> float:
    """Milliseconds of a ping's median round trip to the outside while one TCP connection uploads all it can."""
    target, client = hosts.topology.outside, _client(hosts)
    with _server("isp", PORT) as listener:
        pump = threading.Thread(target=_stream, args=(listener, client, target, PORT, 1))
        pump.start()
        time.sleep(SETTLE)
        trips = []
        while pump.is_alive():
            trips.append(load.round_trip(client, target))
        pump.join()
    return 1000 * median(trips)


def flows(hosts: Hosts) -> float:
    """How many of 20,000 UDP flows, begun within 8 seconds, get through: each needs a place in the table of connections."""
    number, seen = 20_000, set()
    with inside("isp"):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**24)
        ear.bind((hosts.topology.wans[0].name, 0x0800))
    with inside(_client(hosts)):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    target = str(hosts.topology.outside)
    with ear, sender:
        ear.setblocking(False)
        begin = time.monotonic()
        for port in range(20_000, 20_000 + number):
            sender.sendto(b"flow", (target, port))
            if port % 25 == 0:
                time.sleep(max(0, begin + 8 * (port - 20_000) / number - time.monotonic()))
                _hear(ear, seen)
        time.sleep(1)
        _hear(ear, seen)
    return len(seen)


ROWS = (one_stream, many_streams, forwarded, small_packets, connections, latency, flows)


def _client(hosts: Hosts) -> str:
    return f"client-{hosts.topology.lans[0].name}"


def _upload(hosts: Hosts, streams: int) -> float:
    with _server("isp", PORT) as listener:
        return _stream(listener, _client(hosts), hosts.topology.outside, PORT, streams)


def _server(name: str, port: int) -> socket.socket:
    with inside(name):
        return socket.create_server(("", port), backlog=4096)


def _stream(listener: socket.socket, caller: str, target: IPv4Address, port: int, streams: int) -> float:
    pairs = []
    for _ in range(streams):
        with inside(caller):
            near = socket.create_connection((str(target), port), timeout=20)
        listener.settimeout(20)
        pairs.append((near, listener.accept()[0]))
    end = time.monotonic() + SETTLE + SECONDS
    arrived = [0] * streams
    threads = [threading.Thread(target=_send, args=(near, end)) for near, _ in pairs]
    threads += [threading.Thread(target=_receive, args=(far, arrived, number)) for number, (_, far) in enumerate(pairs)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLE)
    before, begin = sum(arrived), time.monotonic()
    time.sleep(SECONDS - 0.1)
    after, over = sum(arrived), time.monotonic()
    for thread in threads:
        thread.join()
    return 8e-6 * (after - before) / (over - begin)


def _send(near: socket.socket, end: float) -> None:
    near.settimeout(1)
    with near, contextlib.suppress(OSError):
        while time.monotonic() < end:
            near.send(_CHUNK)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_HARD)


def _receive(far: socket.socket, arrived: list[int], number: int) -> None:
    far.settimeout(SETTLE + SECONDS)
    with far, contextlib.suppress(OSError):
        while size := len(far.recv(len(_CHUNK))):
            arrived[number] += size


def _call(target: tuple[str, int], ready: selectors.BaseSelector) -> socket.socket:
    call = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    call.setblocking(False)
    call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_HARD)
    call.connect_ex(target)
    ready.register(call, selectors.EVENT_WRITE)
    return call


def _take(listener: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()


def _hear(ear: socket.socket, seen: set[int]) -> None:
    for packet in _waiting(ear):
        head = 4 * (packet[0] & 15)
        if packet[9] == socket.IPPROTO_UDP and packet[head + 8 : head + 12] == b"flow":
            seen.add(struct.unpack_from("!H", packet, head + 2)[0])


def _waiting(ear: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield ear.recv(256)
