"""Input and output of a probe: a view of lab and gateway, and the answer."""

from collections.abc import Callable
from dataclasses import dataclass

from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.guest import LISTENER, Findings
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.sockets import Sockets

CONTROL_PORTS = (*range(1, 1024), LISTENER)


@dataclass(frozen=True)
class Port:
    """One port of an exposure, as a report lists it. `listens`: the listening addresses that the gateway reports."""

    protocol: str
    port: str
    service: str
    address: str
    expected: str
    seen: str
    listens: str = ""


@dataclass(frozen=True)
class Answer:
    """A probe's answer. `good`: as claimed; `seen`: one line for people; `ports`: the whole list, where there is one.

    `exposed`: the opposite of closed or hidden, which the control boot must show for the same probe.
    `asked`: false if the lab could not run it, for a reason that is not the gateway's, told in `seen`.
    started: in seconds since the epoch; seconds: its duration.
    """

    good: bool
    seen: str
    exposed: bool = False
    asked: bool = True
    started: float = 0
    seconds: float = 0
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True)
class View:
    """A probe's view: hosts, the gateway's report, ports of a scan and tries for each, sockets that listen inside now."""

    hosts: Hosts
    look: Callable[[], Findings | None]
    ports: tuple[int, ...] | range = ALL_PORTS
    tries: int = 2
    sockets: Callable[[], Sockets | None] = lambda: None
