"""Where forged source addresses are looked for."""

from __future__ import annotations

from gwimage.profile import Profile, link


def chain(profile: Profile) -> str:
    """The chain that sends packets to the chain `spoof` before the kernel routes or answers them.

    prerouting: every packet, before connections are tracked. dstnat: only what begins a connection, which spares the others
    a seventh of what they cost. That will do with one WAN and one LAN and nothing beside them: a forged packet that fits an open
    connection then says nothing that its sender could not say under an address of its own network.
    """
    one = len(profile.wans) == len(profile.lans) == 1 and all(link.is_card(net.link) for net in (*profile.wans, *profile.lans))
    more = profile.vpn or profile.routes or profile.ipv6.wans or profile.ipv6.lans or profile.raw.rules
    return "dstnat" if one and not more else "prerouting"
