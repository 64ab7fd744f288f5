"""`firewall`: the settings that are no rules: logging."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Firewall:
    """log_limit: a number and a time, as nft takes it."""

    log_dropped: bool = False
    log_limit: str = "10/minute"


def parse(data: dict) -> Firewall:
    log = data.get("firewall", {}).get("log", {})
    return Firewall(log.get("dropped", Firewall.log_dropped), log.get("limit", Firewall.log_limit))
