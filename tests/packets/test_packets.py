"""What leaves the gateway, seen where it arrives: networkd's NAT and routes and our ruleset together."""

from tests.support.networkd_gateway import Host, ask
from tests.support.paths import TESTS

INSIDE = "firewall: {allow: [{from: [lan, iot, dmz], to: [lan, iot, dmz]}]}\n"
ON_ITSELF = "firewall: {allow: [{from: [fibre, cable, hosted], to: [gateway], protocols: [tcp], ports: [8080]}]}\n"
FORWARDED = "firewall: {forwards: {web: {ports: [8080], to: 10.0.0.5}}}\n"


def profile(name: str, more: str = "") -> str:
    return (TESTS / "cases" / name / "profile.yaml").read_text() + more


def client(network: str, address: str, gateway: str) -> Host:
    return Host(((network, address),), (f"default via {gateway}",))


def test_each_wan_hides_in_its_way_and_the_networks_inside_see_each_other():
    hosts = {
        "fibre": Host((("fibre", "203.0.113.1/24"),), ("192.0.2.0/28 via 203.0.113.2",)),
        "cable": Host((("cable", "198.51.100.1/24"),), leases="198.51.100.77"),
        "lan": client("lan", "10.0.0.5/24", "10.0.0.1"),
        "iot": client("iot", "10.2.0.5/24", "10.2.0.1"),
        "dmz": client("dmz", "192.0.2.5/28", "192.0.2.1"),
    }
    outside, leased = "203.0.113.1", "198.51.100.1"
    asked = {
        ("lan", outside): "203.0.113.3",
        ("iot", outside): "203.0.113.3",
        ("dmz", outside): "192.0.2.5",
        ("lan", leased): "198.51.100.77",
        ("lan", "10.2.0.5"): "10.0.0.5",
        ("iot", "192.0.2.5"): "10.2.0.5",
        ("dmz", "10.0.0.5"): "192.0.2.5",
    }
    assert ask(profile("wans-two", INSIDE), hosts, list(asked)) == [f"open {seen}" for seen in asked.values()]
    control = ask(profile("wans-two", INSIDE), hosts, list(asked), "flush chain inet gwimage srcnat")
    hidden = ("203.0.113.2", "203.0.113.2", "192.0.2.5", "198.51.100.77", "10.2.0.1", "192.0.2.1", "192.0.2.5")
    assert control == [f"open {seen}" for seen in hidden]


def test_a_dead_provider_behind_a_living_link_keeps_the_traffic():
    """As docs/image.md says; the other WAN leads there, and to its own neighbours traffic does go."""
    hosts = {
        "modem": Host((("fibre", "203.0.113.9/24"),)),
        "cable": Host((("cable", "198.51.100.1/24"), ("world", "198.18.0.9/24")), leases="198.51.100.77"),
        "lan": client("lan", "10.0.0.5/24", "10.0.0.1"),
        "iot": client("iot", "10.2.0.5/24", "10.2.0.1"),
        "dmz": client("dmz", "192.0.2.5/28", "192.0.2.1"),
    }
    near, beyond = ask(profile("wans-two"), hosts, [("lan", "198.51.100.1"), ("lan", "198.18.0.9")])
    assert near == "open 198.51.100.77"
    assert not beyond.startswith("open")


def test_networks_behind_routers_are_inside():
    hosts = {
        "outside": Host((("wan", "203.0.113.1/24"),), ("172.16.0.0/24 via 203.0.113.2",)),
        "beyond": Host((("wan", "203.0.113.9/24"), ("core", "198.51.100.1/24")), ("default via 203.0.113.2",), router=True),
        "lan": client("lan", "10.0.0.5/24", "10.0.0.1"),
        "router": Host((("lan", "10.0.0.254/24"), ("far", "10.20.0.1/24")), ("default via 10.0.0.1",), router=True),
        "far": client("far", "10.20.0.5/24", "10.20.0.1"),
        "iot-router": Host((("iot", "10.1.0.254/24"), ("shed", "172.16.0.1/24")), ("default via 10.1.0.1",), router=True),
        "shed": client("shed", "172.16.0.5/24", "172.16.0.1"),
    }
    asked = {
        ("lan", "10.20.0.5"): "open 10.0.0.5",
        ("far", "10.0.0.5"): "open 10.20.0.5",  # the request does not pass the gateway, the answer does
        ("far", "203.0.113.1"): "open 203.0.113.2",
        ("shed", "203.0.113.1"): "open 172.16.0.5",
        ("lan", "198.51.100.1"): "open 203.0.113.2",
        ("lan", "172.16.0.5"): "silent",
        ("far", "10.1.0.254"): "silent",
        ("shed", "10.20.0.5"): "silent",
    }
    assert ask(profile("routes"), hosts, list(asked)) == list(asked.values())
    asked |= {
        ("lan", "10.20.0.5"): "open 10.0.0.1",  # networkd hides a LAN from itself
        ("far", "10.0.0.5"): "silent",
        ("lan", "172.16.0.5"): "open 10.0.0.5",
        ("far", "10.1.0.254"): "open 10.20.0.5",
        ("shed", "10.20.0.5"): "open 172.16.0.5",
    }
    control = "insert rule inet gwimage forward ct state new accept; flush chain inet gwimage prerouting"
    assert ask(profile("routes"), hosts, list(asked), control) == list(asked.values())


def test_answers_leave_by_the_wan_that_was_asked():
    """Three of them: fixed, by DHCP, a single address. Each provider drops what is not its own."""
    hosted = "  hosted: {nic: net5, ipv4: {address: 198.18.0.7/32, gateway: 198.18.9.1}}"
    itself, forwarded = (profile("wans-two", more).replace("lans:", f"{hosted}\nlans:", 1) for more in (ON_ITSELF, FORWARDED))
    ways = ["203.0.113.0/24 via 192.168.9.1", "198.51.100.0/24 via 192.168.9.2", "198.18.0.7 via 192.168.9.3"]
    hosts = {
        "fibre": Host((("fibre", "203.0.113.1/24"), ("core", "192.168.9.1/24")), router=True),
        "cable": Host((("cable", "198.51.100.1/24"), ("core", "192.168.9.2/24")), router=True, leases="198.51.100.77"),
        "hosted": Host((("hosted", "198.18.9.1/24"), ("core", "192.168.9.3/24")), ("198.18.0.7 dev hosted",), router=True),
        "far": Host((("core", "192.168.9.9/24"),), tuple(ways)),
        "neighbour": Host((("cable", "198.51.100.9/24"),)),
        "lan": client("lan", "10.0.0.5/24", "10.0.0.1"),
    }
    gateway = [("far", "203.0.113.2"), ("far", "198.51.100.77"), ("far", "198.18.0.7"), ("neighbour", "198.51.100.77")]
    seen = ["open 192.168.9.9"] * 3 + ["open 198.51.100.9"]
    assert ask(itself, hosts, [*gateway, ("lan", "192.168.9.9")]) == [*seen, "open 203.0.113.3"]
    assert ask(forwarded, hosts, gateway) == seen
    forgotten = ["open 192.168.9.9", "silent", "silent", "open 198.51.100.9"]
    assert ask(itself, hosts, gateway, "flush chain inet gwimage output") == forgotten
    assert ask(forwarded, hosts, gateway, "flush chain inet gwimage mangle") == forgotten
