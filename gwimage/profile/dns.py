"""`dns`: upstream servers, DNS over TLS, DNSSEC, the local domain and its host names."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from gwimage.values import domain_names

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Upstream:
    """An upstream DNS server; name: as in its TLS certificate, may be empty."""

    address: Address
    name: str


@dataclass(frozen=True)
class Dns:
    """DNS settings.

    tls: never, opportunistic or always; dnssec: never, allow-downgrade or always; hosts: addresses by name.
    """

    upstreams: tuple[Upstream, ...]
    tls: str
    dnssec: str
    domain: str
    hosts: dict[str, tuple[Address, ...]]


def parse(data: dict) -> Dns:
    dns = data.get("dns", {})
    upstreams = (text.partition("#") for text in dns.get("upstreams", ()))
    return Dns(
        tuple(Upstream(ip_address(address), name) for address, _, name in upstreams),
        dns.get("tls", "never"),
        dns.get("dnssec", "never"),
        dns.get("domain", domain_names.DOMAIN),
        {name: tuple(map(ip_address, addresses)) for name, addresses in dns.get("hosts", {}).items()},
    )
