"""DNS servers inside that the lab simulates; shared by claims and lab."""

from ipaddress import IPv4Address, IPv6Address

from gwimage.profile import Profile, zones

Address = IPv4Address | IPv6Address


def dns(profile: Profile) -> dict[Address, str]:
    """The upstreams that are on a LAN, behind a router there, or in a VPN; each with that network's name."""
    found = {one.address: zone_of(one.address, profile) for one in profile.dns.upstreams}
    return {address: zone for address, zone in found.items() if zone}


def zone_of(address: Address, profile: Profile) -> str | None:
    """The LAN or VPN through which an address is reached; None if outside."""
    if isinstance(address, IPv4Address):
        return zones.of(profile).zone_of(address)
    fixed = ((name, lan.address) for name, lan in profile.ipv6.lans.items() if lan.address)
    return next((name for name, own in fixed if address in own.network), None)


def in_vpn(profile: Profile) -> bool:
    """Whether an upstream is in a VPN: it answers only while its tunnel is up."""
    return bool({vpn.name for vpn in profile.vpn} & set(dns(profile).values()))


def answers(address: Address, profile: Profile) -> bool:
    """Whether the lab has this DNS server at any time: one on a LAN, or outside with IPv4."""
    zone = zone_of(address, profile)
    return any(lan.name == zone for lan in profile.lans) if zone else address.version == 4
