"""What a probe may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.guest import LISTENER, Findings
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.lab.sockets import Sockets

CONTROL_PORTS = (*range(1, 1024), LISTENER)


@dataclass(frozen=True)
class Port:
    """One port of an exposure, as a report lists it. `listens`: the addresses on which the gateway itself says it does."""

    protocol: str
    port: str
    service: str
    address: str
    expected: str
    seen: str
    listens: str = ""


@dataclass(frozen=True)
class Answer:
    """`good`: as the claim says. `seen`: one line for people; `ports`: the whole list, where there is one.

    `exposed` is the opposite of closed or hidden: what the control boot must show for the same question.
    `asked`: false where the lab could not ask, for a reason that is not the gateway's; `seen` says which.
    started: when it was asked, in seconds since the epoch; seconds: how long it took.
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
    """The hosts, a look into the gateway, the ports that a scan asks, how often each, and who listens inside just now."""

    hosts: Hosts
    look: Callable[[], Findings | None]
    ports: tuple[int, ...] | range = ALL_PORTS
    tries: int = 2
    sockets: Callable[[], Sockets | None] = lambda: None
