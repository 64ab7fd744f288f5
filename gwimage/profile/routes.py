"""`routes`: networks behind other routers."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface


@dataclass(frozen=True)
class Route:
    """to: as written, so that a host's address in place of the network's can be told."""

    to: IPv4Interface
    via: IPv4Address
    metric: int | None = None


def parse(data: dict) -> tuple[Route, ...]:
    return tuple(
        Route(IPv4Interface(route["to"]), IPv4Address(route["via"]), route.get("metric")) for route in data.get("routes", ())
    )
