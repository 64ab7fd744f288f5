"""The record of one kind of probe, in one place; each module of this folder ends with its records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gwimage.verify.evidence import Wire
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer, View


@dataclass(frozen=True)
class Probe:
    """The record of one kind of probe: how it is asked, what it shares, what failed probes advise.

    kind: the named tuple by which a claim asks. ask: runs the probe.
    question: how it is asked, one line for people; advise: what to look at first when it failed, one or two sentences,
    from the packets seen on the wire and never from the wording of the answer.
    shares: what it shares with probes that run at the same time.
    waits: slow when the answer is no, or many questions; these run in parallel even with an emulated gateway.
    alone: whether no other probe may run meanwhile; late: the same, and after all with a lower number.
    needs_machine: why namespaces cannot answer it.
    own_networks: runs beside others, or from power-on, so only packets on its own networks matter;
    marks: byte strings, one of which is in each frame that belongs to the probe; none: every frame does.
    from_power_on: the gateway's answer begins when it is switched on.
    of_tunnel: about the tunnel itself, so packets inside it explain nothing.
    """

    kind: type
    ask: Callable[[Any, View], Answer]
    question: str
    advise: Callable[[Any, Wire], str]
    shares: Callable[[Any], Needs] = lambda probe: {}
    waits: bool = False
    alone: Callable[[Any], bool] = lambda probe: False
    late: int = 0
    needs_machine: str = ""
    own_networks: bool = False
    marks: Callable[[Any], Sequence[bytes]] = lambda probe: ()
    from_power_on: bool = False
    of_tunnel: bool = False
