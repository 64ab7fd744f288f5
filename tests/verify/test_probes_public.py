"""`internet: public` of Debian's own nft and networkd with the compiled files: green, and red where a rule lets too much out.

Namespaces only. Needs root or user namespaces, and the tools tree.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gwimage import compiler
from gwimage.compiler import loading
from gwimage.language import source
from gwimage.verify import fast
from tests.support import debian_oracle
from tests.support.paths import TESTS

READ = source.read(str(TESTS / "cases/lans-public/profile.yaml"))
LOADED = loading.load(READ)[0]
CLAIMS = tuple(claim for claim in compiler.claims(LOADED) if claim.path.endswith(".internet"))
NFT = "config/etc/nftables/gwimage.nft"
BEYOND = {"lans.guests.internet", "lans.iot.internet"}
EVERY = BEYOND | {f"{name}.dsl" for name in BEYOND}
NEIGHBOURS6 = {"lans.guests.ipv6.internet.wan", "lans.guests.ipv6.internet.dsl"}
# what stands in the rules, what is put in its place, the claims that must turn red
MUTANTS = {
    "all of IPv4": ("ip daddr != @private accept", "meta nfproto ipv4 accept", EVERY),
    "home networks": ("192.168.0.0/16 comment", "192.168.0.0/32 comment", EVERY),
    "providers' networks": ("100.64.0.0/10 comment", "100.64.0.0/32 comment", BEYOND),
    "link-local addresses": ("169.254.0.0/16 comment", "169.254.169.254 comment", BEYOND),
    "all of IPv6": ("ip6 daddr { 64:ff9b::/96, 2000::/3 }", "ip6 daddr ::/0", {"lans.guests.ipv6.internet"}),
    "neighbours": ("rt ip6 nexthop fe80::/10", "", {"lans.guests.ipv6.internet.wan"}),
    "neighbours of a fixed address": ("ip6 daddr != 2001:db8:5::/64", "", {"lans.guests.ipv6.internet.dsl"}),
}


def results(name):
    files = compiler.render(LOADED, READ)
    if name:
        old, new, _ = MUTANTS[name]
        assert old in files[NFT].text
        files[NFT] = replace(files[NFT], text=files[NFT].text.replace(old, new))
    needed, count = {need for claim in CLAIMS for need in claim.needs}, 0
    while len(needed) != count:
        count = len(needed)
        needed |= {need for claim in compiler.claims(LOADED) if claim.id in needed for need in claim.needs}
    asked = tuple(claim for claim in compiler.claims(LOADED) if claim in CLAIMS or claim.id in needed)
    return {result.id: result for result in fast.verify(LOADED, files, asked, debian_oracle.tree()).results}


@pytest.fixture(scope="module")
def seen():
    debian_oracle.tree()
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(["", *MUTANTS], pool.map(results, ["", *MUTANTS])))


def test_the_compiled_files_are_green(seen):
    assert wrong(seen[""]) == {}
    asked = {claim.id for claim in CLAIMS}
    assert asked == EVERY | NEIGHBOURS6 | {"lans.guests.ipv6.internet"}
    assert asked < seen[""].keys()
    assert "192.168.0.66 by tcp, udp, icmp: silent; 10.1" in seen[""]["lans.iot.internet"].seen


@pytest.mark.parametrize("name", MUTANTS)
def test_whoever_reaches_too_much_is_red_on_exactly_its_claims(seen, name):
    assert wrong(seen[name]).keys() == MUTANTS[name][2], wrong(seen[name])


def wrong(found):
    return {r.id: (r.status, r.seen, r.control) for r in found.values() if r.status not in ("pass", "unaskable")}
