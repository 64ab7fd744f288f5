"""The features of a gateway, one plain module each: dataclass, parse, check, plan (with its claims).

`ALL` is the registry. Features never import one another, a renderer, or the profile at run time.
"""

from gwimage.features import (
    allow,
    dhcp,
    dns,
    firewall,
    firewall6,
    forwarded,
    forwards,
    image,
    ipv6,
    lans,
    links,
    nat,
    ntp,
    offload,
    qos,
    raw,
    reservations,
    routes,
    services,
    sets,
    system,
    tunnels,
    uplinks,
    vm,
    vpn,
    wans,
)

ALL = (
    *(image, vm, system, wans, uplinks, lans, links, routes, nat, dhcp, reservations, dns, ntp, services),
    *(firewall, tunnels, sets, allow, forwards, forwarded, raw, offload, ipv6, firewall6, qos, vpn),
)
