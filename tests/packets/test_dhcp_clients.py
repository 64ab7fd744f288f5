"""Real DHCP clients at Debian 13's networkd: udhcpc, dhcpcd, networkd and NetworkManager, each with its own habits.

They must get an address that they take, from the pool, and the reserved one where there is one.
"""

from contextlib import ExitStack
from ipaddress import IPv4Address, IPv4Interface

import pytest

from gwimage.lab import sandbox
from gwimage.lab.wait import wait_for
from tests.support import clients, debian_oracle
from tests.support.dhcp_server import Server, cable, compiled

PROFILE = """
version: 1
name: clients
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp}}
lans:
  lan:
    nic: net1
    address: 10.0.0.1/24
    dhcp:
      pool: 10.0.0.100-10.0.0.199
      reservations: RESERVATIONS
"""
KINDS = list(clients.KINDS)
RESERVED = {kind: f"10.0.0.{number}" for number, kind in enumerate(KINDS, 5)}
WAIT = 40  # seconds


def mac(number):
    return f"02:00:00:00:00:{number:02x}"


@pytest.fixture(scope="module")
def addresses():
    """What each kind has on two cards, the first of which has a reservation; all at once."""
    one = ", ".join(f"m{number}: {{mac: '{mac(number)}', address: {ip}}}" for number, ip in enumerate(RESERVED.values()))
    tree = debian_oracle.tree()
    clients.unpacked(tree)
    return sandbox.call(_leased, tree, compiled(PROFILE.replace("RESERVATIONS", f"{{{one}}}")), say=print)


def _leased(_say, tree, files):
    server, bridge = Server(tree), cable()
    server.prepare(bridge)
    server.start(files)
    with ExitStack() as stack:
        said = [stack.enter_context(clients.running(kind, tree, mac(number), bridge)) for number, kind in enumerate(KINDS * 2)]
        wait_for(lambda: all(address() for address in said), WAIT, lambda: True)
        found = [address() for address in said]
    return dict(zip(KINDS, zip(found, found[len(KINDS) :])))


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_takes_its_address(addresses, kind):
    reserved, other = addresses[kind]
    assert reserved == f"{RESERVED[kind]}/24"
    assert other
    assert IPv4Address("10.0.0.100") <= IPv4Interface(other).ip <= IPv4Address("10.0.0.199")
    assert other.endswith("/24")
