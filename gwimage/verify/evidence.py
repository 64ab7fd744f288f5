"""Packets of a failed claim, and the queries that its advice runs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from gwimage.lab.hosts import Hosts
from gwimage.lab.packets import dhcp_client
from gwimage.lab.packets.pcapng import Frame
from gwimage.lab.topology import WanSide

DISCOVER, OFFER, ACK = 1, 2, 5
_SYN_ACK, _RST = 0x12, 0x04


@dataclass(frozen=True)
class Wire:
    """Packets captured for a claim, and the lab hosts that exchanged them."""

    packets: Sequence[Frame]
    hosts: Hosts

    def on(self, network: str) -> list[bytes]:
        return [packet.frame for packet in self.packets if packet.network.partition(" ")[0] == network]

    def spoke(self, network: str) -> bool:
        """Whether the gateway sent anything there: matched by MAC address on a WAN, by IP address on a LAN."""
        if wan := self._wan(network):
            return any(frame[6:12].hex(":") == wan.mac for frame in self.on(network))
        own = {address.ip.packed for address in self.hosts.lan(network).gateways}
        return any(frame[28:32] in own if frame[12:14] == b"\x08\x06" else frame[26:30] in own for frame in self.on(network))

    def dhcp(self, network: str, kind: int) -> int:
        return sum(dhcp_client.message(frame) == kind for frame in self.on(network))

    def arrived(self, network: str, port: int) -> bool:
        """Whether the gateway sent a packet for that port to the network."""
        frames = [frame for frame in self.on(network) if _to(frame, port)]
        if wan := self._wan(network):
            return any(frame[6:12].hex(":") == wan.mac for frame in frames)
        lan = self.hosts.lan(network)
        inside = [*(address.network for address in lan.gateways), *lan.routed]
        return any(IPv4Address(frame[30:34]) in net for frame in frames for net in inside)

    def outside(self, port: int) -> bool:
        """Whether a packet for that port left by any WAN."""
        return any(self.arrived(wan.name, port) for wan in self.hosts.topology.wans)

    def came_from(self, wan: WanSide, source: IPv4Address | None, port: int) -> bool:
        """Whether a packet for that port left by the WAN with that source address."""
        frames = [frame for frame in self.on(wan.name) if frame[6:12].hex(":") == wan.mac and _to(frame, port)]
        return any(source and frame[26:30] == source.packed for frame in frames)

    def answering(self, network: str) -> tuple[set[int], set[int]]:
        """TCP ports that answered a SYN: open ones, and those that sent a reset."""
        found = ([], [])
        for frame in self.on(network):
            if frame[12:14] == b"\x08\0" and frame[23] == 6 and len(frame) > 47:
                for kind, ports in zip((_SYN_ACK, _RST), found, strict=True):
                    if frame[47] & kind == kind:
                        ports.append(int.from_bytes(frame[34:36], "big"))
        return set(found[0]), set(found[1])

    def _wan(self, name: str):
        return next((wan for wan in self.hosts.topology.wans if wan.name == name), None)


def _to(frame: bytes, port: int) -> bool:
    """Whether the frame is TCP or UDP to that port; assumes IPv4 without options, as lab hosts send it."""
    return frame[12:14] == b"\x08\0" and frame[23] in (6, 17) and frame[36:38] == port.to_bytes(2, "big")
