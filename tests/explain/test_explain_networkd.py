"""What `explain` reads out of a plan is what Debian's own networkd makes of the files: addresses, routes, masquerade."""

import json
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from gwimage import compiler, features
from gwimage.compiler import loading, output_tree
from gwimage.explain import networkd
from gwimage.language import source
from tests.support import debian_oracle
from tests.support.paths import ROOT, TESTS

PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
# a card, bridge, VLAN or tunnel is a cable here: what lies below a link does not change where its packets go
WORLD = (
    debian_oracle.ENTER
    + r"""
rm -f "$TREE"/etc/systemd/network/*.netdev "$TREE"/etc/systemd/network/*.link
number=0
for link in $LINKS; do
    number=$((number + 1))
    ip link add "$link" type veth peer name "cable$number"
    ip link set "cable$number" up
done
chroot "$TREE" /usr/lib/systemd/systemd-networkd > "$TREE/tmp/log" 2>&1 & daemon=$!
until_true() { # COMMAND...: 10 s at most
    tries=0
    until "$@"; do tries=$((tries + 1)); [ $tries -lt 200 ] || { tail -n 5 "$TREE/tmp/log" >&2; exit 1; }; sleep 0.05; done
}
configured() { grep -qs ^ADMIN_STATE=configured "$TREE/run/systemd/netif/links/$(cat "$TREE/sys/class/net/$1/ifindex")"; }
has() { ip -oneline address | grep -qF " $1 "; }
for address in $ADDRESSES; do until_true has "$address"; done
for link in $FIXED; do until_true configured "$link"; done # the others wait for the world outside
kill $daemon; wait $daemon || true
echo "[$(ip -j address), $(ip -j route show table all), $(ip -6 -j route), $(ip -j rule), $(nft -j list ruleset)]"
"""
)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_networkd_makes_the_same_of_it(path, tmp_path):
    plan = features.plan(loading.load(source.read(str(path)))[0])
    known = networkd.read(plan)
    # not every kernel that runs this test has CAKE, and without it networkd gives the whole link up
    plan = replace(plan, network=tuple(each for each in plan.network if each.section != "CAKE"))
    output_tree.write(compiler.config(plan), str(tmp_path / "tree"))
    waits = {own.link for own in known.own if own.leased}
    fixed = [link for link in known.zones if link not in waits]
    own = [own for own in known.own if not own.leased and not own.interface.is_link_local]
    words = {"LINKS": known.zones, "FIXED": fixed, "ADDRESSES": [str(each.interface) for each in own]}
    shown = debian_oracle.ask(WORLD, tmp_path / "tree/config", **{name: " ".join(value) for name, value in words.items()})
    addresses, routes, routes6, lookups, rules = json.loads(shown)
    assert sorted(map(str, own_of(addresses))) == sorted(str((each.link, each.interface)) for each in own)
    ours = {(each.to, each.link, each.via, each.table) for each in known.routes if each.link}
    assert counted(routes_of(routes + routes6), waits) == counted(ours, waits)
    expected = {(each.mark, each.table, each.priority, each.narrow) for each in known.lookups}
    assert set(lookups_of(lookups)) == expected
    assert set(hidden(rules)) == {net for net, _ in known.masquerade}


def own_of(addresses):
    for link in addresses:
        for each in link["addr_info"]:
            if link["ifname"] != "lo" and each["scope"] == "global":
                yield link["ifname"], ip_interface(f"{each['local']}/{each['prefixlen']}")


def counted(routes, waits):
    """Those that do not wait for the world outside. A single address is no subnet."""
    found = [each for each in routes if not each[0].is_link_local and (each[2] or each[0].num_addresses > 1)]
    return {each for each in found if each[1] not in waits}


def routes_of(routes):
    """Those that lead anywhere: of the main table, and of those for packets with a mark."""
    for route in routes:
        if route.get("table") != "local" and route.get("type", "unicast") == "unicast":
            to = route["dst"].replace("default", "::/0" if ":" in route.get("gateway", "") else "0.0.0.0/0")
            via = ip_address(route["gateway"]) if "gateway" in route else None
            yield ip_network(to), route["dev"], via, route.get("table", "")


def lookups_of(rules):
    """The routing policy rules that ask for a mark."""
    for rule in rules:
        if "fwmark" in rule:
            table = rule["table"].replace("main", "")
            yield int(rule["fwmark"], 16), table, rule["priority"], "suppress_prefixlen" in rule


def hidden(rules):
    for each in rules["nftables"]:
        found = each.get("set", {})
        if (found.get("table"), found.get("name"), found.get("family")) == ("io.systemd.nat", "masq_saddr", "ip"):
            for one in found.get("elem", ()):
                yield ip_network(f"{one['prefix']['addr']}/{one['prefix']['len']}" if isinstance(one, dict) else one)
