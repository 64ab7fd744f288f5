"""Who sits around the gateway in the lab: claims say by this who asks and who is asked, and the lab plays it."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    ISP = "isp"  # on every WAN, and every host of the internet
    ATTACKER = "attacker"  # outside too, a neighbour on one WAN
    CLIENT = "client"  # on a LAN
    SERVER = "server"  # on a LAN too, with whatever address a claim names
    PEER = "peer"  # at the other end of a tunnel


class LabHost(NamedTuple):
    """network: the WAN, LAN or VPN on which it sits, none for the ISP; peer: which of the VPN's."""

    role: Role
    network: str = ""
    peer: str = ""

    @property
    def name(self) -> str:
        """That of its namespace. No name in a profile has a dot, so no two are the same."""
        place = f"{self.network}.{self.peer}" if self.peer else self.network
        return f"{self.role}-{place}" if place else str(self.role)

    def __str__(self) -> str:
        return self.name


ISP = LabHost(Role.ISP)


def attacker(wan: str) -> LabHost:
    return LabHost(Role.ATTACKER, wan)


def client(lan: str) -> LabHost:
    return LabHost(Role.CLIENT, lan)


def server(lan: str) -> LabHost:
    return LabHost(Role.SERVER, lan)


def peer(vpn: str, name: str) -> LabHost:
    return LabHost(Role.PEER, vpn, name)
