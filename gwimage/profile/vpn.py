"""`vpn`: WireGuard interfaces and their peers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Peer:
    """A WireGuard peer; keepalive in seconds.

    preshared_key: the file's content without surrounding whitespace; not validated before the checks.
    """

    name: str
    public_key: str
    address: IPv4Address
    networks: tuple[IPv4Network, ...] = ()
    endpoint: str | None = None
    keepalive: int | None = None
    preshared_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Vpn:
    """A WireGuard interface.

    private_key: None if the hypervisor provides it; else file content, as Peer.preshared_key.
    """

    name: str
    address: IPv4Interface
    port: int | None = None
    mtu: int = 1420
    private_key: str | None = field(default=None, repr=False)
    peers: tuple[Peer, ...] = ()

    @property
    def networks(self) -> tuple[IPv4Network, ...]:
        """Subnets behind this zone: its own first, then those of its peers."""
        return (self.address.network, *(net for peer in self.peers for net in peer.networks))


def parse(data: dict, files: Mapping[str, str]) -> tuple[Vpn, ...]:
    return tuple(_parse_one(name, vpn, files) for name, vpn in data.get("vpn", {}).items())


def _parse_one(name: str, data: dict, files: Mapping[str, str]) -> Vpn:
    return Vpn(
        name,
        IPv4Interface(data["address"]),
        data.get("port"),
        data.get("mtu", 1420),
        _content(data.get("private_key_file"), files),
        tuple(_parse_peer(name, peer, files) for name, peer in data.get("peers", {}).items()),
    )


def _parse_peer(name: str, data: dict, files: Mapping[str, str]) -> Peer:
    keepalive = data.get("keepalive")
    return Peer(
        name,
        data["public_key"],
        IPv4Address(data["address"]),
        tuple(map(IPv4Network, data.get("networks", ()))),
        data.get("endpoint"),
        int(keepalive[:-1]) * UNITS[keepalive[-1]] if keepalive else None,
        _content(data.get("preshared_key_file"), files),
    )


def _content(name: str | None, files: Mapping[str, str]) -> str | None:
    return None if name is None else files[name].strip()
