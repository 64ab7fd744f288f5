"""Data types: a fault, and the lab state that it acts on. Knows no particular fault."""

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
    """Lab state during fault injection.

    controls: what the control boot showed, by the claim's id; console: length of the console log before this boot, in
    bytes; unplugged: whether the card of `wan` has no link; notes: values that a fault keeps between its steps.
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
        """WAN that faults act on: the first with DHCP, else the first."""
        wans = self.hosts.topology.wans
        return next((wan for wan in wans if isinstance(wan.ipv4, IspLeases)), wans[0])

    @property
    def lans(self) -> list[LanSide]:
        """LANs whose card is plugged in."""
        shared = self.hosts.topology.card_of(self.wan.segment).segments if self.unplugged else ()
        return [lan for lan in self.hosts.topology.lans if not set(lan.segments) & set(shared)]

    def output(self) -> str:
        """Console output and journal of this boot."""
        console = self.hosts.dir / "console.log"
        shown = console.read_bytes()[self.console :].decode(errors="replace") if console.exists() else ""
        return shown + (self.gateway.look().get("journal", "") if self.gateway.ready() else "")


Act = Callable[[Scene], None]
Check = Callable[[Scene], Answer]


@dataclass(frozen=True)
class Fault:
    """A fault, and the checks that must pass during and after it.

    id: the result's id is faults.ID; text: for people.
    before_boot: changes made before power-on, with new disks and a boot of its own; without it the fault is injected into
    a running gateway. shared: later faults may reuse that boot.
    begin and end: start and stop the fault; during and after: checks then, limited by `seconds` each time; said: regular
    expression that console or journal must show meanwhile.
    dark: do not wait for a completed boot, since there may be none.
    dhcp: needs a WAN with a lease; needs: id of another fault, which must have passed before.
    """

    id: str
    text: str
    during: tuple[Check, ...]
    seconds: float
    before_boot: Act | None = None
    shared: bool = False
    begin: Act | None = None
    said: str = ""
    end: Act | None = None
    after: tuple[Check, ...] = ()
    dark: bool = False
    dhcp: bool = False
    needs: str = ""
