"""Probe of upload shaping: the profile's rate is kept, and latency stays low.

Behind the WAN is a simulated modem, a little faster than the profile's rate and with a long queue. A gateway that shapes
never fills that queue; without shaping (control) every ping waits in it.
"""

from statistics import median

from gwimage.claims import claim_traffic
from gwimage.lab.hosts import cabling
from gwimage.lab.packets import throughput
from gwimage.values import lab_host
from gwimage.values.lab_host import ISP
from gwimage.verify.probes.record import Probe
from gwimage.verify.probes.view import Answer, View

_MODEM = 1 / 0.9  # its rate, in multiples of the profile's, which should be about 90 % of the line's upload
_LEAST, _MOST = 0.7, 1.05  # accepted payload rate, in multiples of the profile's rate
_ROOM = 2  # the machine must be this much faster, or the load measures the machine
_BASE, _PACKETS = 0.15, 3  # accepted latency above that at rest: seconds, and full packets before it
_QUEUE = 5  # of the modem, in multiples of the accepted latency
_FRAME = 1514 * 8
_SECONDS, _TRIAL = 6, 2


def _shaped(probe: claim_traffic.RateLimit, view: View) -> Answer:
    hosts, rate = view.hosts, probe.upload
    client, target, wan = lab_host.client(probe.lan).name, hosts.topology.outside, hosts.wan(probe.wan)
    if not hosts.client_address(hosts.lan(probe.lan)):
        return Answer(False, f"{client} has no address")
    allowed = _BASE + _PACKETS * _FRAME / rate
    try:
        able, _ = throughput.transfer(ISP.name, client, client, target, _TRIAL)
        if able < _ROOM * rate:
            why = f"this machine passes only {_mega(able)}, and {_mega(rate)} would have to be told from that"
            return Answer(False, why, asked=False)
        rest = median(throughput.round_trip(client, target) for _ in range(9))
        with throughput.narrow(cabling.end(ISP, wan.segment), rate * _MODEM, _QUEUE * allowed):
            seen, trip = throughput.transfer(client, ISP.name, client, target, max(_SECONDS, 3 * _QUEUE * allowed))
    except OSError as error:
        return Answer(False, f"no connection through the gateway: {error}")
    wait = max(0, trip - rest)
    good = _LEAST * rate <= seen <= _MOST * rate and wait <= allowed
    what = f"{_mega(seen)} uploaded, pings wait {1000 * wait:.0f} ms more than at rest"
    return Answer(good, f"{what} (at most {1000 * allowed:.0f}); it downloads {_mega(able)}", exposed=wait > 2 * allowed)


def _mega(bits: float) -> str:
    return f"{bits / 1e6:.3g} Mbit/s"


def _advise(probe: claim_traffic.RateLimit, wire: object) -> str:
    return f"Compare [CAKE] in 10-{probe.wan}.network with qos.{probe.wan}; did networkd take it (console.log)?"


PROBES = (
    Probe(
        kind=claim_traffic.RateLimit,
        ask=_shaped,
        question="a client uploads through a slow modem with a long queue, and pings",
        advise=_advise,
        late=30,  # measures
        needs_machine="CAKE needs a machine, whose kernel has it",
    ),
)
