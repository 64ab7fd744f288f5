"""What comes out of a tunnel and goes into one, with packets. A plain cable stands for the tunnel: this kernel has no WireGuard."""

from tests.support.networkd_gateway import Host, ask

PROFILE = """\
version: 1
name: tunnels
release: 1.0.0
wans:
  wan: {nic: net0, ipv4: {address: 203.0.113.2/24, gateway: 203.0.113.1}}
lans:
  lan: {nic: net1, address: 10.0.0.1/24}
vpn:
  wg0:
    port: 51820
    address: 10.99.0.1/24
    peers:
      phone: {public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=, address: 10.99.0.2}
      branch:
        public_key: B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=
        address: 10.99.0.3
        networks: [10.50.0.0/16]
"""
OPEN = """\
firewall:
  allow:
    - {from: [wg0], to: [lan, wan]}
    - {from: [lan, wan], to: [wg0]}
"""
HOSTS = {
    "outside": Host((("wan", "203.0.113.1/24"),), ("10.50.0.0/16 via 203.0.113.2",)),
    "lan": Host((("lan", "10.0.0.5/24"),), ("default via 10.0.0.1",)),
    "phone": Host((("wg0", "10.99.0.2/24"),), ("default via 10.99.0.1",)),
    "branch": Host((("wg0", "10.50.0.5/16"),), ("default via 10.99.0.1 dev wg0 onlink",)),
}
ASKED = {
    ("phone", "10.0.0.5"): "10.99.0.2",
    ("branch", "10.0.0.5"): "10.50.0.5",
    ("lan", "10.99.0.2"): "10.0.0.5",
    ("lan", "10.50.0.5"): "10.0.0.5",
    ("phone", "203.0.113.1"): "203.0.113.2",
    ("branch", "203.0.113.1"): "203.0.113.2",
    ("outside", "10.50.0.5"): "203.0.113.1",
}


def test_a_vpn_is_closed_until_the_profile_opens_it():
    assert ask(PROFILE, HOSTS, list(ASKED)) == ["silent"] * len(ASKED)
    assert ask(PROFILE + OPEN, HOSTS, list(ASKED)) == [f"open {seen}" for seen in ASKED.values()]
