"""The link of a network: its NICs (plain, VLAN or bridge), MTU and MAC address.

Shared by wans and lans; must not know either.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gwimage.problem import Path, Problem, dotted
from gwimage.values import nic
from gwimage.values.nic import Nic

USUAL_MTU = 1500


@dataclass(frozen=True)
class Link:
    """A link; several cards form a bridge; vlan None: untagged; mtu in bytes, None: the card's own."""

    cards: tuple[Nic, ...]
    vlan: int | None = None
    mtu: int | None = None
    cloned_mac: str | None = None


def parse(data: dict) -> Link:
    """The link in the data of one WAN or LAN."""
    cards = data.get("nics") or [data.get("mac") or data["nic"]]
    cloned = data.get("cloned_mac", "").lower() or None
    return Link(tuple(map(nic.parse, cards)), data.get("vlan"), data.get("mtu"), cloned)


def is_card(link: Link) -> bool:
    """Whether the network has a card of its own, which then gets the network's name."""
    return link.vlan is None and not is_bridge(link)


def is_bridge(link: Link) -> bool:
    return len(link.cards) > 1


def key(link: Link) -> str:
    """The profile key that names the cards: nics, mac or nic."""
    return "nics" if is_bridge(link) else "mac" if link.cards[0].mac else "nic"


def places(path: Path, link: Link) -> list[tuple[Path, Nic]]:
    """Each card with the profile path that names it."""
    where = (*path, key(link))
    return [((*where, index) if is_bridge(link) else where, card) for index, card in enumerate(link.cards)]


def check(networks: Iterable[tuple[Path, Link]]) -> list[Problem]:
    """Problems of cards, MAC addresses and MTUs; networks that share a card must differ in VLAN."""
    problems: list[Problem] = []
    users: dict[Nic, list[tuple[Path, Link]]] = {}
    networks = list(networks)
    taken = [(card.mac, place) for path, link in networks for place, card in places(path, link) if card.mac]
    taken += [(link.cloned_mac, (*path, "cloned_mac")) for path, link in networks if link.cloned_mac]
    for path, link in networks:
        for place, card in places(path, link):
            problems += nic.check_mac(place, card.mac) if card.mac else []
            problems += _check_card(place, path, card, link, users.setdefault(card, []))
            users[card].append((path, link))
        problems += _check_cloned(path, link, taken) if link.cloned_mac else []
    for sharing in users.values():
        problems += _check_mtu(sharing)
    return problems


def _check_cloned(path: Path, link: Link, taken: list[tuple[str, Path]]) -> list[Problem]:
    """Problems of a cloned MAC address; taken: every MAC address of the profile with its path."""
    place, mac = (*path, "cloned_mac"), link.cloned_mac
    if wrong := nic.check_mac(place, mac):
        return wrong
    if others := [where for other, where in taken if other == mac and where[: len(path)] != path]:
        message = f"{mac} is also {dotted(others[0])}: two cards with one address disturb each other"
        return [Problem(place, message, "give each its own")]
    return []


def _check_card(place: Path, path: Path, card: Nic, link: Link, users: list[tuple[Path, Link]]) -> list[Problem]:
    """A problem if the card is in use in a conflicting way; users: networks that use it already."""
    for other_path, other in users:
        who = dotted(other_path)
        if is_bridge(link) or is_bridge(other):
            return [Problem(place, f"{nic.name(card)} is already used by {who}", "the cards of a bridge carry nothing else")]
        if link.vlan == other.vlan is None:
            hint = "each network needs a card or a VLAN of its own"
            return [Problem(place, f"{nic.name(card)} is already used by {who}", hint)]
        if link.vlan == other.vlan:
            return [Problem((*path, "vlan"), f"VLAN {link.vlan} on {nic.name(card)} is already {who}", "choose another id")]
    return []


def _check_mtu(sharing: list[tuple[Path, Link]]) -> list[Problem]:
    """Problems of VLANs with an MTU larger than their card's.

    The card's MTU is that of the untagged network on it.
    """
    problems = []
    for owner_path, owner in sharing:
        room = owner.mtu or USUAL_MTU
        for path, link in sharing:
            if is_card(owner) and (link.mtu or 0) > room:
                who = dotted(owner_path)
                message = f"packets of {link.mtu} bytes do not fit through the card, which has the {room} of {who}"
                hint = f"give {who} an mtu of {link.mtu} too"
                problems.append(Problem((*path, "mtu"), message, hint))
    return problems
