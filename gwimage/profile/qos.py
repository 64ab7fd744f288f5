"""`qos`: CAKE shaping of a WAN's outgoing traffic (tc-cake(8))."""

from dataclasses import dataclass

KILO = {"K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True)
class Qos:
    """CAKE settings; upload in bit/s, rtt in ms, overhead in bytes per packet (None: not counted)."""

    wan: str
    upload: int
    rtt: int
    overhead: int | None = None


def parse(data: dict) -> tuple[Qos, ...]:
    return tuple(_parse_one(name, qos) for name, qos in data.get("qos", {}).items())


def _parse_one(wan: str, data: dict) -> Qos:
    upload, rtt = data["upload"], data.get("rtt", "100ms")
    rtt = int(rtt.removesuffix("ms")) if rtt.endswith("ms") else 1000 * int(rtt[:-1])
    return Qos(wan, int(upload[:-1]) * KILO[upload[-1]], rtt, data.get("overhead"))
