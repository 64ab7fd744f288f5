"""Each probe of gwimage/claims/claim.py as packets. A probe never raises because the gateway misbehaves."""

import time
from dataclasses import replace

from gwimage.claims import claim
from gwimage.verify.probes import (
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
from gwimage.verify.probes.view import Answer, View

__all__ = ["ALL_PORTS", "CONTROL_PORTS", "Answer", "Port", "View", "ask"]
_IPV4 = services.ASK | leases.ASK | open_ports.ASK | reachability.ASK | spoofing.ASK | wireguard.ASK | shaping.ASK | offload.ASK
_ASK = _IPV4 | ipv6_services.ASK | ipv6_closed.ASK | ipv6_allowed.ASK


def ask(probe: claim.Probe, view: View) -> Answer:
    """Ask the one question of a claim, and say when that was. A host without an address or a way cannot ask."""
    started = time.time()
    try:
        answer = _ASK[type(probe)](probe, view)
    except OSError as error:
        answer = Answer(False, f"not even asked: {error.strerror or error}")
    return replace(answer, started=started, seconds=time.time() - started)
