"""What `explain` reads out of a plan is what Debian's own networkd makes of the files: addresses, routes, masquerade."""

import json
from ipaddress import ip_address, ip_interface, ip_network

import oracle
import pytest
from conftest import ROOT, TESTS

from gwimage import compile as compiler
from gwimage import profile, source
from gwimage.explain import reading

PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
# a card, bridge, VLAN or tunnel is a cable here: what lies below a link does not change where its packets go
WORLD = (
    oracle.ENTER
    + r"""
rm -f "$TREE"/etc/systemd/network/*.netdev "$TREE"/etc/systemd/network/*.link
number=0
for link in $LINKS; do
    number=$((number + 1))
    ip link add "$link" type veth peer name "cable$number"
    ip link set "cable$number" up
done
chroot "$TREE" /usr/lib/systemd/systemd-networkd > "$TREE/tmp/log" 2>&1 & daemon=$!
for link in $FIXED; do # the others wait for a lease
    tries=0
    until grep -qs ^ADMIN_STATE=configured "$TREE/run/systemd/netif/links/$(cat "$TREE/sys/class/net/$link/ifindex")"; do
        tries=$((tries + 1)); [ $tries -lt 200 ] || { cat "$TREE/tmp/log" >&2; exit 1; }; sleep 0.05
    done
done
kill $daemon; wait $daemon || true
echo "[$(ip -j address), $(ip -j route), $(ip -6 -j route), $(nft -j list ruleset)]"
"""
)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_networkd_makes_the_same_of_it(path, tmp_path):
    files, _ = compiler.compile(source.read(str(path)))
    known = reading.read(profile.plan(compiler.load(source.read(str(path)))[0]))
    compiler.write(files, str(tmp_path / "tree"))
    waits = {own.link for own in known.own if own.leased}
    fixed = [link for link in known.zones if link not in waits]
    shown = oracle._ask(WORLD, tmp_path / "tree/config", LINKS=" ".join(known.zones), FIXED=" ".join(fixed))
    addresses, routes, routes6, rules = json.loads(shown)
    own = [own for own in known.own if not own.leased and not own.interface.is_link_local]
    assert sorted(own_of(addresses)) == sorted((each.link, each.interface) for each in own)
    ways = [route for route in known.routes if route.link not in waits and not route.to.is_link_local]
    # a single address is no subnet
    ways = [route for route in ways if route.via or route.to.num_addresses > 1]
    assert {each for each in routes_of(routes + routes6) if each[1] not in waits} == {(each.to, each.link, each.via) for each in ways}
    assert set(hidden(rules)) == {net for net, _ in known.masquerade}


def own_of(addresses):
    for link in addresses:
        for each in link["addr_info"]:
            if link["ifname"] != "lo" and each["scope"] == "global":
                yield link["ifname"], ip_interface(f"{each['local']}/{each['prefixlen']}")


def routes_of(routes):
    for route in routes:
        to = route["dst"].replace("default", "::/0" if ":" in route.get("gateway", "") else "0.0.0.0/0")
        if not to.startswith("fe80"):
            yield ip_network(to), route["dev"], ip_address(route["gateway"]) if "gateway" in route else None


def hidden(rules):
    for each in rules["nftables"]:
        found = each.get("set", {})
        if (found.get("table"), found.get("name"), found.get("family")) == ("io.systemd.nat", "masq_saddr", "ip"):
            for one in found.get("elem", ()):
                yield ip_network(f"{one['prefix']['addr']}/{one['prefix']['len']}" if isinstance(one, dict) else one)
