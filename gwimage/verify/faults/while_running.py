"""Faults on the WAN of a running gateway: the provider's DHCP is silent, the link is down, addresses change."""

import re
import socket
import time
from contextlib import suppress
from ipaddress import IPv4Address

from gwimage.claims import claim_nat
from gwimage.lab.hosts import PORT
from gwimage.lab.hosts.echo_servers import listen
from gwimage.lab.netns import inside, ip
from gwimage.lab.topology import IspLeases
from gwimage.values.lab_host import ISP
from gwimage.verify.faults.checks import ask, closed, lan_serves, leases, no_wan, traffic
from gwimage.verify.faults.fault import Fault, Scene
from gwimage.verify.probes.view import Answer

_SETTLE = 3  # seconds without a DHCPREQUEST after which an offer counts as refused
# RFC 2131 4.4.5: T1 and T2, when the client renews and rebinds (seconds); dnsmasq's shortest lease is two minutes
_TIMES = ("--dhcp-option=58,10", "--dhcp-option=59,20")


def _silence(scene: Scene) -> None:
    """Stops the provider's DHCP server and deletes its leases, so that only leases given from now on count."""
    scene.hosts.stop_isp()
    (scene.hosts.dir / "isp.leases").unlink(missing_ok=True)


def _speak(scene: Scene) -> None:
    wan = scene.wan
    _give(scene, f"{wan.ipv4.first},{wan.ipv4.last},{wan.isp.netmask},2m")


def _give(scene: Scene, own: str) -> None:
    """Restarts the provider's DHCP server with this range (dnsmasq syntax) on the WAN; the other WANs keep theirs."""
    others = [wan for wan in scene.hosts.topology.wans if isinstance(wan.ipv4, IspLeases) and wan != scene.wan]
    scene.hosts.start_isp([own, *(f"{wan.ipv4.first},{wan.ipv4.last},{wan.isp.netmask},2m" for wan in others)], _TIMES)


def _unplug(scene: Scene) -> None:
    scene.unplugged = True
    scene.gateway.plug(scene.hosts.topology.card_of(scene.wan.segment).slot, False)


def _plug(scene: Scene) -> None:
    scene.gateway.plug(scene.hosts.topology.card_of(scene.wan.segment).slot, True)
    scene.unplugged = False


def _renumber(scene: Scene) -> None:
    """Starts a UDP conversation, then restarts the provider's DHCP with another range of its subnet."""
    lan, wan = scene.lans[0], scene.wan
    outside = scene.hosts.topology.outside
    listen(ISP.name, "udp", outside, PORT)
    with inside(lan.client.name):
        scene.notes["conversation"] = talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    talk.connect((str(outside), PORT))
    scene.notes["heard"] = _converse(scene)
    scene.notes["address"] = scene.hosts.given(wan)
    _silence(scene)
    first = wan.ipv4.last + 1
    _give(scene, f"{first},{first + 9},{wan.isp.netmask},2m")


def _converse(scene: Scene) -> str:
    """Source address that the outside server sees for the conversation, or "nobody"."""
    talk = scene.notes["conversation"]
    talk.settimeout(1)
    with suppress(OSError):
        talk.send(b"?")
        return talk.recv(100).decode(errors="replace")
    return "nobody"


def _renumbered(scene: Scene) -> Answer:
    """Checks that the WAN has a new address, and that a masqueraded conversation under way continues from it."""
    old, new = scene.notes["address"], scene.hosts.given(scene.wan)
    heard = _converse(scene)
    masked = any(isinstance(one.probe, claim_nat.SourceAddress) and one.probe.masquerade for one in scene.claims)
    if new in (None, old):
        return Answer(False, f"the address is still {old}")
    if masked and (scene.notes["heard"], heard) != (str(old), str(new)):
        return Answer(False, f"a conversation heard from {scene.notes['heard']} goes on from {heard}, not {new}")
    return Answer(True, f"{old} became {new}")


def _forwards(scene: Scene) -> Answer:
    for one in scene.claims:
        if (
            isinstance(one.probe, claim_nat.Forwarded)
            and one.probe.wan == scene.wan.name
            and not (found := ask(scene, one.probe)).good
        ):
            return Answer(False, found.seen)
    return Answer(True, "forwards follow")


def _collide(scene: Scene) -> None:
    """Makes the provider's subnet equal to the LAN's, as behind a home router; its router has a LAN client's address."""
    lan, wan = scene.lans[0], scene.wan
    router = scene.notes["router"] = f"{scene.hosts.client_address(lan)}/{lan.gateway.network.prefixlen}"
    ip(ISP.name, [f"addr add {router} dev {wan.name} noprefixroute", f"addr del {wan.isp} dev {wan.name}"])
    free = next(host for host in lan.gateway.network.hosts() if host not in (lan.gateway.ip, scene.hosts.client_address(lan)))
    _unplug(scene)
    _silence(scene)
    _give(scene, f"{free},{free},{lan.gateway.netmask},2m")
    _plug(scene)


def _undo_collision(scene: Scene) -> None:
    wan = scene.wan
    ip(ISP.name, [f"addr add {wan.isp} dev {wan.name}", f"addr del {scene.notes['router']} dev {wan.name}"])
    _silence(scene)
    _speak(scene)


def _refused(scene: Scene) -> Answer:
    """Checks that an address of the LAN's subnet was offered, and not taken within _SETTLE seconds."""
    offered = re.findall(r"DHCPOFFER\(\S+\) (\S+)", (scene.hosts.dir / "isp.log").read_text())
    net = scene.lans[0].gateway.network
    given = scene.hosts.given(scene.wan)
    ours = [one for one in offered if IPv4Address(one) in net]
    if given and given in net:
        return Answer(False, f"{given} was taken")
    if not ours:
        return Answer(False, "nothing was offered")
    since = time.monotonic() - scene.notes.setdefault("offered", time.monotonic())
    return Answer(since > _SETTLE, f"{ours[-1]} refused")


FAULTS = (
    Fault(
        "isp-silent",
        "without a DHCP server outside the LANs do not wait; once it answers, traffic flows",
        before_boot=_silence,
        shared=True,
        dhcp=True,
        during=(leases, lan_serves, no_wan),
        seconds=120,
        end=_speak,
        after=(traffic, closed),
    ),
    Fault(
        "wan-cable",
        "the WAN's cable comes out: the LANs go on; back in: traffic flows again",
        begin=_unplug,
        during=(lan_serves, no_wan),
        said=r"{wan}: Lost carrier",
        end=_plug,
        after=(traffic, closed),
        seconds=90,
    ),
    Fault(
        "wan-address",
        "the provider gives another address under load: traffic, conversations and forwards go by the new one",
        dhcp=True,
        begin=_renumber,
        during=(_renumbered, traffic, _forwards, lan_serves, closed),
        seconds=120,
    ),
    Fault(
        "wan-subnet",
        "the provider numbers as a LAN does: its lease is refused, and the LAN goes on",
        dhcp=True,
        begin=_collide,
        during=(_refused, no_wan, lan_serves),
        said=r"no address taken on {wan} from a DHCP server in a subnet of ours",
        end=_undo_collision,
        after=(traffic, closed),
        seconds=180,
    ),
)
