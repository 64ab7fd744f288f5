"""CAKE egress shaping on a WAN, for short upload queues.

networkd shapes egress only: it cannot redirect ingress (that needs an IFB and a tc filter).
Without sch_cake in the kernel the WAN would fail; Debian's kernels, cloud and generic, have it.
"""

from gwimage.claims import prerequisites
from gwimage.claims.claim import Claim, NotTestable
from gwimage.claims.claim_traffic import RateLimit
from gwimage.plan import Plan, Setting
from gwimage.problem import Problem
from gwimage.profile import Profile, zones
from gwimage.profile.qos import KILO, Qos

SLOWEST, FASTEST = 64 * KILO["K"], 100 * KILO["G"]
SHORTEST_RTT, LONGEST_RTT = 1, 10_000


def check(profile: Profile) -> list[Problem]:
    problems, wans = [], [wan.name for wan in profile.wans]
    for qos in profile.qos:
        path = ("qos", qos.wan)
        if qos.wan not in wans:
            problems.append(zones.unknown(path, qos.wan, wans, "WAN", on_key=True))
        if not SLOWEST <= qos.upload <= FASTEST:
            hint = "give bits per second, about 90 % of what the line uploads"
            problems.append(Problem((*path, "upload"), "the upload rate must be 64K to 100G", hint))
        if not SHORTEST_RTT <= qos.rtt <= LONGEST_RTT:
            problems.append(Problem((*path, "rtt"), "the time must be 1ms to 10s", "100ms is right for most lines"))
    return problems


def plan(profile: Profile) -> Plan:
    settings = (setting for qos in profile.qos for setting in _settings(qos))
    return Plan(network=tuple(settings), claims=tuple(_claim(qos, profile) for qos in profile.qos))


def _claim(qos: Qos, profile: Profile) -> Claim:
    path, text = f"qos.{qos.wan}", f"an upload by {qos.wan} keeps to {_written(qos.upload)}bit/s and delays nobody else"
    lan = next((lan.name for lan in profile.lans if lan.internet), None)
    if lan is None or qos.wan != profile.wans[0].name:
        why = f"nobody in the lab uploads by {qos.wan}" + ("" if lan is None else f": {profile.wans[0].name} goes before it")
        return Claim(f"{path}.upload", path, text, NotTestable(why))
    probe, needs = RateLimit(lan, qos.wan, qos.upload), prerequisites.of(profile, lan, qos.wan)
    return Claim(f"{path}.upload", path, text, probe, needs, closed=True)


def _settings(qos: Qos) -> list[Setting]:
    path, file = f"qos.{qos.wan}", f"10-{qos.wan}.network"
    values = [("Bandwidth", _written(qos.upload), "upload"), ("RTTSec", f"{qos.rtt}ms", "rtt")]
    if qos.overhead is not None:
        values.append(("OverheadBytes", str(qos.overhead), "overhead"))
    shaped = [Setting(file, "CAKE", key, value, f"{path}.{why}") for key, value, why in values]
    # fairness per inside host, looking up addresses before masquerade
    return [*shaped, Setting(file, "CAKE", "NAT", "yes", path)]


def _written(rate: int) -> str:
    unit, size = next((unit, size) for unit, size in reversed(KILO.items()) if rate % size == 0)
    return f"{rate // size}{unit}"
