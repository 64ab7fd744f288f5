"""The defects of systemd-networkd, in the order of the page."""

from gwimage.render.defects.defect import Defect, issues

DEFECTS = (
    Defect(
        "dhcp-copies-dns-once",
        "DHCP server announces whichever DNS servers were known when it started",
        "257 to 262",
        "",
        "Without DNS= in [DHCPServer] the server copies the uplink's DNS servers once, usually before the WAN is up: clients get"
        " none, or those of the moment. NTP, SIP and the time zone are copied the same way; an UplinkInterface= that is not"
        " there keeps the server silent.",
        "DNS= is always written, the others are switched off, and UplinkInterface=:none.",
        issues(14888, 14907, 9347),
    ),
    Defect(
        "dhcp-pool-beyond-subnet",
        "DHCP server offers other people's addresses",
        "257",
        "262",
        "A PoolOffset= beyond the subnet is accepted, and the server offers addresses outside of it.",
        "A pool that is not inside the subnet is refused.",
        issues(43389),
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
        issues(39372, 40474),
    ),
    Defect(
        "dhcp-reservation-client-id",
        "no answer to a reserved machine that changes its client identifier",
        "257",
        "262",
        "Leases are kept by client identifier: a machine that comes with another one (network boot, then the system; two systems;"
        " a new installation; a copy of another machine's system) finds its reserved address leased, though to itself, and is not"
        " answered until that lease ends, over restarts too. A client without a reservation gets another address, as with every"
        " server.",
        "gwimage-reservations.service (usr/lib/gwimage/reservations) ends each lease of a reserved address as soon as it is given,"
        " by a DHCPRELEASE to the server itself: a reservation needs none, since nobody else is offered its address and it can be"
        " renewed. So `networkctl status` does not list it. Without room on the state volume, where the leases are read, the defect is"
        " back. Two machines with one identifier, of which only one is reserved, still disturb each other.",
        issues(35781, 40474),
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
        issues(37077),
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
        issues(8040),
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
        issues(31423, 34010, 33414),
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
        issues(37029),
    ),
    Defect(
        "ipv6-prefix-too-small",
        "all LANs but one stay without IPv6",
        "257",
        "",
        "networkd does not ask for the prefix that its networks need: many providers then delegate a /64, which is enough for the LAN"
        " with subnet 0 alone.",
        "PrefixDelegationHint= asks for a prefix with room for all of them.",
        issues(13547),
    ),
    Defect(
        "ipv6-forwarding-drops-ra",
        "the WAN loses IPv6 when the gateway forwards it",
        "257",
        "",
        "With IPv6 forwarding on anywhere, or IPMasquerade=both, router advertisements are not accepted by default any more.",
        "IPv6AcceptRA=yes is written for WANs that have IPv6 by it; IPv6 is never masqueraded.",
        issues(37029, 39304, 40322),
    ),
    Defect(
        "ipv6-forwarding-per-link",
        "IPv6Forwarding= and IPv6SendRA= of a link forward nothing",
        "257 to 262",
        "",
        "They set a switch of the link that the kernel does not ask.",
        "IPv6Forwarding=yes is written to networkd.conf, if and only if a LAN has IPv6.",
        issues(33414, 40666),
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
        issues(6645, 9252, 32831),
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
        issues(33702, 29388),
    ),
    Defect(
        "wan-numbers-as-we-do",
        "a router outside takes addresses of the LAN",
        "257",
        "",
        "A lease on the WAN inside a LAN's or VPN's subnet is taken: routes to the provider's router and DNS servers make hosts"
        " on the LAN with these addresses unreachable, and what is for them leaves by the WAN. DenyList= refuses such a DHCP"
        " server, but says so in debug messages alone.",
        "DenyList= has the subnets inside, and a rule of the firewall writes to the console that no address was taken, and why."
        " check warns of the subnets that home routers are sold with.",
    ),
    Defect(
        "wan-dead-provider",
        "a dead provider behind a living link keeps all traffic",
        "257",
        "",
        "A default route goes with the link or the lease. networkd does not ask whether the router still answers: with a second"
        " WAN traffic stays on the dead one, by DHCP until its lease ends, with a fixed address for ever.",
        "Not avoided: the reference and docs/image.md say it, and what to do.",
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
        issues(16665, 29073),
    ),
)
