"""Leases outlive a configuration: what Debian 13's networkd makes of them when reservations have come or changed.

`cured` is what the image runs before networkd (usr/lib/gwimage/leases) and beside it (usr/lib/gwimage/reservations); without
them the defect must show, or it is cured where nothing was wrong.
"""

import json
import subprocess

import pytest

from gwimage.lab import sandbox
from gwimage.lab.packets import dhcp_client
from tests.support import debian_oracle
from tests.support.dhcp_server import SCRIPT, Server, cable, compiled, plug

PROFILE = """
version: 1
name: leases
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
NAS, PHONE, OTHER = "02:00:00:00:00:05", "02:00:00:00:00:06", "02:00:00:00:00:07"
DUID = b"\xff\0\0\0\x01\0\x02\0\0\x9f\x5a\x01"


def profile(**reserved):
    """By MAC address (with _ for :) the address that is reserved."""
    one = ", ".join(f"m{mac[-2:]}: {{mac: '{mac}', address: {address}}}" for mac, address in reserved.items())
    return compiled(PROFILE.replace("RESERVATIONS", f"{{{one}}}"))


def upgraded(before, after, first, then, cured=True, damage=None):
    """What the clients `first` are given by one configuration and `then` by the next, what was said, and the leases then."""
    return sandbox.call(_upgraded, debian_oracle.tree(), before, after, first, then, cured, damage, say=print)


def _upgraded(_say, tree, before, after, first, then, cured, damage):
    server = Server(tree)
    server.prepare(cable())
    plug("client-lan", "lan", "br0")
    server.start(before)
    given = [address_of(dhcp_client.take(client(*who))) for who in first]
    server.stop()
    if damage is not None:
        server.kept.write_bytes(server.kept.read_bytes()[: int(damage * server.kept.stat().st_size)])
    said = server.start(after, cured)
    offered = [address_of(dhcp_client.take(client(*who), tries=1)) for who in then]
    server.stop()
    aside = server.kept.with_name("lan.damaged")
    return given, offered, said, json.loads(server.kept.read_text())["Leases"], aside.exists()


def client(mac, identity=None):
    mine = dhcp_client.by_mac("client-lan", "lan", mac)
    return mine if identity is None else dhcp_client.Client("client-lan", "lan", mac, identity)


def address_of(given):
    return str(given.address) if given else "silent"


NAMES = {"by MAC address": None, "by DUID": DUID, "not at all": b""}


@pytest.mark.parametrize("identity", NAMES.values(), ids=NAMES)
def test_a_reservation_for_a_machine_that_has_a_lease(identity):
    """Its old address, which it may be using, goes to nobody until that lease ends."""
    who = [(NAS, identity), (PHONE, None)]
    before, after = profile(), profile(**{NAS: "10.0.0.5"})
    (old, kept), offered, *_ = upgraded(before, after, who, who, cured=False)
    assert offered == ["silent", kept]
    _, offered, said, leases, aside = upgraded(before, after, who, who)
    assert offered == ["10.0.0.5", kept]
    assert said == ["<6>lan: machines that have leases got other reservations"]
    assert not aside
    assert {".".join(map(str, lease["Address"])) for lease in leases} - {"10.0.0.5"} == {old, kept}


def test_a_reservation_that_moved():
    before, after = profile(**{NAS: "10.0.0.5"}), profile(**{NAS: "10.0.0.6"})
    assert upgraded(before, after, [(NAS,)], [(NAS,)], cured=False)[:2] == (["10.0.0.5"], ["silent"])
    assert upgraded(before, after, [(NAS,)], [(NAS,)])[:2] == (["10.0.0.5"], ["10.0.0.6"])


def test_an_address_that_another_machine_has_is_given_to_nobody_else():
    """As the hint of check says: it keeps it until its lease ends."""
    (held,), *_ = upgraded(profile(), profile(), [(PHONE,)], [(PHONE,)])
    after = profile(**{NAS: held})
    given, offered, said, *_ = upgraded(profile(), after, [(PHONE,)], [(NAS,), (OTHER,)])
    assert (given, said) == ([held], [])
    assert offered[0] == "silent"
    assert offered[1] not in ("silent", held)


CHANGES = {
    "firmware, then the system": (b"", DUID),
    "by MAC address, then by DUID": (None, DUID),
    "the system, then firmware": (DUID, b""),
    "by DUID, then by MAC address": (DUID, None),
    "another installation": (DUID, DUID + b"2"),
}
BETWEEN = ("nothing", "a restart", "DHCPDECLINE")


def changed(identities, between, cured=True, mac=NAS):
    """What the machine `mac`, which is reserved 10.0.0.5, and its successors are given: lease by lease, none released."""
    return sandbox.call(_changed, debian_oracle.tree(), identities, between, cured, mac, say=print)


def _changed(_say, tree, identities, between, cured, mac):
    server, files = Server(tree), profile(**{NAS: "10.0.0.5", PHONE: "10.0.0.6"})
    server.prepare(cable())
    plug("client-lan", "lan", "br0")
    server.start(files, cured)
    given = []
    for identity in identities:
        if given and between == "a restart":
            server.stop()
            server.start(files, cured)
        taken = dhcp_client.take(client(mac, identity), tries=2)
        if taken and between == "DHCPDECLINE":
            dhcp_client.decline(client(mac, identity), taken)
        given.append(address_of(taken))
    server.stop()
    return given


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("identities", CHANGES.values(), ids=CHANGES)
def test_a_reserved_machine_changes_its_client_identifier(identities, between):
    """Answered within seconds; networkd alone is silent, also after a restart, until the first lease ends."""
    assert changed(identities, between, cured=False) == ["10.0.0.5", "silent"]
    assert changed(identities, between) == ["10.0.0.5", "10.0.0.5"]


def test_a_machine_from_the_pool_changes_its_client_identifier():
    """To the server it is another client (RFC 2131 2.1), which gets another address: so it is with every server."""
    first, then = changed((b"", DUID), "nothing", cured=False, mac=OTHER)
    assert "silent" not in (first, then)
    assert first != then


@pytest.mark.parametrize("cured", [True, False])
def test_a_reserved_machine_behind_a_repeater(cured):
    """Its own MAC address is in the client identifier only, the repeater's in the packet; later it comes by cable."""
    given = sandbox.call(_repeated, debian_oracle.tree(), cured, say=print)
    assert given == ["10.0.0.5", "10.0.0.5" if cured else "silent"]


def _repeated(_say, tree, cured):
    server = Server(tree)
    server.prepare(cable())
    plug("client-lan", "lan", "br0")
    server.start(profile(**{NAS: "10.0.0.5"}), cured)
    own = b"\1" + bytes.fromhex(NAS.replace(":", ""))
    given = [address_of(dhcp_client.take(one, tries=2)) for one in (client(OTHER, own), client(NAS, DUID))]
    server.stop()
    return given


@pytest.mark.parametrize("cured", [True, False])
def test_two_reserved_machines_with_one_client_identifier(cured):
    """Copies of one installation."""
    given = sandbox.call(_copies, debian_oracle.tree(), cured, say=print)
    assert given == (["10.0.0.5", "10.0.0.6"] if cured else ["10.0.0.5", "silent"])


def _copies(_say, tree, cured):
    server = Server(tree)
    server.prepare(cable())
    plug("client-lan", "lan", "br0")
    server.start(profile(**{NAS: "10.0.0.5", PHONE: "10.0.0.6"}), cured)
    given = [address_of(dhcp_client.take(client(mac, DUID), tries=2)) for mac in (NAS, PHONE)]
    server.stop()
    return given


def test_a_reserved_lease_is_renewed_though_it_was_ended():
    assert sandbox.call(_renewed, debian_oracle.tree(), say=print) == ["10.0.0.5"] * 4


def _renewed(_say, tree):
    server, machine = Server(tree), client(NAS, DUID)
    server.prepare(cable())
    plug("client-lan", "lan", "br0")
    server.start(profile(**{NAS: "10.0.0.5"}))
    lease = dhcp_client.take(machine)
    given = [lease, dhcp_client.renew(machine, lease), dhcp_client.renew(machine, lease, everywhere=True)]
    given.append(dhcp_client.ask_for(machine, lease.address))
    server.stop()
    return list(map(address_of, given))


def test_leases_that_agree_stay_as_they_are():
    same = profile(**{NAS: "10.0.0.5"})
    given, offered, said, *_ = upgraded(same, same, [(NAS,), (PHONE, DUID)], [(NAS,), (PHONE, DUID)])
    assert (offered, said) == (given, [])


@pytest.mark.parametrize("part", [0, 0.3, 0.9, 0.995])
def test_a_file_that_was_not_written_to_its_end_is_moved_aside(part):
    _, offered, said, leases, aside = upgraded(profile(), profile(), [(NAS,), (PHONE,)], [(NAS,)], damage=part)
    assert said == ["<4>lan: the leases are damaged, now in /var/lib/systemd/network/dhcp-server-lease/lan.damaged"]
    assert aside
    assert offered != ["silent"]
    assert len(leases) == 1


def test_nothing_to_agree_with(tmp_path):
    """A first boot; a network that is no more; an earlier damage."""
    text = (
        SCRIPT.read_text().replace("/etc/systemd/network", f"{tmp_path}/etc").replace("/var/lib/systemd/network", str(tmp_path))
    )
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/20-lan.network").touch()
    for number in range(2):
        done = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")
        if not number:
            (tmp_path / "dhcp-server-lease").mkdir()
            (tmp_path / "dhcp-server-lease/gone").write_text("{")
            (tmp_path / "dhcp-server-lease/lan.damaged").write_text("{")
    assert {path.name for path in (tmp_path / "dhcp-server-lease").iterdir()} == {"gone", "lan.damaged"}
