"""`firewall.forwards`: port forwards from outside, and from inside with hairpin NAT."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.values import ranges
from gwimage.values.address_lists import Items
from gwimage.values.ranges import Ports


@dataclass(frozen=True)
class Forward:
    """A port forward on the addresses of `wans`.

    to_port: first port on the server; None if it is the port called.
    """

    name: str
    wans: tuple[str, ...]
    protocols: tuple[str, ...]
    ports: tuple[Ports, ...]
    to: IPv4Address
    to_port: int | None = None
    sources: Items = ()
    hairpin: bool = True


def parse(data: dict) -> tuple[Forward, ...]:
    forwards = data.get("firewall", {}).get("forwards", {})
    return tuple(_parse_one(name, forward, tuple(data["wans"])) for name, forward in forwards.items())


def _parse_one(name: str, data: dict, wans: tuple[str, ...]) -> Forward:
    ports = tuple(map(ranges.parse_ports, data["ports"]))
    to_port = data.get("to_port")
    return Forward(
        name,
        tuple(data.get("from", wans)),
        tuple(data.get("protocols", ("tcp",))),
        ports,
        IPv4Address(data["to"]),
        None if to_port == ports[0][0] else to_port,
        ranges.parse_items(data.get("sources", ())),
        data.get("hairpin", True),
    )
