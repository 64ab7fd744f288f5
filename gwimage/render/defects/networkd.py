"""What systemd does that a gateway would suffer from, and how gwimage avoids or refuses it.

docs/defects.md is `python -m gwimage.render.defects`; tests/compiler/test_defects.py holds the evidence for every entry.
"""

from dataclasses import dataclass

SYSTEMD = "https://github.com/systemd/systemd"
HEAD = """\
# Known defects

What systemd does, or did, that a gateway would suffer from, and how gwimage avoids or refuses it. Most are silent: the
files are accepted, and the gateway serves nothing, or the wrong thing. The versions are those with which it was tried
(257 is Debian 13's), not all that may have it. Made by `python -m gwimage.render.defects`; a test shows for every entry that its
answer holds.
"""


@dataclass(frozen=True)
class Defect:
    """affected and fixed: versions of systemd, fixed is empty where it is not; issues: addresses upstream, if any."""

    id: str
    title: str
    affected: str
    fixed: str
    happens: str
    answer: str
    issues: tuple[str, ...] = ()


def _issues(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{SYSTEMD}/issues/{number}" for number in numbers)


NETWORKD = (
    Defect(
        "dhcp-copies-dns-once",
        "DHCP server announces whichever DNS servers were known when it started",
        "257 to 262",
        "",
        "Without DNS= in [DHCPServer] the server copies the uplink's DNS servers once, usually before the WAN is up: clients get"
        " none, or those of the moment. NTP, SIP and the time zone are copied the same way; an UplinkInterface= that is not"
        " there keeps the server silent.",
        "DNS= is always written, the others are switched off, and UplinkInterface=:none.",
        _issues(14888, 14907, 9347),
    ),
    Defect(
        "dhcp-pool-beyond-subnet",
        "DHCP server offers other people's addresses",
        "257",
        "262",
        "A PoolOffset= beyond the subnet is accepted, and the server offers addresses outside of it.",
        "A pool that is not inside the subnet is refused.",
        _issues(43389),
    ),
    Defect(
        "dhcp-pool-fails-the-link",
        "a pool that does not fit takes the whole network down",
        "257 to 262",
        "",
        "A pool that is too large, or begins at the network address, fails an assertion when the file is applied: the link"
        " fails five times and stays down. One that holds only the gateway's own address offers nothing, in silence.",
        "Pools with the network's, the broadcast's or the gateway's address are refused.",
    ),
    Defect(
        "dhcp-network-address",
        "10.0.0.0/24 as the gateway's address takes the whole network down",
        "257 to 262",
        "",
        "The network or broadcast address as the server's own is accepted, then fails an assertion: the link stays down.",
        "Such an address is refused, with the nearest right one.",
    ),
    Defect(
        "address-zero",
        "0.0.0.0/24 becomes a random subnet",
        "257 to 262",
        "",
        "networkd draws a free private subnet at random.",
        "0.0.0.0 is refused, as are loopback, link-local, multicast and reserved addresses.",
    ),
    Defect(
        "dhcp-lease-time-cut",
        "longer lease times are cut in silence",
        "257 to 262",
        "",
        "A DefaultLeaseTimeSec= above MaxLeaseTimeSec= (12 hours unless written) becomes the maximum.",
        "Both are always written.",
    ),
    Defect(
        "dhcp-reservation-outside",
        "reservations of another subnet are ignored",
        "257 to 262",
        "",
        "A reservation outside the subnet, or of the gateway's own address, is accepted: its machine gets one from the pool.",
        "Both are refused.",
    ),
    Defect(
        "dhcp-reservation-twice",
        "a machine that is reserved twice takes the whole network down",
        "257 to 262",
        "",
        "Two reservations of one MAC address, or of one address: `Failed to set DHCPv4 static lease for DHCP server: File"
        " exists`, and the link fails.",
        "Both are refused.",
    ),
    Defect(
        "dhcp-reservation-mute",
        "no answer to a machine that has another lease when it is reserved an address",
        "257",
        "262",
        "The server is silent for this machine until that lease ends. Since leases outlive a new image, a new reservation may"
        " take as long as a lease to come into force.",
        "Before networkd starts, usr/lib/gwimage/leases gives such a lease to a client that does not exist: the machine gets its"
        " reservation at once, and nobody the address that it may still use. An address that another machine has is not given"
        " away: that reservation waits until its lease ends, an hour unless the profile says otherwise.",
        _issues(39372, 40474, 35781),
    ),
    Defect(
        "dhcp-answer-full",
        "DHCP server answers nobody when it has much to tell",
        "257",
        "",
        "Options that do not fit into an answer of 576 bytes: `Could not send offer: No buffer space available`, for every"
        " client. A text of more than 255 bytes in SendOption= ends networkd by an assertion, again after each start.",
        "What clients are told is measured, and refused if it is too much.",
    ),
    Defect(
        "dhcp-no-domain",
        "DHCP server knows no domain",
        "257",
        "259",
        "There is no key for it: Domain= is unknown in [DHCPServer].",
        "SendOption= writes options 15 and 119.",
        _issues(37077),
    ),
    Defect(
        "dhcp-without-storage",
        "DHCP server never answers without its storage",
        "256 to 262",
        "",
        "Until systemd-networkd-persistent-storage.service has succeeded the DHCP server is silent, and logs nothing.",
        "/var/lib/systemd/network is on the state volume from the beginning, and systemd-networkd is told so by its environment.",
    ),
    Defect(
        "masquerade-overlap",
        "overlapping subnets take a network down",
        "257 to 262",
        "",
        "Masquerade for two prefixes that overlap: `Could not enable IP masquerading: File exists`, and the link fails.",
        "Overlapping subnets are refused, on one network and on two.",
    ),
    Defect(
        "masquerade-everywhere",
        "masquerade between networks inside",
        "257",
        "",
        "networkd's rule has no output interface: traffic from a LAN to another LAN or a VPN is hidden behind the gateway too.",
        "An identity mapping before networkd's chain exempts what does not leave by a WAN.",
    ),
    Defect(
        "masquerade-not-routed",
        "networks behind another router are not masqueraded",
        "257",
        "",
        "networkd masquerades the subnets of a link's own addresses, not those that are routed through it.",
        "Routed networks behind a masqueraded LAN get a rule of their own.",
        _issues(8040),
    ),
    Defect(
        "flush-ruleset",
        "`flush ruleset` ends masquerade until networkd is restarted",
        "257 to 262",
        "",
        "Flushing nftables, as Debian's nftables.service does, deletes networkd's NAT; a reload does not bring it back.",
        "gwimage replaces only its own table, by a unit of its own; nftables.service is masked.",
        ("https://github.com/NixOS/nixpkgs/issues/286584",),
    ),
    Defect(
        "ipforward-ignored",
        "IPForward= forwards nothing",
        "256 and later",
        "",
        "The key of all older instructions is ignored with a warning; the per-link keys alone forward nothing or half.",
        "Forwarding is set in networkd.conf, where it works, and nowhere else.",
        _issues(31423, 34010, 33414),
    ),
    Defect(
        "sysctl-against-networkd",
        "sysctl.d switches forwarding off again",
        "256 and later",
        "",
        "Whichever of sysctl.d and networkd runs last wins.",
        "The image sets no forwarding by sysctl.",
        ("https://github.com/NixOS/nixpkgs/pull/509648",),
    ),
    Defect(
        "ra-from-clients",
        "a client on a LAN may route the gateway's IPv6",
        "257",
        "",
        "IPv6AcceptRA= is on by default wherever IPv6 forwarding is off: any machine on a LAN can give the gateway addresses"
        " and a default route.",
        "It is written for every link, and off for LANs.",
        _issues(37029),
    ),
    Defect(
        "ipv6-forwarding-drops-ra",
        "the WAN loses IPv6 when the gateway forwards it",
        "257",
        "",
        "With IPv6 forwarding on anywhere, or IPMasquerade=both, router advertisements are not accepted by default any more.",
        "IPv6AcceptRA=yes is written for WANs that have IPv6 by it; IPv6 is never masqueraded.",
        _issues(37029, 39304, 40322),
    ),
    Defect(
        "ipv6-forwarding-per-link",
        "IPv6Forwarding= and IPv6SendRA= of a link forward nothing",
        "257 to 262",
        "",
        "They set a switch of the link that the kernel does not ask.",
        "IPv6Forwarding=yes is written to networkd.conf, if and only if a LAN has IPv6.",
        _issues(33414, 40666),
    ),
    Defect(
        "wireguard-key-readable",
        "a WireGuard key in a .netdev file is for everyone to read",
        "257",
        "",
        "networkd takes a key from a world-readable file, with a warning only.",
        "Keys are credentials of their own, readable by root alone; the .netdev names them.",
    ),
    Defect(
        "carrier-loss",
        "a network without a live machine is not there",
        "257",
        "",
        "When the last carrier goes (or a bridge has no live port yet) networkd removes address, NAT and DHCP server.",
        "ConfigureWithoutCarrier=yes on every LAN.",
        _issues(6645, 9252, 32831),
    ),
    Defect(
        "bridge-spanning-tree",
        "30 seconds without DHCP on a bridge",
        "257",
        "",
        "The kernel's spanning tree keeps each new port silent while it listens and learns.",
        "STP=no on bridges of cards.",
    ),
    Defect(
        "wait-online",
        "the boot waits for links that need not be there",
        "257",
        "",
        "systemd-networkd-wait-online waits two minutes for a LAN without carrier or a WAN without a lease.",
        "RequiredForOnline=no on every link, and the service is masked.",
        _issues(33702, 29388),
    ),
    Defect(
        "wan-numbers-as-we-do",
        "a router outside takes addresses of the LAN",
        "257",
        "",
        "A lease on the WAN inside a LAN's subnet is taken: routes to the provider's router and DNS servers make hosts on the LAN"
        " with these addresses unreachable, and what is for them leaves by the WAN. DenyList= refuses such a DHCP server, but"
        " says so in debug messages alone.",
        "DenyList= has the LANs' subnets, and a rule of the firewall writes to the console that no address was taken, and why.",
    ),
    Defect(
        "dhcp-leases-unsynced",
        "a power cut leaves an empty file of leases",
        "257",
        "",
        "The DHCP server renames its new file of leases before its content is on the disk: on ext4 as it is usually mounted"
        " the first one is empty after a power cut within half a minute, and leases of the last seconds are lost.",
        "The state volume is mounted with dirsync and nodelalloc: a file that has its name is whole, and on the disk.",
    ),
    Defect(
        "names-of-the-kernel",
        "renaming a card to eth0 is a race",
        "every version",
        "",
        "Names that the kernel or udev may give at the same moment fail with `File exists`.",
        "Such names of networks are refused.",
        _issues(16665, 29073),
    ),
)
RESOLVED = (
    Defect(
        "resolved-no-fallback",
        "no DNS when the WAN's lease brings none",
        "Debian's 257",
        "",
        "Debian compiles no fallback servers in.",
        "FallbackDNS= is written unless dns.upstreams names servers.",
    ),
    Defect(
        "resolved-llmnr",
        "single names take seconds to fail",
        "257",
        "",
        "With LLMNR on, a client's query for an unknown single name takes 3.7 s, a reverse lookup times out.",
        "LLMNR=no and MulticastDNS=no, globally and on each link.",
    ),
    Defect(
        "resolved-own-name",
        "the gateway's name leads clients to its address outside",
        "257",
        "",
        "For its own host name resolved gives all addresses of the machine, the WAN's included.",
        "/etc/hosts names the addresses inside only.",
    ),
    Defect(
        "resolved-loop",
        "resolved asks itself",
        "257",
        "partly",
        "A plain /etc/resolv.conf that names the address on which resolved serves the LAN makes it its own upstream.",
        "/etc/resolv.conf is the link to the stub.",
        _issues(17413, 20555, 17773),
    ),
)
ALL = (*NETWORKD, *RESOLVED)


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + _chapter("systemd-networkd", NETWORKD) + _chapter("systemd-resolved", RESOLVED)


def _chapter(title: str, defects: tuple[Defect, ...]) -> str:
    return f"\n## {title}\n" + "".join(map(_entry, defects))


def _entry(defect: Defect) -> str:
    links = ", ".join(
        f"[{address.split('/', 3)[3].replace('/issues/', '#').replace('/pull/', '#')}]({address})" for address in defect.issues
    )
    versions = f"systemd: {defect.affected}" + (
        f"; fixed {'in ' if defect.fixed[0].isdigit() else ''}{defect.fixed}" if defect.fixed else ""
    )
    where = f"{versions}; {links}" if links else versions
    return f"\n### `{defect.id}`: {defect.title}\n\n{where}\n\n{defect.happens}\n\n**Here:** {defect.answer}\n"


if __name__ == "__main__":
    print(page(), end="")
