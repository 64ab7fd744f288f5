"""What a probe may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gwimage.lab.guest import LISTENER, Findings
from gwimage.lab.hosts import Hosts

ALL_PORTS = range(1, 65536)
CONTROL_PORTS = (*range(1, 1024), LISTENER)


@dataclass(frozen=True)
class Answer:
    """`good`: as the claim says. `seen`: one line for people.

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


@dataclass(frozen=True)
class View:
    """The hosts, a look into the gateway, the ports that a scan asks, and how often each."""

    hosts: Hosts
    look: Callable[[], Findings | None]
    ports: tuple[int, ...] | range = ALL_PORTS
    tries: int = 2
