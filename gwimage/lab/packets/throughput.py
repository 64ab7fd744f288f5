"""Throughput between two hosts, and the latency under load; ends by itself, after seconds."""

import secrets
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from statistics import median

from gwimage.lab.netns import inside, run
from gwimage.lab.packets import headers, ipv4

PORT = 8079  # captures leave it out, since a load would fill them
_STREAMS = 32  # the kernel limits what each has queued where sender and queue are on one host
_CHUNK = bytes(65536)
_LOST = 4.0  # seconds: the round trip assumed for a lost ping
_PAUSE = 0.05


@dataclass
class _Flow:
    """Received data: time and size of each piece."""

    arrivals: list[tuple[float, int]] = field(default_factory=list)

    def rate(self, start: float, end: float) -> float:
        """Bits per second of payload between two times."""
        return 8 * sum(size for at, size in self.arrivals if start <= at < end) / (end - start)


@contextmanager
def narrow(link: str, bits: float, queue: float) -> Iterator[None]:
    """A modem with a long queue: the hypervisor's end of a cable sends at this rate, after up to `queue` seconds queued."""
    tc = ["nsenter", "--net=/run/netns/hv", "tc", "qdisc"]
    sizes = ["burst", f"{max(3200, int(bits / 800))}b", "limit", f"{max(16000, int(bits / 8 * queue))}b"]
    run([*tc, "add", "dev", link, "root", "tbf", "rate", f"{int(bits)}bit", *sizes])
    try:
        yield
    finally:
        run([*tc, "del", "dev", link, "root"])


def transfer(sender: str, receiver: str, caller: str, target: IPv4Address, seconds: float) -> tuple[float, float]:
    """Throughput in bits per second, and the median round trip of the caller's pings meanwhile, in seconds.

    Throughput is what the receiver saw in the last two thirds of the time. The caller, one of the two, opens the
    connections to the target. Raises OSError without an answer.
    """
    flow, trips = _Flow(), []
    listener = receiver if caller == sender else sender
    with inside(listener):
        server = socket.create_server(("", PORT), backlog=_STREAMS)
    with server:
        pairs = [_pair(server, caller, target) for _ in range(_STREAMS)]
    done, begin = threading.Event(), time.monotonic()
    ways = [(near, far) if caller == sender else (far, near) for near, far in pairs]
    pump = threading.Thread(target=_pump, args=(ways, flow, done))
    pump.start()
    try:
        while not trips or time.monotonic() < begin + seconds:
            trips.append((time.monotonic(), round_trip(caller, target)))
    finally:
        done.set()
        pump.join()
        for end in (end for pair in pairs for end in pair):
            # unsent data is discarded
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
    settled = begin + seconds / 3
    late = [trip for at, trip in trips if at >= settled] or [trips[-1][1]]
    return flow.rate(settled, begin + seconds), median(late)


def _pair(server: socket.socket, caller: str, target: IPv4Address) -> tuple[socket.socket, socket.socket]:
    server.settimeout(10)
    with inside(caller):
        near = socket.create_connection((str(target), PORT), timeout=10)
    far, _ = server.accept()
    for end in (near, far):
        end.setblocking(False)
    return near, far


def _pump(ways: list[tuple[socket.socket, socket.socket]], flow: _Flow, done: threading.Event) -> None:
    """Sends and receives all streams in one thread: dozens would starve the pings."""
    with selectors.DefaultSelector() as ready:
        for start, end in ways:
            ready.register(start, selectors.EVENT_WRITE)
            ready.register(end, selectors.EVENT_READ)
        while not done.is_set():
            for key, event in ready.select(0.1):
                with suppress(BlockingIOError):
                    if event == selectors.EVENT_WRITE:
                        key.fileobj.send(_CHUNK)
                    else:
                        flow.arrivals.append((time.monotonic(), len(key.fileobj.recv(len(_CHUNK)))))


def round_trip(name: str, target: IPv4Address) -> float:
    """Round trip time of one ICMP echo, in seconds; then a short pause."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.connect((str(target), 0))
        token = secrets.token_bytes(4)
        begin = time.monotonic()
        raw.send(headers.echo_request(token))
        there = ipv4.until(raw, _LOST, lambda data: data[20:21] == b"\0" and data[24:28] == token)
        trip = time.monotonic() - begin
    time.sleep(_PAUSE)  # the measurement must not be the load
    return trip if there else _LOST
