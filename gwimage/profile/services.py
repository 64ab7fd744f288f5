"""`services`: SSH to the gateway, and from where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Services:
    """ssh_from: zones from which SSH to the gateway is open."""

    ssh_from: tuple[str, ...] = ()


def parse(data: dict) -> Services:
    return Services(tuple(data.get("services", {}).get("ssh", {}).get("from", ())))
