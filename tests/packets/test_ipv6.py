"""Debian's own networkd and nft as the gateway of a delegated prefix, among a provider, a client and namespaces only.

Each thing that must not pass was seen to pass the same way once the rules were gone. Needs root.
"""

import re
import sys
from ipaddress import IPv6Address, IPv6Network

import pytest

from gwimage.compiler import compile
from gwimage.compiler.output_tree import write
from gwimage.language import source
from tests.support import debian_oracle
from tests.support.paths import ROOT, TESTS

PROFILE = """\
version: 1
name: gw
release: 1.0.0
wans:
  fibre: {nic: net0, ipv4: dhcp, ipv6: auto}
lans:
  lan: {nic: net1, address: 10.0.0.1/24, ipv6: {delegated: true, subnet: 10, address: fd12:3456:789a:1::1/64}}
  iot: {nic: net2, address: 10.0.1.1/24}
"""
ON_LINK = IPv6Network("2001:db8:0:1::/64")
DELEGATED = IPv6Network("2001:db8:aa00::/56")
LAN = IPv6Network("2001:db8:aa00:a::/64")
WORLD = r"""
mount -t proc proc /proc  # nsenter looks there for the processes of this namespace
echo 0123456789abcdef0123456789abcdef > "$TREE/tmp/machine-id"
mount --bind "$TREE/tmp/machine-id" "$TREE/etc/machine-id"
elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
space() { unshare --net sleep 300 > /dev/null & eval "$1=$!"; until_true elsewhere $!; }
at() { pid=$1; shift; nsenter --target "$pid" --net "$@"; }
pings() { at "$1" chroot "$TREE" busybox ping6 -c1 -W1 "$2" | grep -c "bytes from" || true; }
post() { pid=$1; shift; at "$pid" "$PYTHON" "$TESTS/support/udp_labels.py" "$@"; }
until_true() { # COMMAND...: 15 s at most
    tries=0
    until "$@"; do tries=$((tries + 1)); [ $tries -lt 150 ] || { echo "GAVE UP $*"; return; }; sleep 0.1; done
}
gateway() { chroot "$TREE" /usr/lib/systemd/systemd-networkd >> "$TREE/tmp/log" 2>&1 & daemon=$!; }
has() { at "$1" ip -6 -o address show scope global | grep -q "$2"; }
address() { at "$1" ip -6 -o address show scope global | grep -o "$2[^/]*" | head -1; }
fact() { echo "FACT $*"; }

space PROVIDER; space CLIENT; space THING
for pid in $PROVIDER $CLIENT $THING $$; do
    # the kernel's wait for a second user of an address would be most of the test's time
    at $pid sh -c 'ip link set lo up; for key in default all; do echo 0 > /proc/sys/net/ipv6/conf/$key/accept_dad; done
                   echo 0 > /proc/sys/net/ipv6/conf/default/dad_transmits'
done
chroot "$TREE" nft -f - < "$CONFIG/etc/nftables/gwimage.nft"
for link in "fibre $PROVIDER" "lan $CLIENT" "iot $THING"; do
    set -- $link
    ip link add "$1" type veth peer name gw netns "$2"
    [ "$1" = lan ] || at "$2" ip link set gw up
done
at $PROVIDER ip address add 2001:db8:0:1::1/64 dev gw
at $PROVIDER ip address add 2001:db8:ffff::1/128 dev lo
at $PROVIDER "$PYTHON" -m gwimage.lab.hosts.ipv6_provider gw 2001:db8:0:1::/64 2001:db8:aa00::/56 > "$TREE/tmp/dhcp" &
"""
ASK = r"""
post $PROVIDER listen 9 > "$TREE/tmp/outside" &
post $CLIENT listen 9 > "$TREE/tmp/inside" &
post $$ listen 9 22 53 > "$TREE/tmp/own" &
gateway
until_true grep -q "^3 " "$TREE/tmp/dhcp"
at $CLIENT ip link set gw up  # somebody plugs the LAN in, long after the provider answered
until_true has $CLIENT 2001:db8:aa00:a:
until_true has $CLIENT fd12:3456:789a:1:
until_true has $$ 2001:db8:0:1:
client=$(address $CLIENT 2001:db8:aa00:a:) own=$(address $CLIENT fd12:) wan=$(address $$ 2001:db8:0:1:)
fact client $client
fact local $own
fact wan $wan
fact router $(at $CLIENT ip -6 route show default | grep -c "via fe80")
fact unused $(ip -6 route show 2001:db8:aa00::/60 | cut -d' ' -f1)
fact masquerade $(chroot "$TREE" nft list set ip6 io.systemd.nat masq_saddr | grep -c elements)
mac=$(cat "$TREE/sys/class/net/iot/address")
at $THING ip -6 address add 2001:db8:aa00:b::7/64 dev gw nodad
at $THING ip -6 neigh add fe80::99 lladdr "$mac" dev gw
at $THING ip -6 route add default via fe80::99 dev gw

questions() { # ROUND: the same each time
    (
        fact $1 out $(post $CLIENT send $client 2001:db8:ffff::1 9 $1-out) &
        fact $1 own-dns $(post $CLIENT send $own fd12:3456:789a:1::1 53 $1-own-dns) &
        fact $1 own-ssh $(post $CLIENT send $own fd12:3456:789a:1::1 22 $1-own-ssh) &
        fact $1 own-solicit $(post $CLIENT solicit gw) &
        fact $1 own-ping $(pings $CLIENT fd12:3456:789a:1::1) &
        fact $1 in $(post $PROVIDER send 2001:db8:ffff::1 $client 9 $1-in) &
        fact $1 in-ping $(pings $PROVIDER $client) &
        fact $1 wan-dns $(post $PROVIDER send :: $wan 53 $1-wan-dns) &
        fact $1 wan-ssh $(post $PROVIDER send :: $wan 22 $1-wan-ssh) &
        fact $1 wan-ping $(pings $PROVIDER $wan) &
        fact $1 wan-dns-inside $(post $PROVIDER send :: 2001:db8:aa00:a::1 53 $1-wan-dns-inside) &
        fact $1 local-out $(post $CLIENT send $own 2001:db8:ffff::1 9 $1-local-out) &
        fact $1 forged-out $(post $CLIENT send 2001:db8:bad::1 2001:db8:ffff::1 9 $1-forged-out) &
        fact $1 iot-out $(post $THING send 2001:db8:aa00:b::7 2001:db8:ffff::1 9 $1-iot-out) &
        fact $1 forged-in $(post $PROVIDER send 2001:db8:aa00:a::bad $client 9 $1-forged-in) &
        fact $1 forged-local-in $(post $PROVIDER send fd12:3456:789a:1::bad $client 9 $1-forged-local-in) &
        wait
    )
}
questions closed
# one host in a delegated prefix, by the rule of docs/ipv6.md
at $CLIENT ip -6 address add 2001:db8:aa00:a::5/64 dev gw nodad
fact suffix closed $(post $PROVIDER send 2001:db8:ffff::1 2001:db8:aa00:a::5 9 suffix-closed)
chroot "$TREE" nft insert rule inet gwimage forward "$SUFFIX"
fact suffix open $(post $PROVIDER send 2001:db8:ffff::1 2001:db8:aa00:a::5 9 suffix-open)
fact suffix beside $(post $PROVIDER send 2001:db8:ffff::1 $client 9 suffix-beside)
# what comes from outside is forwarded now, so that only its source can stop it
chroot "$TREE" nft insert rule inet gwimage forward iifname fibre accept
questions half
chroot "$TREE" nft delete table inet gwimage
questions open
# networkd starts again, as after a reboot: nothing was given back, and the gateway is known
kill $daemon; wait $daemon || true
gateway
until_true sh -c '[ $(grep -c "^3 " '"$TREE/tmp/dhcp"') = 2 ]'
sed 's/^/ARRIVED /' "$TREE/tmp/outside" "$TREE/tmp/inside" "$TREE/tmp/own"
sed 's/^/DHCP /' "$TREE/tmp/dhcp"
grep -E "^(fibre|lan|iot): (Failed|Could not)" "$TREE/tmp/log" | sed 's/^/LOG /'
kill $daemon
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """All lines that the world said, by their first word."""
    folder = tmp_path_factory.mktemp("ipv6")
    files, problems = compile(source.parse(PROFILE, "p.yaml"))
    assert not problems
    write(files, str(folder / "tree"))
    (rule,) = re.findall(r"- '(iifname .* ip6 daddr & .*)'", (ROOT / "docs/ipv6.md").read_text())
    known = {"PYTHON": sys.executable, "TESTS": str(TESTS), "PYTHONPATH": str(ROOT)}
    known["SUFFIX"] = rule.replace('"wan"', '"fibre"').replace("tcp dport 443", "udp dport 9")
    said = debian_oracle.ask(debian_oracle.ENTER + WORLD + ASK, folder / "tree/config", **known)
    lines = [line.split(" ", 1) for line in said.splitlines() if " " in line]
    found = {kind: [rest for first, rest in lines if first == kind] for kind in ("FACT", "ARRIVED", "DHCP", "LOG", "GAVE")}
    assert not found["GAVE"]
    assert not found["LOG"]
    return found


@pytest.fixture(scope="module")
def facts(seen):
    return dict(line.rsplit(" ", 1) if " " in line else (line, "") for line in seen["FACT"])


@pytest.fixture(scope="module")
def arrived(seen):
    return dict(line.split(" ") for line in seen["ARRIVED"])


def test_a_client_makes_its_addresses(facts):
    assert IPv6Address(facts["client"]) in LAN
    assert IPv6Address(facts["local"]) in IPv6Network("fd12:3456:789a:1::/64")
    assert IPv6Address(facts["wan"]) in ON_LINK
    assert facts["router"] == "1"


def test_what_no_lan_uses_of_the_prefix_leads_nowhere(facts):
    assert facts["unused"] == "unreachable"


def test_clients_go_out_with_their_own_address(facts):
    assert facts["masquerade"] == "0"
    assert [facts[f"{round} out"] for round in ("closed", "half", "open")] == [facts["client"]] * 3


def test_the_gateway_serves_the_lan(facts):
    assert facts["closed own-dns"] == facts["local"]
    assert facts["closed own-ping"] == "1"
    assert facts["closed own-solicit"] == "advertised"


@pytest.mark.parametrize("what", ["own-ssh", "in", "in-ping", "wan-dns", "wan-ssh", "wan-ping", "wan-dns-inside"])
def test_closed(facts, what):
    assert facts[f"closed {what}"] in ("silent", "0")
    assert facts[f"open {what}"] not in ("silent", "0")


@pytest.mark.parametrize("what", ["local-out", "forged-out", "iot-out"])
def test_what_never_leaves(arrived, what):
    assert f"closed-{what}" not in arrived
    assert f"open-{what}" in arrived


@pytest.mark.parametrize("what", ["forged-in", "forged-local-in"])
def test_nobody_outside_claims_to_be_inside(arrived, facts, what):
    assert facts["half in"] != "silent", "an honest source arrives"
    assert f"half-{what}" not in arrived
    assert f"open-{what}" in arrived


def test_one_host_in_a_delegated_prefix(facts):
    assert facts["suffix closed"] == "silent"
    assert facts["suffix open"] == "2001:db8:ffff::1"
    assert facts["suffix beside"] == "silent"


def test_the_provider_knows_the_gateway_again(seen):
    messages = [line.split(" ") for line in seen["DHCP"]]
    assert [kind for kind, *_ in messages if kind not in ("1", "3")] == [], "nothing given back"
    assert len({(duid, iaid) for _, duid, iaid in messages}) == 1
    assert messages[0][1].startswith("00030001"), "the card's own address"
