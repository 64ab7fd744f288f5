"""`system.ntp` and `services.ntp`: upstream NTP servers, and zones that the gateway serves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ntp:
    """NTP settings; servers: names or addresses, empty for Debian's pool; serves: zones that may query the gateway."""

    servers: tuple[str, ...]
    serves: tuple[str, ...]


def parse(data: dict) -> Ntp:
    servers = data.get("system", {}).get("ntp", {}).get("servers", ())
    return Ntp(tuple(servers), tuple(data.get("services", {}).get("ntp", {}).get("from", ())))
