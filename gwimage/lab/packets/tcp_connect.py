"""TCP port scan with the kernel's connect, for tunnels, where a scan cannot be paced by ARP."""

import errno
import select
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address

from gwimage.lab.netns import inside

_AT_ONCE = 512  # concurrent connects, of the 1024 files that a process may have open
_PATIENCE = 3.5  # seconds: the kernel retransmits a SYN after 1 and after 3


def tcp_connect(name: str, target: IPv4Address, ports: Sequence[int]) -> dict[int, str]:
    """Ports that answer, as `ipv4.scan` returns them: `open` or `reset`; the others stayed silent."""
    found: dict[int, str] = {}
    with inside(name):
        for start in range(0, len(ports), _AT_ONCE):
            found |= _knock(target, ports[start : start + _AT_ONCE])
    return found


def _knock(target: IPv4Address, ports: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    waiting: dict[int, tuple[socket.socket, int]] = {}
    poll = select.poll()
    for port in ports:
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        link.setblocking(False)
        link.connect_ex((str(target), port))
        waiting[link.fileno()] = link, port
        poll.register(link, select.POLLOUT)
    deadline = time.monotonic() + _PATIENCE
    while waiting and (left := deadline - time.monotonic()) > 0:
        for number, _ in poll.poll(1000 * left):
            poll.unregister(number)
            link, port = waiting.pop(number)
            with link:
                status = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status in (0, errno.ECONNREFUSED):
                found[port] = "reset" if status else "open"
    for link, _ in waiting.values():
        link.close()
    return found
