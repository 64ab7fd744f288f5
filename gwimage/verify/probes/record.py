"""All that is to be known of one kind of question, in one place: each module of this folder ends with its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gwimage.verify.evidence import Wire
from gwimage.verify.probes.sharing import Needs
from gwimage.verify.probes.view import Answer, View


@dataclass(frozen=True)
class Probe:
    """How the questions of one kind are asked, in whose company, and what people are told of it.

    kind: the named tuple in which a claim puts its question. ask: puts it to the gateway.
    question: how it is asked, one line for people; advise: what to look at first when it failed, one or two sentences,
    by what was seen on the wire and never by the words in which `ask` tells it.
    shares: what it shares with those that are asked at the same time.
    waits: slow where the answer is no, or many; such are asked side by side even of an emulated gateway.
    alone: whether nothing else may be asked meanwhile; late: nothing else, and after all that have a lower number.
    needs_machine: why namespaces cannot answer it.
    own_networks: asked beside others, or from power-on, so of all that passes then only its own networks matter;
    marks: bytes of which a frame has some if it belongs to the question; none: every frame does.
    from_power_on: the gateway's answer begins when it is switched on.
    of_tunnel: about the tunnel itself, so what passes inside it explains nothing.
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
