"""`lans.NAME.dhcp`: the DHCP server of a LAN."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.values import dhcp_options, domain_names
from gwimage.values.dhcp_options import Option
from gwimage.values.ports import DNS, NTP, TFTP

URL = re.compile(r"(https?)://([^/:]*):?(\d*)", re.IGNORECASE)  # schemes ignore case (RFC 3986 3.1)
PORTS = {"http": 80, "https": 443}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Service:
    """What a client asks a server for; it needs the first of the protocols."""

    name: str
    protocols: tuple[str, ...]
    port: int


ASKS_DNS, ASKS_NTP = Service("DNS", ("udp", "tcp"), DNS), Service("NTP", ("udp",), NTP)
ASKS_TFTP = Service("TFTP", ("udp",), TFTP)


@dataclass(frozen=True)
class Pxe:
    """Network boot: TFTP server and boot file name."""

    server: IPv4Address
    file: str

    @property
    def service(self) -> Service:
        """By which clients load the file: HTTP if it is a URL, else TFTP."""
        if not (url := URL.match(self.file)):
            return ASKS_TFTP
        return Service("HTTP", ("tcp",), int(url[3] or PORTS[url[1].lower()]))

    @property
    def host(self) -> IPv4Address:
        """Of which they load it: the address in the URL, else the server."""
        try:
            return IPv4Address(URL.match(self.file)[2])
        except (TypeError, ValueError):
            return self.server


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
