"""Each probe of gwimage/claim.py as packets. A probe never raises because the gateway misbehaves."""

import time
from dataclasses import replace

from gwimage import claim
from gwimage.lab.probes import exposure, forged, gifts, leases, offload, reach, six, six_allowed, six_closed, tunnel, upload
from gwimage.lab.probes.view import ALL_PORTS, CONTROL_PORTS, Answer, Port, View

__all__ = ["ALL_PORTS", "CONTROL_PORTS", "Answer", "Port", "View", "ask"]
_IPV4 = gifts.ASK | leases.ASK | exposure.ASK | reach.ASK | forged.ASK | tunnel.ASK | upload.ASK | offload.ASK
_ASK = _IPV4 | six.ASK | six_closed.ASK | six_allowed.ASK


def ask(probe: claim.Probe, view: View) -> Answer:
    """Ask the one question of a claim, and say when that was. A host without an address or a way cannot ask."""
    started = time.time()
    try:
        answer = _ASK[type(probe)](probe, view)
    except OSError as error:
        answer = Answer(False, f"not even asked: {error.strerror or error}")
    return replace(answer, started=started, seconds=time.time() - started)
