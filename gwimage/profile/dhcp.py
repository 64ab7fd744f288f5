"""`lans.NAME.dhcp`: the DHCP server of a LAN."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.values import dhcp_options, domain_names
from gwimage.values.dhcp_options import Option

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Pxe:
    """Network boot: TFTP server and boot file name."""

    server: IPv4Address
    file: str


@dataclass(frozen=True)
class Dhcp:
    """A DHCP server with the pool first..last and lease_time in seconds.

    dns empty: the gateway's address; ntp: only what the profile names; router None: none is sent.
    """

    first: IPv4Address
    last: IPv4Address
    lease_time: int
    dns: tuple[IPv4Address, ...]
    ntp: tuple[IPv4Address, ...]
    router: IPv4Address | None
    domain: str
    pxe: Pxe | None
    options: tuple[Option, ...]


def parse(data: dict) -> dict[str, Dhcp]:
    """DHCP servers by LAN name."""
    domain = data.get("dns", {}).get("domain", domain_names.DOMAIN)
    return {name: _parse_one(lan["dhcp"], lan["address"], domain) for name, lan in data["lans"].items() if "dhcp" in lan}


def _parse_one(data: dict, address: str, domain: str) -> Dhcp:
    first, last = map(IPv4Address, data["pool"].split("-"))
    time = data.get("lease_time", "1h")
    dns, ntp = (tuple(map(IPv4Address, data.get(key, ()))) for key in ("dns", "ntp"))
    router = data.get("router", address.partition("/")[0])
    pxe = Pxe(IPv4Address(data["pxe"]["server"]), data["pxe"]["file"]) if "pxe" in data else None
    return Dhcp(
        first,
        last,
        int(time[:-1]) * UNITS[time[-1]],
        dns,
        ntp,
        None if router == "none" else IPv4Address(router),
        data.get("domain", domain),
        pxe,
        tuple(map(dhcp_options.parse, data.get("options", ()))),
    )
