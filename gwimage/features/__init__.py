"""The features of a gateway, one plain module each: dataclass, parse, check, plan (with its claims).

`ALL` is the registry. Features never import one another, a renderer, or the profile at run time.
"""

from gwimage.features import (
    dhcp,
    firewall,
    firewall6,
    image,
    ipv6,
    lans,
    links,
    nat,
    qos,
    routes,
    services,
    system,
    uplinks,
    vm,
    vpn,
    wans,
)

ALL = (image, vm, system, wans, uplinks, lans, links, routes, nat, dhcp, services, firewall, ipv6, firewall6, qos, vpn)
