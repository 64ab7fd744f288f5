"""IPv6 of the lab, as data: the provider's prefixes on each WAN, and each LAN's subnets.

Pure, as topology.py, which uses it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from itertools import chain

from gwimage.profile import Profile
from gwimage.values.ipv6 import made_of

# for documentation (RFC 3849, RFC 9637); and public ones where a profile names all of these
_BLOCKS = [IPv6Network(net) for net in ("2001:db8::/32", "3fff::/20", "2a00::/16")]
_ANYWHERE = 16  # shorter prefixes count as any address
_BLOCK = 40  # prefix length of one provider's block
_USUAL, _WIDE = 56, 48  # prefix lengths of delegations; for LAN numbers up to 255, or above


@dataclass(frozen=True)
class Outside6:
    """A WAN with IPv6. own: the gateway's address; link: the advertised subnet, none if the address is static.

    delegated: the prefix that the provider delegates at first, or the room for a smaller one; later: the one after a change.
    """

    isp: IPv6Interface
    attacker: IPv6Interface
    own: IPv6Address
    link: IPv6Network | None = None
    delegated: IPv6Network | None = None
    later: IPv6Network | None = None


@dataclass(frozen=True)
class Inside6:
    """A LAN with IPv6. subnet: number of its /64 in the delegated prefix; fixed: the gateway's static address."""

    subnet: int | None = None
    fixed: IPv6Interface | None = None

    def announced(self, prefix: IPv6Network | None) -> tuple[IPv6Network, ...]:
        """Prefixes advertised to clients while that prefix is delegated."""
        own = (self.fixed.network,) if self.fixed else ()
        return (part(prefix, self.subnet), *own) if prefix and self.subnet is not None else own


@dataclass(frozen=True)
class Beyond6:
    """Addresses beyond the provider: a server's, a caller's, and one behind a link with a small MTU."""

    outside: IPv6Address
    afar: IPv6Address
    narrow: IPv6Address


def part(prefix: IPv6Network, number: int) -> IPv6Network:
    """The /64 of a prefix with this number."""
    return IPv6Network((int(prefix.network_address) + (number << 64), 64))


def derive(profile: Profile, macs: dict[str, str], named: set[IPv6Network]) -> tuple[dict, dict[str, Inside6], Beyond6]:
    """WANs and LANs with IPv6, by name, and what is beyond. macs: of the WANs; named: every network in the profile."""
    spare = _apart(named)
    net = part(next(spare), 0)
    inside = {name: Inside6(lan.subnet if lan.delegated else None, lan.address) for name, lan in profile.ipv6.lans.items()}
    wide = any((lan.subnet or 0) > 255 for lan in inside.values())
    outside = {}
    for name, wan in profile.ipv6.wans.items():
        block = next(spare)
        if wan.address:
            outside[name] = _fixed(wan.address, wan.gateway, part(block, 0), named)
        else:
            outside[name] = _automatic(block, macs[name], _WIDE if wide else _USUAL, name == profile.ipv6.uplink)
    return outside, inside, Beyond6(net[1], net[0xA], net[0xE])


def _apart(named: set[IPv6Network]) -> Iterator[IPv6Network]:
    """Blocks that overlap none that the profile names; wide prefixes such as ::/0 or 2000::/3 do not count."""
    for network in chain.from_iterable(block.subnets(new_prefix=_BLOCK) for block in _BLOCKS):
        if not any(network.overlaps(other) for other in named if other.prefixlen >= _ANYWHERE):
            yield network


def _automatic(block: IPv6Network, mac: str, length: int, uplink: bool) -> Outside6:
    link, (_, first, second, *_) = part(block, 0), (IPv6Network((int(block[0]) + (n << 80), length)) for n in range(3))
    return Outside6(
        isp=_at(link, 1),
        attacker=_at(link, 0x66),
        own=made_of(link, mac),
        link=link,
        delegated=first if uplink else None,
        later=second if uplink else None,
    )


def _fixed(own: IPv6Interface, gateway: IPv6Address, elsewhere: IPv6Network, named: set[IPv6Network]) -> Outside6:
    """A WAN with a static address; in a subnet too small for a third host, the attacker's is from elsewhere."""
    length = own.network.prefixlen if gateway in own.network else 64
    attacker = _at(elsewhere, 0x66)
    if own.network.prefixlen < 127:
        room = range(2, min(own.network.num_addresses, 1 << 16) - 1)
        near = [other for other in named if other.prefixlen > own.network.prefixlen]
        free = (own.network[n] for n in room if not any(own.network[n] in other for other in near))
        host = next(free, None)
        attacker = IPv6Interface((host, own.network.prefixlen)) if host else attacker
    return Outside6(IPv6Interface((gateway, length)), attacker, own.ip)


def _at(network: IPv6Network, number: int) -> IPv6Interface:
    return IPv6Interface((network[number], network.prefixlen))
