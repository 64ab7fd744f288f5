"""Packet capture on all segments during verification, and extraction of the packets of one claim.

Only the captures of failed claims are kept; the full one is removed with the lab's folder.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gwimage.claims import claim_firewall
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import inside
from gwimage.lab.packets import pcapng, throughput, udp_scan
from gwimage.lab.packets.ipv4 import SCAN
from gwimage.lab.packets.pcapng import Frame
from gwimage.lab.packets.recorder import SNAP
from gwimage.problem import ToolError
from gwimage.values.lab_host import LabHost
from gwimage.verify import probes

Window = tuple[float, float]  # seconds since the epoch
MOST = 2000  # packets of one claim that are kept
RESETS = 10
TOLD = 40  # packets printed as text
_TIMESTAMP = 35  # SO_TIMESTAMPNS, socket(7)
_ATTACH_FILTER, _PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 26, 263, 1, 1  # socket(7), packet(7)
_ALL = 0x0003  # ETH_P_ALL
_EVERYTHING, _NOTHING = 1 << 18, 0  # bytes
_SWEEP = int.from_bytes(udp_scan.SWEEP, "big")
# Classic BPF: drops the probes of port scans (hundreds of thousands) and throughput loads; keeps the answers to scans.
_FILTER = (
    (0x28, 0, 0, 12),
    (0x15, 0, 13, 0x0800),  # IPv4, otherwise try IPv6
    (0x30, 0, 0, 23),
    (0x15, 0, 8, socket.IPPROTO_TCP),
    (0x28, 0, 0, 34),
    (0x15, 20, 0, throughput.PORT),
    (0x28, 0, 0, 36),
    (0x15, 18, 0, throughput.PORT),
    (0x20, 0, 0, 38),
    (0x15, 0, 15, SCAN),  # the sequence number
    (0x30, 0, 0, 47),
    (0x15, 14, 13, 2),  # a SYN alone
    (0x15, 0, 12, socket.IPPROTO_UDP),
    (0x20, 0, 0, 42),
    (0x15, 11, 10, _SWEEP),
    (0x15, 0, 9, 0x86DD),  # IPv6, otherwise keep everything
    (0x30, 0, 0, 20),
    (0x15, 0, 4, socket.IPPROTO_TCP),
    (0x20, 0, 0, 58),
    (0x15, 0, 5, SCAN),
    (0x30, 0, 0, 67),
    (0x15, 4, 3, 2),
    (0x15, 0, 2, socket.IPPROTO_UDP),
    (0x20, 0, 0, 62),
    (0x15, 1, 0, _SWEEP),
    (0x06, 0, 0, _EVERYTHING),
    (0x06, 0, 0, _NOTHING),
)


@dataclass(frozen=True)
class Capture:
    """A running capture."""

    file: Path
    sniffer: subprocess.Popen[bytes]

    def end(self) -> list[Frame]:
        """Stops the capture; returns all packets in time order."""
        self.sniffer.stdin.close()
        if status := self.sniffer.wait():
            raise ToolError(self.sniffer.args, status, self.file.with_suffix(".err").read_text(errors="replace"))
        return sorted(pcapng.read(self.file.read_bytes()), key=lambda packet: packet.time)


def start(hosts: Hosts) -> Capture:
    """Starts a capture; complete from the return on, since the sockets are open before the process reads them."""
    sockets = {bridge: _listen(bridge) for bridge, _ in _bridges(hosts)}
    pairs = [f"{sockets[bridge].fileno()}={name}" for bridge, name in _bridges(hosts)]
    file = hosts.dir / "wire"  # no .pcapng or .log suffix: it is not to be kept
    argv = [sys.executable, "-m", "gwimage.lab.packets.recorder", str(file), *pairs]
    with file.with_suffix(".err").open("wb") as log:
        handed = [one.fileno() for one in sockets.values()]
        sniffer = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=handed)
    for one in sockets.values():
        one.close()
    return Capture(file, sniffer)


def keep(packets: Sequence[Frame], name: str, folder: Path) -> str:
    """Writes a claim's packets below the folder; returns the file's name, empty without packets.

    Keeps only the first few resets: those of a scan would bury the answers of open ports.
    """
    if not packets:
        return ""
    resets = [packet for packet in packets if _is_reset(packet.frame)]
    spared = set(map(id, resets[RESETS:]))
    packets = [packet for packet in packets if id(packet) not in spared]
    file = re.sub(r"[^\w.-]", "_", name) + ".pcapng"
    (folder / file).write_bytes(pcapng.write(packets[:MOST], SNAP))
    return file


def of(
    probe: NamedTuple | None, windows: Sequence[Window], packets: Iterable[Frame], outside: Sequence[str] = ()
) -> list[Frame]:
    """Packets of a claim probed in these windows; of a TCP scan only the answers, if there are any.

    outside: the WANs, if claims were probed concurrently.
    """
    networks = _networks(probe, outside)
    marks = probes.of(probe).marks(probe) if probe is not None else ()
    found = [
        packet
        for packet in packets
        if any(first <= packet.time <= last for first, last in windows)
        and (not networks or packet.network.partition(" ")[0] in networks)
        and (not marks or any(mark in packet.frame for mark in marks))
    ]
    answers = (
        [packet for packet in found if _answers_scan(packet.frame)] if isinstance(probe, claim_firewall.GatewayClosed) else []
    )
    return answers or found


def told(file: Path) -> tuple[str, ...]:
    """The first packets as tcpdump prints them: seconds since the first packet, network, packet."""
    packets = list(pcapng.read(file.read_bytes()))
    argv = ["tcpdump", "-n", "-tt", "-c", str(TOLD), "-r", "-"]  # stdin: tcpdump drops to a user that may not read our folder
    done = subprocess.run(argv, input=pcapng.write(packets[:TOLD], SNAP), capture_output=True)
    if done.returncode:
        raise ToolError(argv, done.returncode, done.stderr.decode(errors="replace"))
    texts = re.split(r"(?m)^\d+\.\d{6} ", done.stdout.decode(errors="replace"))[1:]
    width = max(len(packet.network) for packet in packets)
    lines = [
        f"{packet.time - packets[0].time:9.3f}  {packet.network:{width}}  {' '.join(text.split())}"
        for packet, text in zip(packets, texts)
    ]
    return (*lines, f"and {len(packets) - TOLD} more") if len(packets) > TOLD else tuple(lines)


def _networks(probe: NamedTuple | None, outside: Sequence[str]) -> set[str]:
    """Networks of a claim's packets; empty: all. A probe that names no WAN may use any of them."""
    if probe is not None and probes.of(probe).own_networks:
        return set(_names(probe))
    named = set(_names(probe)) if probe and outside else set()
    return named | set(outside) if named.isdisjoint(outside) else named


def _names(probe: NamedTuple) -> Iterator[str]:
    """Possible network names in a probe: its strings, and the networks of its hosts."""
    for value in probe:
        if isinstance(value, LabHost):
            yield value.network
        elif isinstance(value, str):
            yield value


def _answers_scan(frame: bytes) -> bool:
    """Whether the frame acknowledges the sequence number that all probes of a scan share."""
    return frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_TCP and frame[42:46] == (SCAN + 1).to_bytes(4, "big")


def _is_reset(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_TCP and any(flags & 0x04 for flags in frame[47:48])


def _bridges(hosts: Hosts) -> Iterator[tuple[str, str]]:
    """Bridge and name of each segment: the network's name, numbered from its second card on."""
    for wan in hosts.topology.wans:
        yield wan.segment.bridge, wan.name
    for lan in hosts.topology.lans:
        for number, segment in enumerate(lan.segments, 1):
            yield segment.bridge, lan.name if number == 1 else f"{lan.name} card {number}"


def _listen(bridge: str) -> socket.socket:
    """Opens a promiscuous socket on a bridge, which shows each frame once, on ingress."""
    with inside("hv"):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        number = socket.if_nametoindex(bridge)
    attach(wire)
    wire.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    wire.setsockopt(_PACKET, _ADD_MEMBERSHIP, struct.pack("@iHH8x", number, _PROMISCUOUS, 0))
    wire.bind((bridge, _ALL))
    return wire


def attach(wire: socket.socket) -> None:
    """Attaches the capture filter to the socket."""
    program = b"".join(struct.pack("@HBBI", *line) for line in _FILTER)
    held = ctypes.create_string_buffer(program)
    wire.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(_FILTER), ctypes.addressof(held)))
