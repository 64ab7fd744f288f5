"""Leases outlive a configuration: what Debian 13's networkd makes of them when reservations have come or changed.

`cured` is what the image runs before networkd (usr/lib/gwimage/leases); without it the defect must show, or it is cured
where nothing was wrong.
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
    assert {".".join(map(str, lease["Address"])) for lease in leases} == {"10.0.0.5", old, kept}


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
