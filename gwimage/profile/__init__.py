"""The typed profile, with defaults filled in; built from data that the schema has accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gwimage.profile import (
    allow,
    dhcp,
    dns,
    firewall,
    forwards,
    image,
    ipv6,
    lans,
    ntp,
    offload,
    qos,
    raw,
    reservations,
    routes,
    services,
    sets,
    system,
    vm,
    vpn,
    wans,
)
from gwimage.values.ranges import AddressSet


@dataclass(frozen=True)
class Profile:
    """A whole profile; one field for each section."""

    name: str
    release: str
    description: str
    image: image.Image
    vm: vm.Vm
    system: system.System
    ntp: ntp.Ntp
    dns: dns.Dns
    wans: tuple[wans.Wan, ...]
    lans: tuple[lans.Lan, ...]
    dhcp: dict[str, dhcp.Dhcp]  # by LAN
    reservations: dict[str, tuple[reservations.Reservation, ...]]  # by LAN
    routes: tuple[routes.Route, ...]
    services: services.Services
    ipv6: ipv6.Ipv6
    qos: tuple[qos.Qos, ...]
    vpn: tuple[vpn.Vpn, ...]
    firewall: firewall.Firewall
    sets: dict[str, AddressSet]  # by set name
    allow: tuple[allow.Allow, ...]
    forwards: tuple[forwards.Forward, ...]
    raw: raw.Raw
    offload: bool


def parse(data: dict, files: Mapping[str, str] = MappingProxyType({})) -> Profile:
    """The profile from data that the schema accepted; cannot fail on such data.

    files: contents of the files named by keys ending in `_file`, by file name as written.
    """
    return Profile(
        name=data["name"],
        release=data["release"],
        description=data.get("description", ""),
        image=image.parse(data),
        vm=vm.parse(data),
        system=system.parse(data),
        ntp=ntp.parse(data),
        dns=dns.parse(data),
        wans=wans.parse(data),
        lans=lans.parse(data),
        dhcp=dhcp.parse(data),
        reservations=reservations.parse(data),
        routes=routes.parse(data),
        services=services.parse(data),
        ipv6=ipv6.parse(data),
        qos=qos.parse(data),
        vpn=vpn.parse(data, files),
        firewall=firewall.parse(data),
        sets=sets.parse(data),
        allow=allow.parse(data),
        forwards=forwards.parse(data),
        raw=raw.parse(data),
        offload=offload.parse(data),
    )
