"""Probe of the flowtable: offloaded packets of established connections are not in the IP layer's count.

Other traffic adds to the count, so up to a quarter of the packets sent may be in it; one direction alone would be half.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from gwimage.claims import claim_traffic
from gwimage.lab.netns import inside
from gwimage.lab.packets.throughput import PORT
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP
from gwimage.verify.evidence import Wire
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_TURNS, _PATIENCE = 100, 2.0  # packets of each side; seconds that it waits for the other


def _offloaded(probe: claim_traffic.Offloaded, view: View) -> Answer:
    client, target = lab_host.client(probe.lan).name, view.hosts.topology.outside
    before, sent = view.sockets(), 0
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with _pair(client, target, kind) as (near, far):
                sent += sum(_turn(near, far) for _ in range(_TURNS))
    except OSError as error:
        return Answer(False, f"no connection through the gateway: {error}")
    after = view.sockets()
    if not before or not after:
        return Answer(False, "the gateway says nothing")
    passed = after.forwarded - before.forwarded
    return Answer(passed < sent / 4, f"of {sent} packets {min(passed, sent)} went through the gateway's IP layer")


@contextmanager
def _pair(client: str, target: IPv4Address, kind: socket.SocketKind) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connected sockets of the client and of a server outside."""
    with inside(ISP.name):
        server = socket.socket(socket.AF_INET, kind)
    with inside(client):
        near = socket.socket(socket.AF_INET, kind)
    with server, near:
        for end in (server, near):
            end.settimeout(_PATIENCE)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((str(target), PORT))
        if kind == socket.SOCK_DGRAM:
            near.connect((str(target), PORT))
            near.send(b"?")
            server.connect(server.recvfrom(1)[1])
            yield near, server
            return
        server.listen(1)
        near.connect((str(target), PORT))
        far, _ = server.accept()
        with far:
            far.settimeout(_PATIENCE)
            yield near, far


def _turn(near: socket.socket, far: socket.socket) -> int:
    """Sends one packet there and one back; how many arrived, since an emulated gateway may lose UDP packets."""
    arrived = 0
    for sender, receiver in ((near, far), (far, near)):
        sender.send(b"!")
        try:
            arrived += len(receiver.recv(1))
        except TimeoutError:
            return arrived
    return arrived


def _advise(probe: claim_traffic.Offloaded, wire: Wire) -> str:
    return "Did gwimage-offload.service load /etc/nftables/offload.nft (console.log)? It needs every network's interface to be there."


PROBES = (
    Probe(
        kind=claim_traffic.Offloaded,
        ask=_offloaded,
        question="a client and a server outside talk by TCP and UDP; the gateway's kernel counts what it passes on",
        advise=_advise,
        late=40,  # measures
        needs_machine="a flowtable needs a machine, whose kernel has it",
    ),
)
