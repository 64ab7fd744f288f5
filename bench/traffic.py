"""What a gateway carries: one function for each row, run inside the world of its lab, all of bounded time.

The load adapts itself: who sends has only so much under way, so a slow gateway is not drowned and a fast one not starved.
"""

from __future__ import annotations

import contextlib
import math
import resource
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from statistics import median

from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import inside, ip
from gwimage.lab.packets import throughput
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP

PORT = 8079  # captures leave it out
SETTLE, SECONDS = 0.5, 3.0
_CHUNK = bytes(256 * 1024)
_UNDER_WAY = 256  # small packets; connections: a quarter of it
SMALL = bytes(18)  # 64 bytes on the wire
HELD, _HOLD = 8_000, 12  # connections, and seconds to begin them
_PATIENCE = 3  # seconds
_FORGOTTEN = 12  # seconds until conntrack has forgotten what was reset (nf_conntrack_tcp_timeout_close is 10)
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
    server = lan.client.name
    ip(server, [f"addr replace {WEB}/24 dev {lan.name}"])
    with _server(server, FORWARD[1]) as listener:
        return _stream(listener, lab_host.attacker(wan.name).name, hosts.given(wan), FORWARD[0], 1)


def small_packets(hosts: Hosts) -> float:
    """UDP packets of 18 bytes payload (64 on the wire) per second of one flow that was answered, from inside to outside."""
    with flow(hosts) as (sender, receiver):
        sender.settimeout(1)
        receiver.setblocking(False)
        sent = arrived = 0
        begin = last = time.monotonic()
        while (now := time.monotonic()) < begin + SECONDS:
            if sent - arrived < _UNDER_WAY or now > last + _LOST:
                if sent - arrived >= _UNDER_WAY:
                    sent, last = arrived, now
                for _ in range(32):
                    sender.send(SMALL)
                sent += 32
            with contextlib.suppress(BlockingIOError):
                while True:
                    receiver.recv(64)
                    arrived, last = arrived + 1, now
        return arrived / (time.monotonic() - begin)


@contextlib.contextmanager
def flow(hosts: Hosts) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a UDP flow from inside to outside; established, as conntrack and a flowtable see it."""
    ends = (_client(hosts), ("0.0.0.0", 0)), (ISP.name, (str(hosts.topology.outside), PORT))
    with contextlib.ExitStack() as open_:
        pair = []
        for name, address in ends:
            with inside(name):
                pair.append(open_.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            pair[-1].bind(address)
            pair[-1].settimeout(_PATIENCE)
        sender, receiver = pair
        sender.connect(ends[1][1])
        for _ in range(3):
            sender.send(SMALL)
            receiver.sendto(SMALL, receiver.recvfrom(64)[1])
            sender.recv(64)
        yield sender, receiver


def connections(hosts: Hosts) -> float:
    """New TCP connections per second from a client inside to a server outside; each is closed at once."""
    done, begin = 0, time.monotonic()
    for end, far in _connecting(hosts, SECONDS):
        done += not far
        end.close()
    seconds = time.monotonic() - begin
    time.sleep(_FORGOTTEN)
    return done / seconds


def latency(hosts: Hosts) -> float:
    """Milliseconds of a ping's median round trip to the outside while one TCP connection uploads all it can."""
    target, client = hosts.topology.outside, _client(hosts)
    with _server(ISP.name, PORT) as listener:
        pump = threading.Thread(target=_stream, args=(listener, client, target, PORT, 1))
        pump.start()
        time.sleep(SETTLE)
        trips = []
        while pump.is_alive():
            trips.append(throughput.round_trip(client, target))
        pump.join()
    return 1000 * median(trips)


def flows(hosts: Hosts) -> float:
    """How many of 8,000 TCP connections, begun within 12 seconds and held, carry something afterwards."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * HELD + 1000), most))
    try:
        with contextlib.ExitStack() as held:
            ends = [(held.enter_context(end), far) for end, far in _connecting(hosts, _HOLD, HELD)]
            return _carrying([end for end, far in ends if not far], [end for end, far in ends if far])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
        time.sleep(_FORGOTTEN)


def _carrying(near: Sequence[socket.socket], far: Sequence[socket.socket]) -> int:
    """How many of the far ends hear something."""
    for number, one in enumerate(near):
        with contextlib.suppress(OSError):
            one.send(b"!")
        if number % 50 == 0:
            time.sleep(0.02)  # more at once would be lost on the way
    time.sleep(_PATIENCE)
    heard = 0
    for one in far:
        one.setblocking(False)
        with contextlib.suppress(OSError):
            heard += bool(one.recv(1))
    return heard


ROWS = (one_stream, many_streams, forwarded, small_packets, latency, connections, flows)


def _client(hosts: Hosts) -> str:
    return hosts.topology.lans[0].client.name


def _upload(hosts: Hosts, streams: int) -> float:
    with _server(ISP.name, PORT) as listener:
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


def _connecting(hosts: Hosts, seconds: float, most: float = math.inf) -> Iterator[tuple[socket.socket, bool]]:
    """Each end of TCP connections from a client inside to a server outside, as they come about, and whether it is the far one.

    A quarter as many are under way at a time as small packets.
    """
    target, begin = (str(hosts.topology.outside), PORT), time.monotonic()
    with _server(ISP.name, PORT) as listener, selectors.DefaultSelector() as ready, inside(_client(hosts)):
        listener.setblocking(False)
        ready.register(listener, selectors.EVENT_READ)
        calls: set[socket.socket] = set()
        begun = done = 0
        while done < most and time.monotonic() < begin + seconds:
            while len(calls) < _UNDER_WAY // 4 and begun < most:
                calls.add(_call(target, ready))
                begun += 1
            for key, _ in ready.select(0.5):
                if key.fileobj is listener:
                    yield from ((taken, True) for taken in _taken(listener))
                    continue
                ready.unregister(key.fileobj)
                calls.remove(key.fileobj)
                if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    done += 1
                    yield key.fileobj, False
        yield from ((taken, True) for taken in _taken(listener))
        for call in calls:
            call.close()


def _call(target: tuple[str, int], ready: selectors.BaseSelector) -> socket.socket:
    call = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    call.setblocking(False)
    call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_HARD)
    call.connect_ex(target)
    ready.register(call, selectors.EVENT_WRITE)
    return call


def _taken(listener: socket.socket) -> Iterator[socket.socket]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]
