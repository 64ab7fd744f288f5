"""Echo servers that tell each caller its source address as they saw it."""

import errno
import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from gwimage.lab.netns import inside

_turn = threading.Lock()  # a concurrent request for the same server finds it listening, not just bound


def listen(name: str, protocol: str, address: IPv4Address | IPv6Address | None, port: int) -> None:
    """Starts a permanent server in a namespace, at one address or at all of IPv4 (:: is all of IPv6).

    A server that is already there is kept.
    """
    family = socket.AF_INET6 if address and address.version == 6 else socket.AF_INET
    kind, serve = (socket.SOCK_STREAM, _tell_callers) if protocol == "tcp" else (socket.SOCK_DGRAM, _tell_senders)
    with inside(name):
        server = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with _turn:
            server.bind((str(address or ""), port))
            if protocol == "tcp":
                server.listen(64)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRINUSE:
            return
        raise
    threading.Thread(target=serve, args=(server,), daemon=True).start()


def send_back(server: socket.socket) -> None:
    """Answers each datagram until the socket is shut down."""
    while True:
        data, sender = server.recvfrom(1500)
        if sender is None:
            return
        server.sendto(data, sender)


def _tell_callers(server: socket.socket) -> None:
    while True:
        caller, address = server.accept()
        with caller, suppress(OSError):  # the caller may have gone
            caller.sendall(address[0].encode())


def _tell_senders(server: socket.socket) -> None:
    while True:
        with suppress(OSError):
            _, address = server.recvfrom(1500)
            server.sendto(address[0].encode(), address)
