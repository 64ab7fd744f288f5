"""Advice for a failed claim: one or two sentences, most of them from the probe's own record."""

from __future__ import annotations

from typing import NamedTuple

from gwimage.lab.hosts import Hosts
from gwimage.values.lab_host import LabHost
from gwimage.verify import probes
from gwimage.verify.evidence import Wire

_NO_CONTROL = (
    "Nothing showed that this probe can come out otherwise, so its silence proves nothing. Look at the control boot at "
    "the end of console.log, and verify again."
)
_WITHOUT_PROBE = {
    "machine.quiet": "Which program says it? For LLDP look for EmitLLDP= in the files of that network, else for resolved's settings.",
    "machine.agent": "Did qemu-guest-agent.service start? Its device is /dev/virtio-ports/org.qemu.guest_agent.0.",
    "machine.shutdown": "If the agent answers: the end of console.log says which unit did not stop.",
    "machine.poweroff": "The end of console.log says which unit did not stop, or that the power button was not heard.",
    "state.persist": (
        "Leases, machine ID and host keys lie on the state volume: does the second boot in console.log mount it? What was not "
        "known before the restart is told by other failed claims."
    ),
}


def first(name: str, probe: NamedTuple | None, answered: bool, wire: Wire) -> str:
    """Advice for a failed claim.

    name: the claim's id; answered: the answer was as claimed, and only the control was missing.
    """
    if probe is None:
        return _WITHOUT_PROBE.get(name, "")
    if answered:
        return _NO_CONTROL
    record = probes.of(probe)
    inside = "" if record.of_tunnel else _through(probe, wire.hosts)
    return inside or record.advise(probe, wire)


def _through(probe: NamedTuple, hosts: Hosts) -> str:
    """Advice if a VPN is one end, otherwise empty: traffic inside a tunnel is not visible in captures."""
    vpns = {one.played.vpn.name for one in hosts.tunnels}
    ends = [value.network if isinstance(value, LabHost) else value for value in probe]
    if end := next((end for end in ends if end in vpns), ""):
        return (
            f"What passes inside {end} is not seen on the wires. `gwimage explain PROFILE --from {end} --to ...` says what the "
            f"rules do with it; then look at AllowedIPs= in 30-{end}.netdev and [Route] in 30-{end}.network."
        )
    return ""
