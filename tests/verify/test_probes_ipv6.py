"""What `verify` asks about IPv6, of Debian's own networkd with the compiled files: green, and red where a file is wrong.

Namespaces only; the provider is the lab's. Needs root or user namespaces, and the tools tree.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gwimage import compiler
from gwimage.compiler import loading
from gwimage.lab.packets.ipv4 import ALL_PORTS
from gwimage.language import source
from gwimage.verify import fast
from tests.support import debian_oracle
from tests.support.verifications import PORTS

PROFILE = """\
version: 1
name: gw
release: 1.0.0
wans:
  fibre: {nic: net0, ipv4: dhcp, ipv6: auto}
lans:
  lan:
    nic: net1
    address: 10.0.0.1/24
    ipv6: {delegated: true, subnet: 10, address: fd12:3456:789a:1::1/64}
  guests: {nic: net2, address: 10.0.1.1/24, ipv6: delegated}
  iot: {nic: net3, address: 10.0.2.1/24}
firewall:
  allow:
    - {from: [fibre], to: [lan], protocols: [tcp], ports: [443]}
    - {from: [guests], to: [lan], protocols: [tcp, udp], ports: [5000-5001], destinations: ["fd12:3456:789a:1::80"]}
    - {from: [fibre], to: [gateway], protocols: [udp], ports: [5555], sources: ["3fff:77::/48"]}
    - {from: [lan], to: [guests], protocols: [icmpv6]}
    - {from: [lan], to: [guests], protocols: [tcp], ports: [22], sources: ["fd12:3456:789a:1::80"]}
"""
READ = source.parse(PROFILE, "p.yaml")
LOADED = loading.load(READ)[0]
CLAIMS = tuple(claim for claim in compiler.claims(LOADED) if ".ipv6." in claim.id)
WAN, LAN, GUESTS, IOT = "10-fibre.network", "20-lan.network", "20-guests.network", "20-iot.network"
NFT, DAEMON = "gwimage.nft", "networkd.conf.d/10-gwimage.conf"
ULA = "fd12:3456:789a:1::"


def ids(*patterns: str) -> set[str]:
    """Claims whose names hold one of the patterns."""
    return {claim.id for claim in CLAIMS if any(pattern in claim.id for pattern in patterns)}


OUT = ids(".source", ".mtu", ".renumbered")
OF_LAN = ("allow.0", "allow.1", "allow.3", "allow.4")
BESIDE = {name for name in ids("allow.") if name.endswith(".only")}
# file, what stands there, what is put in its place, the claims that must turn red
MUTANTS = {
    "no advertisements": (
        LAN,
        "IPv6SendRA=yes",
        "IPv6SendRA=no",
        ids("lans.lan.ipv6", "unreachable.lan", "renumbered", *OF_LAN),
    ),
    "another subnet": (GUESTS, "SubnetId=0", "SubnetId=1", ids("guests", "renumbered")),
    "does not ask for more than a /64": (
        WAN,
        "PrefixDelegationHint=::/60\n",
        "",
        ids("lans.lan.ipv6", "unreachable.lan", "renumbered", *OF_LAN) | {"files.accepted"},
    ),
    "another local prefix": (
        LAN,
        f"Prefix={ULA}",
        "Prefix=fd12:3456:789a:2::",
        ids("lans.lan.ipv6", "unreachable.lan", "renumbered", *OF_LAN),
    ),
    "no forwarding": (DAEMON, "IPv6Forwarding=yes", "IPv6Forwarding=no", OUT | ids("unreachable", "kept", *OF_LAN)),
    "waits for the M flag": (
        WAN,
        "WithoutRA=solicit\n",
        "",
        ids("fibre.ipv6.prefix", "renumbered", "lan.", "guests") | {"state.persist"},
    ),
    "deaf to the provider": (
        WAN,
        "IPv6AcceptRA=yes",
        "IPv6AcceptRA=no",
        OUT | ids("wans.fibre.ipv6.address", "wans.fibre.ipv6.closed", "unreachable.fibre", "kept", "allow.0", "allow.2"),
    ),
    "open": (NFT, "policy drop;", "policy accept;", ids("unreachable", "closed") | BESIDE),
    "open to pings": (
        NFT,
        "iifname @lans icmpv6 type echo-request",
        "icmpv6 type echo-request",
        {"wans.fibre.ipv6.closed", "wans.fibre.ipv6.closed.local"},
    ),
    "a UDP port open": (
        NFT,
        'iifname "lo" accept',
        'udp dport 41000 accept\n        iifname "lo" accept',
        ids("closed.udp", "closed.local.udp"),
    ),
    "errors dropped": (NFT, "ct state established,related accept", "ct state established accept", ids(".mtu")),
    "local addresses leave": (
        NFT,
        f"ip6 saddr {ULA}/64 counter drop",
        "ip6 saddr fd00::/64 counter drop",
        {"lans.lan.ipv6.kept"},
    ),
    "IPv6 of a LAN without": (
        NFT,
        'iifname "iot" meta nfproto ipv6 counter drop',
        'iifname "iot" meta nfproto ipv6 counter',
        {"lans.iot.ipv6.kept"},
    ),
    "an entry for IPv4 alone": (NFT, '"lan" tcp dport 443', '"lan" meta nfproto ipv4 tcp dport 443', ids("allow.0") - BESIDE),
    "an entry of too many ports": (NFT, "dport 5000-5001", "dport 4999-5001", ids("allow.1") & BESIDE),
    "an entry for too many hosts": (NFT, f"ip6 daddr {ULA}80 meta", f"ip6 daddr {ULA}80/127 meta", ids("allow.1") & BESIDE),
    "an entry for anybody": (NFT, "ip6 saddr 3fff:77::/48 udp", "udp", ids("allow.2") & BESIDE),
    "an entry for no gateway": (NFT, "udp dport 5555 accept", "udp dport 5555 drop", ids("allow.2") - BESIDE),
    "an entry for the other protocol": (
        NFT,
        'oifname "guests" meta l4proto icmpv6',
        'oifname "guests" meta l4proto icmp',
        ids("allow.3"),
    ),
    "advertises where it must not": (
        IOT,
        "LinkLocalAddressing=no",
        "LinkLocalAddressing=ipv6\nIPv6SendRA=yes",
        {"lans.iot.ipv6.off"},
    ),
}


def results(name):
    files, wanted = compiler.render(LOADED, READ), {claim.id for claim in CLAIMS}
    if name:
        file, old, new, expected = MUTANTS[name]
        path = next(path for path in files if path.startswith("config/") and path.endswith(f"/{file}"))
        assert old in files[path].text
        files[path] = replace(files[path], text=files[path].text.replace(old, new))
        # scans, silence and renewals take their time: where a fault has nothing to do with them they are left out
        wanted = {claim.id for claim in CLAIMS if claim.id in expected or not (claim.closed or "renumbered" in claim.id)}
    asked = tuple(claim for claim in CLAIMS if claim.id in wanted)
    return {
        result.id: result
        for result in fast.verify(LOADED, files, asked, debian_oracle.tree(), ports=PORTS if name else ALL_PORTS).results
    }


@pytest.fixture(scope="module")
def seen():
    """Side by side, since much of the time is waiting for silence."""
    debian_oracle.tree()
    with ThreadPoolExecutor(7) as pool:
        return dict(zip(["", *MUTANTS], pool.map(results, ["", *MUTANTS])))


def test_the_compiled_files_are_green(seen):
    assert wrong(seen[""]) == {}
    assert {claim.id for claim in CLAIMS} < seen[""].keys()
    assert {name.rpartition(".ipv6.")[0] for name in ids("allow.")} == {
        "firewall.allow.0.fibre.lan",
        "firewall.allow.1.guests.lan",
        "firewall.allow.2.fibre.gateway",
        "firewall.allow.3.lan.guests",
        "firewall.allow.4.lan.guests",
    }
    assert "became" in seen[""]["wans.fibre.ipv6.renumbered"].seen
    assert "40404" in seen[""]["wans.fibre.ipv6.closed.local"].control


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_is_red_on_exactly_its_claims(seen, name):
    assert wrong(seen[name]).keys() == MUTANTS[name][3], wrong(seen[name])


def test_lans_of_unique_local_addresses_alone_have_controls():
    """Their clients are offered no way out, and so none back to who comes from elsewhere."""
    text = (
        PROFILE[: PROFILE.index("  guests")]
        + """\
  inner: {nic: net2, address: 10.0.1.1/24, ipv6: {address: "fd12:3456:789a:2::1/64"}}
  third: {nic: net3, address: 10.0.2.1/24, ipv6: {address: "fd12:3456:789a:3::1/64"}}
firewall:
  allow:
    - {from: [lan], to: [inner], protocols: [tcp], ports: [443]}
    - {from: [inner], to: [third], protocols: [udp], ports: [514]}
    - {from: [fibre], to: [lan], protocols: [tcp], ports: [22], sources: ["2000::/3"]}
"""
    )
    read = source.parse(text, "p.yaml")
    profile, files = loading.load(read)[0], compiler.render(loading.load(read)[0], read)
    slow = (".closed", "renumbered")
    asked = [claim for claim in compiler.claims(profile) if ".ipv6." in claim.id and not any(word in claim.id for word in slow)]
    found = fast.verify(profile, files, tuple(asked), debian_oracle.tree(), ports=PORTS).results
    assert wrong({result.id: result for result in found}) == {}
    assert {"lans.inner.ipv6.unreachable.third", "firewall.allow.1.inner.third.ipv6.udp.only"} <= {claim.id for claim in asked}


def wrong(found):
    return {r.id: (r.status, r.seen, r.control) for r in found.values() if r.status not in ("pass", "unaskable")}
