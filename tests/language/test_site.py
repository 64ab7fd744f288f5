"""Sites: what a small file over a profile makes of it, what it may not do, and the volume that says so to a gateway."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from ipaddress import ip_interface

import pytest

from gwimage import compiler, plan
from gwimage.compiler import loading
from gwimage.explain import output
from gwimage.language import schema, site, source
from gwimage.render import base as seed
from gwimage.seed import difference, iso
from tests.support.paths import HOMELAB, ROOT
from tests.support.sites import wanted as wanted_of

PROFILE = source.parse(HOMELAB.read_text(), "profile.yaml")
BASE = compiler.render(loading.load(PROFILE)[0], PROFILE)
SUBNET = "site: branch-7\nlans: {lan: {address: 10.7.0.1/24, dhcp: {pool: 10.7.0.100-10.7.0.199}}}\n"
WAN = "site: far\nwans:\n  wan: {ipv4: {address: 203.0.113.7/24, gateway: 203.0.113.1}, dns: [203.0.113.1]}\n"


def judged(text):
    given = source.parse(text, "site.yaml")
    wanted, problems = wanted_of(PROFILE, given)
    return wanted, [f"{one.place.file}:{one.place.line}:{one.place.column} {one.message}" for one in problems]


def seed_of(text):
    given = source.parse(text, "site.yaml")
    wanted, problems = wanted_of(PROFILE, given)
    assert wanted, problems
    return difference.difference(site.name(given), BASE, compiler.render(wanted, site.overlay(PROFILE, given)))


def gwimage(*words, **more):
    return subprocess.run([sys.executable, "-m", "gwimage", *map(str, words)], capture_output=True, text=True, **more)


def test_mappings_are_merged_and_all_else_replaced():
    wanted, problems = judged(SUBNET)
    (lan,) = wanted.lans
    assert (problems, lan.address, lan.link) == ([], ip_interface("10.7.0.1/24"), loading.load(PROFILE)[0].lans[0].link)
    assert wanted.system.hostname == "branch-7"
    assert judged("site: a\nsystem: {hostname: b}")[0].system.hostname == "b"


def test_a_claim_names_the_place_of_its_cause():
    given = source.parse(SUBNET, "site.yaml")
    both = site.overlay(PROFILE, given)
    assert output.cited("lans.lan.address", both) == "site.yaml:2:14: address: 10.7.0.1/24  [lans.lan.address]"
    assert output.cited("wans.wan.ipv4", both) == "profile.yaml:6:20: ipv4: dhcp  [wans.wan.ipv4]"
    assert output.cited("lans.lan.dhcp", both).startswith("site.yaml:2:")
    assert output.cited("lans.lan.nic", both) == "profile.yaml:9:5: nic: net1  [lans.lan.nic]"


def test_what_is_wrong_is_told_where_it_stands():
    assert judged("site: x\nlans: {lan: {address: 10.7.0.1/24}}")[1] == [
        "profile.yaml:11:18 10.0.0.100 and 10.0.0.199 are not in 10.7.0.0/24, the subnet of this network"
    ]
    assert judged("site: x\nlans: {lan: {dhcp: {pool: 10.7.0.100-10.7.0.199}}}")[1] == [
        "site.yaml:2:27 10.7.0.100 and 10.7.0.199 are not in 10.0.0.0/24, the subnet of this network"
    ]
    assert judged("site: x\nlans: {lan: {adress: 10.7.0.1/24}}")[1] == ["site.yaml:2:14 unknown key 'adress'"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "site.yaml:1:1 the profile is empty"),
        ("lans: {lan: {address: 10.7.0.1/24}}", "site.yaml:1:1 a site begins with its name"),
        ("site: Branch_7", "site.yaml:1:7 the name of a site is a host name without dots"),
        ("site: 7", "site.yaml:1:7 the name of a site is a host name without dots"),
        ("site: x\nimage: {kernel: generic}", "site.yaml:2:1 a site cannot set 'image'"),
        ("site: x\nservices: {ssh: {from: [lan]}}", "site.yaml:2:1 a site cannot set 'services'"),
        ("site: x\nfirewall: {raw: {input: [accept]}}", "site.yaml:2:12 a site cannot set 'raw'"),
        ("site: x\nfirewall: []", "site.yaml:2:1 a site cannot set 'firewall'"),
        ("site: x\nsystem: []", "site.yaml:2:9 "),
        ("site: x\nsystem: null", "site.yaml:2:9 "),
        ("site: x\nlans: 5", "site.yaml:2:7 "),
        ("site: x\nsite: y", "site.yaml:2:1 key 'site' appears twice, first in line 1"),
    ],
)
def test_what_a_site_may_not_do(text, wrong):
    wanted, problems = judged(text)
    assert wanted is None and problems[0].startswith(wrong)


def test_no_key_that_changes_packages_is_seedable():
    assert schema.seedable() == [
        "system",
        "dns",
        "wans",
        "lans",
        "routes",
        "qos",
        "vpn",
        "firewall.sets",
        "firewall.allow",
        "firewall.forwards",
        "firewall.log",
    ]


def test_a_seed_is_the_difference():
    found = seed_of(SUBNET)
    assert set(found.changed) == {
        "etc/hostname",
        "etc/hosts",
        "etc/nftables/gwimage.nft",
        "etc/systemd/network/10-wan.network",
        "etc/systemd/network/20-lan.network",
        "etc/systemd/resolved.conf.d/10-gwimage.conf",
    }
    assert found.changed["etc/hostname"].text == "branch-7\n"
    assert found.base + "\n" == BASE[seed.BASE].text
    nothing = seed_of("site: homelab\n")
    assert (nothing.changed, nothing.gone) == ({}, ())


def test_what_the_base_has_and_the_site_has_not_is_gone():
    admin = "system: {admin: {password_hash: $6$abcdefgh$" + "x" * 86 + "}}\n"
    profile = source.parse(HOMELAB.read_text() + admin, "profile.yaml")
    given = source.parse("site: x\nsystem: {admin: {name: other}}", "site.yaml")
    wanted, problems = wanted_of(profile, given)
    base, overlaid = loading.load(profile)[0], site.overlay(profile, given)
    found = difference.difference("x", compiler.render(base, profile), compiler.render(wanted, overlaid))
    assert "etc/credstore/passwd.hashed-password.admin" in found.gone
    assert "etc/credstore/passwd.hashed-password.other" in found.changed
    with tarfile.open(fileobj=io.BytesIO(difference.volume(found)["gwimage.tar"])) as archive:
        assert archive.extractfile("etc/gwimage/seed.gone").read().decode().split("\n") == [*found.gone, ""]


def test_another_base_has_another_digest():
    other = source.parse(HOMELAB.read_text().replace("1.0.0", "1.0.1"), "profile.yaml")
    assert compiler.render(loading.load(other)[0], other)[seed.BASE].text != BASE[seed.BASE].text


def test_a_file_of_the_definitions_cannot_be_seeded():
    other = source.parse(HOMELAB.read_text() + "image: {packages: [tcpdump]}\n", "profile.yaml")
    with pytest.raises(ValueError, match=r"^mkosi.conf.d/10-profile.conf$"):
        difference.difference("x", BASE, compiler.render(loading.load(other)[0], other))


def test_the_volume_is_the_same_whenever_and_wherever_it_is_made(monkeypatch):
    files = difference.volume(seed_of(SUBNET))
    many = {
        f"{number:03}{'-long' * 12}"[: 4 + number]: b"" for number in range(60)
    }  # dates go with the long names of Rock Ridge
    first, second = iso.make(files), iso.make(many)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert iso.make(difference.volume(seed_of(SUBNET))) == first
    assert iso.make(many) == second
    monkeypatch.undo()
    time.tzset()
    assert iso.read(first) == files
    assert set(files) == {"meta-data", "user-data", "gwimage.seed", "gwimage.tar"}


def test_the_archive_holds_the_files_with_their_modes():
    found = seed_of(WAN)
    with tarfile.open(fileobj=io.BytesIO(difference.volume(found)["gwimage.tar"])) as archive:
        members = {member.name: member for member in archive}
        assert archive.extractfile("etc/gwimage/seed").read() == b"far\n"
    assert set(members) == set(found.changed) | {"etc/gwimage/seed", "etc/gwimage/seed.gone"}
    assert {name: member.mode for name, member in members.items() if name in found.changed} == {
        name: file.mode for name, file in found.changed.items()
    }


def test_what_proxmox_does_not_take_is_refused():
    found = seed_of(SUBNET)
    found.changed["etc/large"] = plan.File("x" * difference.MOST_FILE)
    with pytest.raises(difference.TooLarge, match="gwimage.tar"):
        difference.volume(found)


def test_only_a_volume_with_our_label_is_one():
    with pytest.raises(ValueError, match=".+"):
        iso.read(b"\0" * 65536)


def test_files_beside_a_site_are_not_those_beside_the_profile(tmp_path):
    """Both say `key`; each in its own folder."""
    for folder, bits in (("profile", "A" * 42 + "E="), ("site", "B" * 42 + "E=")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "key").write_text(bits + "\n")
        (tmp_path / folder / "key").chmod(0o600)
    peers = "peers: {me: {public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, address: 10.9.0.2}}"
    vpn = f"vpn: {{wg0: {{address: 10.9.0.1/24, port: 51820, private_key_file: key, {peers}}}}}\n"
    (tmp_path / "profile/p.yaml").write_text(HOMELAB.read_text() + vpn)
    (tmp_path / "site/s.yaml").write_text("site: x\nvpn: {wg0: {private_key_file: key}}\n")
    base = source.read(str(tmp_path / "profile/p.yaml"))
    given = source.read(str(tmp_path / "site/s.yaml"))
    wanted, problems = wanted_of(base, given)
    assert wanted, problems
    found = difference.difference(
        "x", compiler.render(loading.load(base)[0], base), compiler.render(wanted, site.overlay(base, given))
    )
    secrets = [file for file in found.changed.values() if "B" * 42 in file.text]
    assert [file.mode for file in secrets] == [0o600]
    said = gwimage("seed", tmp_path / "profile/p.yaml", "--site", tmp_path / "site/s.yaml", "--explain")
    assert said.returncode == 0 and "it may hold a secret" in said.stdout
    assert "A" * 42 not in said.stdout + said.stderr and "B" * 42 not in said.stdout + said.stderr


def test_a_folder_of_sites_all_or_none(tmp_path):
    sites = tmp_path / "sites"
    sites.mkdir()
    for number in range(1, 13):
        (sites / f"{number}.yaml").write_text(SUBNET.replace("10.7", f"10.{number}").replace("branch-7", f"branch-{number}"))
    done = gwimage("seed", HOMELAB, "--site", sites, "-o", tmp_path / "out")
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert (done.returncode, len(made), made[0]) == (0, 12, "homelab_1.0.0_amd64_branch-1.seed.iso"), done.stderr
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}
    shutil.copy(sites / "3.yaml", sites / "again.yaml")
    (sites / "wrong.yaml").write_text("site: wrong\nlans: {lan: {address: 10.0.0.0/24}}\n")
    done = gwimage("seed", HOMELAB, "--site", sites, "-o", tmp_path / "none")
    assert done.returncode == 1 and not (tmp_path / "none").exists()
    assert "another site is called 'branch-3' too" in done.stderr and f"{sites}/wrong.yaml:2:" in done.stderr


def test_explain_shows_what_changes_and_writes_nothing(tmp_path):
    (tmp_path / "s.yaml").write_text(SUBNET)
    done = gwimage("seed", HOMELAB, "--site", "s.yaml", "--explain", cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("s.yaml: the next boot lays 6 files over the image's")
    assert "\n-homelab\n+branch-7\n" in done.stdout
    assert os.listdir(tmp_path) == ["s.yaml"]
