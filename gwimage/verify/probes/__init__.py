"""Each question of a claim as packets. A probe never raises because the gateway misbehaves.

A new kind is a named tuple in one of gwimage/claims/claim_*.py and a record in PROBES of one module here; a new module
stands in _MODULES too.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType
from typing import NamedTuple

from gwimage.verify.probes import (
    forwards,
    ipv6_allowed,
    ipv6_closed,
    ipv6_services,
    leases,
    offload,
    open_ports,
    reachability,
    services,
    shaping,
    spoofing,
    wireguard,
)
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_MODULES = (
    services,
    leases,
    open_ports,
    reachability,
    forwards,
    spoofing,
    wireguard,
    shaping,
    offload,
    ipv6_services,
    ipv6_closed,
    ipv6_allowed,
)


def gathered(modules: Iterable[ModuleType]) -> dict[type, Probe]:
    """The records by their kind, of which each has one."""
    table: dict[type, Probe] = {}
    for module in modules:
        for record in module.PROBES:
            if record.kind in table:
                raise ValueError(f"{record.kind.__name__} has two records, one of them in {module.__name__}")
            table[record.kind] = record
    return table


TABLE = gathered(_MODULES)


def of(probe: NamedTuple) -> Probe:
    """The record of a claim's question."""
    return TABLE[type(probe)]


def ask(probe: NamedTuple, view: View) -> Answer:
    """Ask the one question of a claim, and say when that was. A host without an address or a way cannot ask."""
    started = time.time()
    try:
        answer = of(probe).ask(probe, view)
    except OSError as error:
        answer = Answer(False, f"not even asked: {error.strerror or error}")
    return replace(answer, started=started, seconds=time.time() - started)
