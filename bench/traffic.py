"""Measures a gateway's traffic: one function per row, run inside the lab's sandbox, all of bounded time.

The load is closed-loop: senders limit what is in flight, so a slow gateway is not overloaded and a fast one not starved.
"""

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

PORT = 8079  # excluded from captures
SETTLE, SECONDS = 0.5, 3.0
_CHUNK = bytes(256 * 1024)
_IN_FLIGHT = 256  # small packets in flight; of connections a quarter
SMALL = bytes(18)  # 64 bytes on the wire
HELD, _HOLD = 8_000, 12  # connections, and seconds to begin them
_PATIENCE = 3  # seconds
_CONNTRACK_CLOSE = 12  # seconds until conntrack has dropped reset connections (nf_conntrack_tcp_timeout_close is 10)
_LOST = 0.05  # seconds without an arrival after which packets in flight count as lost
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER 0: closes with RST, without TIME-WAIT
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
    """UDP packets per second of one established flow from inside to outside; 18 bytes of payload, 64 on the wire."""
    with flow(hosts) as (sender, receiver):
        sender.settimeout(1)
        receiver.setblocking(False)
        sent = arrived = 0
        begin = last = time.monotonic()
        while (now := time.monotonic()) < begin + SECONDS:
            if sent - arrived < _IN_FLIGHT or now > last + _LOST:
                if sent - arrived >= _IN_FLIGHT:
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
    """Both sockets of a UDP flow from inside to outside, established for conntrack and flowtables."""
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
    """New TCP connections per second from an inside client to an outside server; each is closed at once."""
    done, begin = 0, time.monotonic()
    for end, far in _connecting(hosts, SECONDS):
        done += not far
        end.close()
    seconds = time.monotonic() - begin
    time.sleep(_CONNTRACK_CLOSE)
    return done / seconds


def latency(hosts: Hosts) -> float:
    """Median ping round trip to the outside in milliseconds, during a TCP upload at full speed."""
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
    """How many of 8,000 TCP connections, opened within 12 seconds and held, still carry data afterwards."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * HELD + 1000), most))
    try:
        with contextlib.ExitStack() as held:
            ends = [(held.enter_context(end), far) for end, far in _connecting(hosts, _HOLD, HELD)]
            return _carrying([end for end, far in ends if not far], [end for end, far in ends if far])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
        time.sleep(_CONNTRACK_CLOSE)


def _carrying(near: Sequence[socket.socket], far: Sequence[socket.socket]) -> int:
    """Sends a byte on each near socket; returns how many far sockets receive it."""
    for number, one in enumerate(near):
        with contextlib.suppress(OSError):
            one.send(b"!")
        if number % 50 == 0:
            time.sleep(0.02)  # a longer burst would lose packets
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
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _receive(far: socket.socket, arrived: list[int], number: int) -> None:
    far.settimeout(SETTLE + SECONDS)
    with far, contextlib.suppress(OSError):
        while size := len(far.recv(len(_CHUNK))):
            arrived[number] += size


def _connecting(hosts: Hosts, seconds: float, most: float = math.inf) -> Iterator[tuple[socket.socket, bool]]:
    """Yields (socket, is the server's end) of TCP connections from an inside client to an outside server, as they open.

    Opens at most _IN_FLIGHT // 4 at a time.
    """
    target, begin = (str(hosts.topology.outside), PORT), time.monotonic()
    with _server(ISP.name, PORT) as listener, selectors.DefaultSelector() as ready, inside(_client(hosts)):
        listener.setblocking(False)
        ready.register(listener, selectors.EVENT_READ)
        calls: set[socket.socket] = set()
        begun = done = 0
        while done < most and time.monotonic() < begin + seconds:
            while len(calls) < _IN_FLIGHT // 4 and begun < most:
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
    call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    call.connect_ex(target)
    ready.register(call, selectors.EVENT_WRITE)
    return call


def _taken(listener: socket.socket) -> Iterator[socket.socket]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]
