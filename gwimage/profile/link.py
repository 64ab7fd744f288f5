"""The link of a network: the cards that carry it, as VLAN, as bridge or as they are; its MTU and MAC address.

Below the features, since wans and lans both stand on it; knows neither of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gwimage.problem import Path, Problem, dotted
from gwimage.values import nic
from gwimage.values.nic import Nic

USUAL_MTU = 1500


@dataclass(frozen=True)
class Link:
    """More than one card make a bridge; vlan None is untagged; mtu in bytes, None as the card has it."""

    cards: tuple[Nic, ...]
    vlan: int | None = None
    mtu: int | None = None
    cloned_mac: str | None = None


def parse(data: dict) -> Link:
    """The data of one WAN or LAN."""
    cards = data.get("nics") or [data.get("mac") or data["nic"]]
    cloned = data.get("cloned_mac", "").lower() or None
    return Link(tuple(map(nic.parse, cards)), data.get("vlan"), data.get("mtu"), cloned)


def is_card(link: Link) -> bool:
    """Whether the network has a card for itself, which then bears the network's name."""
    return link.vlan is None and not is_bridge(link)


def is_bridge(link: Link) -> bool:
    return len(link.cards) > 1


def key(link: Link) -> str:
    """The key of the profile that names the cards."""
    return "nics" if is_bridge(link) else "mac" if link.cards[0].mac else "nic"


def places(path: Path, link: Link) -> list[tuple[Path, Nic]]:
    """Each card with the place in the profile that names it."""
    where = (*path, key(link))
    return [((*where, index) if is_bridge(link) else where, card) for index, card in enumerate(link.cards)]


def check(networks: Iterable[tuple[Path, Link]]) -> list[Problem]:
    """Cards and MAC addresses that can exist; whoever shares a card can be told apart by VLAN."""
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
    """taken: every MAC address of the profile with its place."""
    place, mac = (*path, "cloned_mac"), link.cloned_mac
    if wrong := nic.check_mac(place, mac):
        return wrong
    if others := [where for other, where in taken if other == mac and where[: len(path)] != path]:
        message = f"{mac} is also {dotted(others[0])}: two cards with one address disturb each other"
        return [Problem(place, message, "give each its own")]
    return []


def _check_card(place: Path, path: Path, card: Nic, link: Link, users: list[tuple[Path, Link]]) -> list[Problem]:
    """users: who has the card already."""
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
    """A VLAN's packets pass through the card, whose MTU is that of the untagged network on it."""
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
