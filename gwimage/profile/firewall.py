"""`firewall.log`: logging of dropped packets and its rate limit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Firewall:
    """Firewall settings other than rules; log_limit: an nft rate, such as 10/minute."""

    log_dropped: bool = False
    log_limit: str = "10/minute"


def parse(data: dict) -> Firewall:
    log = data.get("firewall", {}).get("log", {})
    return Firewall(log.get("dropped", Firewall.log_dropped), log.get("limit", Firewall.log_limit))
