"""Link layer: names of cards, and VLANs and bridges on top of them.

A card used by one network alone takes its name. A card that carries only VLANs, or is a bridge port,
is named as in Proxmox (net1), or after its MAC address (enx525400123456).
"""

from dataclasses import dataclass

from gwimage.plan import Plan, Rule, Setting, links
from gwimage.problem import Problem, dotted
from gwimage.profile import Profile, link
from gwimage.profile.link import USUAL_MTU, Link
from gwimage.values import nic
from gwimage.values.nic import Nic


@dataclass(frozen=True)
class NetworkLink:
    """Link-layer view of a WAN or LAN; stem: prefix of its file names."""

    name: str
    path: tuple[str, str]
    stem: str
    link: Link


def _networks(profile: Profile) -> list[NetworkLink]:
    found = [NetworkLink(wan.name, ("wans", wan.name), f"10-{wan.name}", wan.link) for wan in profile.wans]
    return found + [NetworkLink(lan.name, ("lans", lan.name), f"20-{lan.name}", lan.link) for lan in profile.lans]


def check(profile: Profile) -> list[Problem]:
    return link.check((net.path, net.link) for net in _networks(profile))


def plan(profile: Profile) -> Plan:
    networks = _networks(profile)
    users: dict[Nic, list[NetworkLink]] = {}
    for net in networks:
        for card in net.link.cards:
            users.setdefault(card, []).append(net)
    parts = [_network(net, users[net.link.cards[0]]) for net in networks]
    parts += [_card(card, sharing) for card, sharing in users.items()]
    return sum(parts, Plan())


def _network(net: NetworkLink, sharing: list[NetworkLink]) -> Plan:
    """Files of the network's own interface."""
    path, file, found = dotted(net.path), f"{net.stem}.network", []
    if link.is_bridge(net.link):
        found += _bridge(net.stem, net.name, path)
    elif net.link.vlan:
        found += [
            Setting(f"{net.stem}.netdev", "NetDev", "Name", net.name, path),
            Setting(f"{net.stem}.netdev", "NetDev", "Kind", "vlan", f"{path}.vlan"),
            Setting(f"{net.stem}.netdev", "VLAN", "Id", str(net.link.vlan), f"{path}.vlan"),
        ]
    # a VLAN without an MTU would inherit a large one that another network set on the card
    mtu = net.link.mtu or (USUAL_MTU if net.link.vlan and _largest(sharing) > USUAL_MTU else None)
    if mtu:
        found.append(Setting(file, "Link", "MTUBytes", str(mtu), f"{path}.mtu"))
    if net.link.cloned_mac:
        found.append(Setting(file, "Link", "MACAddress", net.link.cloned_mac, f"{path}.cloned_mac"))
    return Plan(network=tuple(found))


def _bridge(stem: str, name: str, path: str) -> list[Setting]:
    return [
        # the bridge takes the lowest MAC address of its cards: networkd and udev would derive one from the machine id,
        # which changes when the state volume is lost, while hosts keep the old one in their ARP caches
        Setting(f"{stem}.link", "Match", "OriginalName", name, path),
        Setting(f"{stem}.link", "Link", "MACAddressPolicy", "none", f"{path}.nics"),
        Setting(f"{stem}.netdev", "NetDev", "Name", name, path),
        Setting(f"{stem}.netdev", "NetDev", "Kind", "bridge", f"{path}.nics"),
        Setting(f"{stem}.netdev", "NetDev", "MACAddress", "none", f"{path}.nics"),
        # spanning tree would block a card for 30 seconds
        Setting(f"{stem}.netdev", "Bridge", "STP", "no", f"{path}.nics"),
    ]


def _card(card: Nic, sharing: list[NetworkLink]) -> Plan:
    """Files of a card: its name, and the VLANs or bridge on it."""
    owner = next((net for net in sharing if link.is_card(net.link)), None)
    first = owner or sharing[0]
    place = f"{dotted(first.path)}.{link.key(first.link)}"
    stem, name = (owner.stem, owner.name) if owner else (f"05-{nic.interface(card)}", nic.interface(card))
    named = Setting(f"{stem}.link", "Link", "Name", name, dotted(owner.path) if owner else place)
    network = (links.match(f"{stem}.link", card, place), named)
    file = f"{stem}.network"
    over = tuple(_over(file, net) for net in sharing if net is not owner)
    if owner:
        return Plan(network=network + over)
    rules = ()
    if not link.is_bridge(first.link):
        # no network takes untagged packets
        rules = (Rule("spoof.sources", f'iifname "{name}" counter drop', place),)
    return Plan(network=network + _bare(file, name, place, sharing) + over + links.no_discovery(file, place), rules=rules)


def _over(file: str, net: NetworkLink) -> Setting:
    if link.is_bridge(net.link):
        return Setting(file, "Network", "Bridge", net.name, f"{dotted(net.path)}.nics")
    return Setting(file, "Network", "VLAN", net.name, f"{dotted(net.path)}.vlan")


def _bare(file: str, name: str, place: str, sharing: list[NetworkLink]) -> tuple[Setting, ...]:
    """Settings of a card that is not itself a network; its MTU is the largest of those it carries."""
    found = [Setting(file, "Match", "Name", name, place), Setting(file, "Link", "RequiredForOnline", "no", place)]
    if (largest := _largest(sharing)) > USUAL_MTU:
        owner = next(net for net in sharing if net.link.mtu == largest)
        found.append(Setting(file, "Link", "MTUBytes", str(largest), f"{dotted(owner.path)}.mtu"))
    return tuple(found)


def _largest(sharing: list[NetworkLink]) -> int:
    return max(net.link.mtu or 0 for net in sharing)
