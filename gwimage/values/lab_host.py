"""Hosts of the lab: a role on a network. Claims name them, the lab runs them as namespaces."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    ISP = "isp"  # on every WAN, and every host of the internet
    ATTACKER = "attacker"  # outside, a neighbour on one WAN
    CLIENT = "client"  # on a LAN
    SERVER = "server"  # on a LAN, with any address that a claim names
    PEER = "peer"  # at the other end of a tunnel


class LabHost(NamedTuple):
    """A host. network: its WAN, LAN or VPN, none for the ISP; peer: which of the VPN's."""

    role: Role
    network: str = ""
    peer: str = ""

    @property
    def name(self) -> str:
        """Name of its namespace, unique: no name in a profile has a dot."""
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
