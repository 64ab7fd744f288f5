"""`routes`: static routes to networks behind other routers."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface


@dataclass(frozen=True)
class Route:
    """A static route; `to` keeps host bits, so that a host address instead of the network's can be reported."""

    to: IPv4Interface
    via: IPv4Address
    metric: int | None = None


def parse(data: dict) -> tuple[Route, ...]:
    return tuple(
        Route(IPv4Interface(route["to"]), IPv4Address(route["via"]), route.get("metric")) for route in data.get("routes", ())
    )
