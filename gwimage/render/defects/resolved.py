"""The defects of systemd-resolved, in the order of the page."""

from gwimage.render.defects.defect import Defect, issues

DEFECTS = (
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
        issues(17413, 20555, 17773),
    ),
    Defect(
        "resolved-rebinding",
        "names outside may lead to addresses inside (DNS rebinding)",
        "257",
        "",
        "Whoever owns a domain can give its names private addresses, and so let a page in somebody's browser call machines"
        " inside under a name of its own. resolved has no setting that takes such answers out, and hands them to clients.",
        "Not avoided: a packet filter cannot do it, since an answer may come compressed, in TCP or by TLS. Name an upstream that"
        " takes private addresses out of answers (private-address of Unbound, stop-dns-rebind of dnsmasq) in dns.upstreams, and"
        " let services inside refuse host names that are not theirs, or speak TLS only. Guests with internet: public reach none"
        " of those addresses but their own network's.",
        issues(15286),
    ),
)
