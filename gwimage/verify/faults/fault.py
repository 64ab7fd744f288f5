"""A fault as data, and the scene on which it plays. Knows no particular fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gwimage.claims.claim import Claim
from gwimage.lab.hosts import Hosts
from gwimage.lab.machine.gateway import Gateway
from gwimage.lab.topology import IspLeases, LanSide, WanSide
from gwimage.verify.probes.view import Answer


@dataclass
class Scene:
    """The lab. `controls`: what the control boot showed, by the claim's id; `notes`: what a fault remembers of itself.

    console: bytes that were on the console before this boot; unplugged: the card of `wan`.
    """

    hosts: Hosts
    gateway: Gateway
    claims: Sequence[Claim]
    controls: dict[str, str]
    console: int = 0
    unplugged: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def wan(self) -> WanSide:
        """The one that faults befall: the first with a lease, or else the first."""
        wans = self.hosts.topology.wans
        return next((wan for wan in wans if isinstance(wan.ipv4, IspLeases)), wans[0])

    @property
    def lans(self) -> list[LanSide]:
        """Those whose cable is in."""
        shared = self.hosts.topology.card_of(self.wan.segment).segments if self.unplugged else ()
        return [lan for lan in self.hosts.topology.lans if not set(lan.segments) & set(shared)]

    def said(self) -> str:
        """Console and journal of this boot."""
        console = self.hosts.dir / "console.log"
        shown = console.read_bytes()[self.console :].decode(errors="replace") if console.exists() else ""
        return shown + (self.gateway.look().get("journal", "") if self.gateway.ready() else "")


Act = Callable[[Scene], None]
Check = Callable[[Scene], Answer]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, and what must be true all the same.

    id: the result's is faults.ID; text: for people. off: what is done before power-on, with new disks, which means a boot
    of its own; without it the fault befalls a gateway that runs. shared: later faults may go on with that boot.
    make and end: how it begins and ends; during and after: what must hold then, each within so many seconds; said: a
    pattern that console or journal must show meanwhile. dark: no boot is waited for, since none may come.
    dhcp: it needs a WAN with a lease; needs: another fault, which must have come out well before.
    """

    id: str
    text: str
    during: tuple[Check, ...]
    seconds: float
    off: Act | None = None
    shared: bool = False
    make: Act | None = None
    said: str = ""
    end: Act | None = None
    after: tuple[Check, ...] = ()
    dark: bool = False
    dhcp: bool = False
    needs: str = ""
