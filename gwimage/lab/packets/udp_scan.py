"""UDP scan of many ports at once, with a valid request for each well-known port. Knows no profile.

UDP has no handshake: a server that does not understand stays silent, and looks closed. A closed port of a host
without a firewall is refused by its kernel (ICMP port unreachable, RFC 1122 4.1.3.1), so a refusal says that the
packet was let in.
"""

import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from gwimage.lab.netns import inside
from gwimage.lab.packets import dns
from gwimage.lab.packets.ipv4 import CHUNK, Mute

OPEN, REFUSED, SILENT = "open", "refused", "silent"
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # ip(7), ipv6(7); Python has no name for them
SWEEP = b"gwim"  # payload of a sweep, by which captures leave it out
Address = IPv4Address | IPv6Address
_SNMP = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
_NBSTAT = b"\0\1\0\0\0\1\0\0\0\0\0\0 CK" + b"A" * 30 + b"\0\0\x21\0\1"
_PORTMAP = struct.pack("!10I", 7, 0, 2, 100000, 2, 0, 0, 0, 0, 0)
_RIP = b"\1\2\0\0" + bytes(19) + b"\x10"
_IKE = bytes(range(1, 9)) + bytes(8) + b"\1\x10\2\0" + bytes(4) + struct.pack("!I", 28)
_SSDP = b'M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
_SIP = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK1\r\nMax-Forwards: 1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
_RADIUS = b"\1\1\0\x14" + bytes(16)
_L2TP = b"\xc8\2\0\x14" + bytes(8) + b"\x80\x08" + bytes(4) + b"\0\1"
_DISCOVER = b"\1\1\6\0" + bytes(24) + b"\2\0\0\0\0\1" + bytes(202) + b"\x63\x82\x53\x63\x35\1\1\xff"
_NAME = dns.question("localhost", 7)  # a resolver answers it without upstream (RFC 6761)

# Port: (usual service, request). Services wanted on a gateway; left open to the world by other gateways; that amplify
# attacks (CISA TA14-017A); that discover neighbours and open ports by themselves.
USUAL: dict[int, tuple[str, bytes]] = {
    7: ("echo", b"who?"),
    19: ("character generator", b"who?"),
    53: ("DNS", _NAME),
    67: ("DHCP server", _DISCOVER),
    68: ("DHCP client", _DISCOVER),
    69: ("TFTP", b"\0\1x\0octet\0"),
    111: ("portmapper", _PORTMAP),
    123: ("NTP", b"\x23" + bytes(47)),
    137: ("NetBIOS names", _NBSTAT),
    138: ("NetBIOS datagrams", b"who?"),
    161: ("SNMP", _SNMP),
    162: ("SNMP traps", _SNMP),
    389: ("LDAP without connections", b"who?"),
    500: ("IKE", _IKE),
    514: ("syslog", b"<13>gwimage asks"),
    520: ("RIP", _RIP),
    521: ("RIP next generation", b"who?"),
    546: ("DHCPv6 client", b"who?"),
    547: ("DHCPv6 server", b"who?"),
    623: ("IPMI", b"\6\0\xff\6\0\0\x11\xbe\x80\0\0\0"),
    631: ("printers", b"who?"),
    1194: ("OpenVPN", b"\x38" + bytes(13)),
    1645: ("RADIUS, old", _RADIUS),
    1701: ("L2TP", _L2TP),
    1812: ("RADIUS", _RADIUS),
    1813: ("RADIUS accounting", _RADIUS),
    1900: ("UPnP", _SSDP),
    2049: ("NFS", _PORTMAP),
    3478: ("STUN", b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)),
    3702: ("web services discovery", b"who?"),
    4500: ("IKE behind NAT", bytes(4) + _IKE),
    4789: ("VXLAN", b"\x08" + bytes(7)),
    5060: ("SIP", _SIP),
    5351: ("NAT-PMP and PCP", b"\0\0"),
    5353: ("multicast DNS", _NAME),
    5355: ("LLMNR", _NAME),
    5683: ("CoAP", b"\x40\1\0\1"),
    6081: ("GENEVE", bytes(8)),
    10001: ("Ubiquiti discovery", b"\1\0\0\0"),
    11211: ("memcached", b"\0\0\0\0\0\1\0\0stats\r\n"),
    33434: ("traceroute", b"who?"),
    51820: ("WireGuard", b"\1\0\0\0" + bytes(144)),
}


def ask(
    name: str,
    target: Address,
    ports: Iterable[int],
    await_: Collection[int] = (),
    tries: int = 2,
    wait: float = 0.7,
    link: str = "",
) -> dict[int, str]:
    """OPEN or REFUSED for each port that answers so, or the name of another error; the others stayed silent.

    All are asked in parallel; those of `await_` should answer, and have more retries. link: of a link-local address.
    """
    found: dict[int, str] = {}
    with inside(name):
        for attempt in range(tries + 3 * bool(await_)):
            left = [port for port in ports if port not in found and (attempt < tries or port in await_)]
            found |= _round(_at(target, link), left, wait) if left else {}
    return found


def sweep(name: str, target: Address, ports: Iterable[int], there: Callable[[], object], link: str = "") -> dict[int, str]:
    """Sends one datagram to each of many ports; REFUSED for those that the target's kernel refuses.

    It refuses few, since it limits the rate (icmp(7)), but counts all that it let in (Udp NoPorts).
    there: asks the target for a sign of life; as in a TCP scan its answer every few packets proves that they were not
    lost on the way. link: of a link-local address.
    """
    found: dict[int, str] = {}
    with inside(name):
        at = _at(target, link)
        asked = _socket(at)
    with asked:
        for number, port in enumerate(ports, 1):
            for _ in range(2):  # send() reports an earlier error first
                with suppress(OSError):
                    asked.sendto(SWEEP, (at[0], port, *at[2:]))
                    break
            if number % CHUNK == 0 and not there():
                raise Mute(f"{target} is no longer there in the middle of the sweep")
        there()
        with suppress(BlockingIOError):
            while True:
                _, told, _, (_, port, *_) = asked.recvmsg(1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
                if struct.unpack("@I", told[0][2][:4])[0] == errno.ECONNREFUSED:  # sock_extended_err, ip(7)
                    found[port] = REFUSED
    return found


def _at(target: Address, link: str) -> tuple:
    """Socket address of the target, with port 0. Inside the namespace only: link numbers differ elsewhere."""
    return (str(target), 0, 0, socket.if_nametoindex(link) if link else 0) if target.version == 6 else (str(target), 0)


def _socket(at: tuple) -> socket.socket:
    """A UDP socket that receives ICMP errors."""
    family, level, option = (
        (socket.AF_INET6, socket.IPPROTO_IPV6, _IPV6_RECVERR) if at[2:] else (socket.AF_INET, socket.IPPROTO_IP, _IP_RECVERR)
    )
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setsockopt(level, option, 1)
    return made


def _round(at: tuple, ports: list[int], wait: float) -> dict[int, str]:
    """Asks each port from its own socket, so that an answer from any address belongs to that port."""
    found: dict[int, str] = {}
    with selectors.DefaultSelector() as ready:
        try:
            for port in ports:
                link = _socket(at)
                ready.register(link, selectors.EVENT_READ, port)
                link.setblocking(False)
                try:
                    link.sendto(USUAL.get(port, ("", b"who?"))[1], (at[0], port, *at[2:]))
                except OSError as error:  # no route
                    found[port] = errno.errorcode.get(error.errno or 0, str(error))
            deadline = time.monotonic() + wait
            while len(found) < len(ports) and (left := deadline - time.monotonic()) > 0:
                for key, _ in ready.select(left):
                    found.setdefault(key.data, _answer(key.fileobj))
                    ready.unregister(key.fileobj)
                    key.fileobj.close()
        finally:
            for key in list(ready.get_map().values()):
                key.fileobj.close()
    return found


def _answer(link: socket.socket) -> str:
    try:
        link.recv(1500)
    except OSError:  # port, host or network unreachable, or prohibited
        return REFUSED
    return OPEN
