"""The pure middle, the claims, and writing: what is promised about bytes, modes and other people's files."""

import contextlib
import json
import os
import stat
import subprocess
import sys

import pytest

from gwimage.claims import claim_firewall, claim_traffic
from gwimage.compiler import claims, compile
from gwimage.compiler.loading import load
from gwimage.compiler.output_tree import write
from gwimage.language import source
from gwimage.plan import File
from gwimage.problem import ProfileError, ToolError
from gwimage.values.lab_host import attacker, client
from tests.support.paths import ROOT, TESTS

EVERYTHING = TESTS / "cases" / "everything" / "profile.yaml"
HOMELAB = ROOT / "profiles" / "homelab.yaml"
CLOSED = (
    claim_firewall.GatewayClosed,
    claim_firewall.GatewayClosedUdp,
    claim_firewall.OtherAddresses,
    claim_firewall.Unreachable,
    claim_firewall.Spoofed,
    claim_traffic.MssClamp,
)
NFT = "config/etc/nftables/gwimage.nft"


def compiled(path=EVERYTHING) -> dict[str, File]:
    return compile(source.read(str(path)))[0]


def snapshot(root) -> dict[str, tuple]:
    found = {}
    for path in sorted(root.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        name = str(path.relative_to(root))
        found[name] = ("link", os.readlink(path)) if path.is_symlink() else (mode, b"" if path.is_dir() else path.read_bytes())
    return found


def test_errors_give_no_files():
    files, problems = compile(source.parse("version: 1\n", "x.yaml"))
    assert files == {}
    assert problems
    assert load(source.parse("version: 1\n", "x.yaml"))[0] is None


def test_warnings_and_notes_do_not_stop():
    files, problems = compile(source.read(str(EVERYTHING)))
    assert files
    assert {problem.severity for problem in problems} == {"warning", "note"}


SCRIPT = """
import os, sys
os.umask(int(sys.argv[3], 8))
from gwimage.compiler import compile
from gwimage.compiler.output_tree import write
from gwimage.language import source
write(compile(source.read(sys.argv[1]))[0], sys.argv[2])
"""


def test_same_bytes_and_modes_everywhere(tmp_path):
    found = []
    worlds = (("/", "0000", "C", "UTC", "1"), (str(tmp_path), "0077", "tr_TR.UTF-8", "Asia/Kathmandu", "2"))
    for number, (cwd, umask, locale, zone, seed) in enumerate(worlds):
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        out = tmp_path / f"out{number}"
        subprocess.run([sys.executable, "-c", SCRIPT, str(EVERYTHING), str(out), umask], cwd=cwd, env=env, check=True)
        found.append(snapshot(out) | {".": stat.S_IMODE(out.stat().st_mode)})
    assert found[0] == found[1]


def test_a_comment_in_the_profile_changes_only_the_manifest():
    text = HOMELAB.read_text()
    before, after = (compile(source.parse(raw, "p.yaml"))[0] for raw in (text, "# hello\n\n" + text))
    assert [path for path in before if before[path] != after[path]] == ["manifest.json"]


def test_manifest_describes_every_file():
    files = compiled()
    manifest = json.loads(files["manifest.json"].text)
    assert sorted(manifest["files"]) == sorted(set(files) - {"manifest.json"})
    assert (manifest["name"], manifest["release"]) == ("everything", "2.10.3")


@pytest.mark.parametrize("foreign", ['{"files": []}', '{"files": {}}', '{"format": 1, "files": {}}', "[]", "x"])
def test_a_foreign_manifest_is_not_ours(tmp_path, foreign):
    (tmp_path / "manifest.json").write_text(foreign)
    with pytest.raises(ProfileError):
        write(compiled(), str(tmp_path))
    assert (tmp_path / "manifest.json").read_text() == foreign


def test_no_tree_is_written_into_another(tmp_path):
    """Several profiles into the directory of one: the next compilation of that one would be refused."""
    out = tmp_path / "out"
    write(compiled(), str(out))
    with pytest.raises(ProfileError, match="would lie in the tree of a profile"):
        write(compiled(), str(out / "more"))
    write(compiled(), str(out))
    assert not (out / "more").exists()


def test_a_pipe_in_our_tree_is_not_read(tmp_path):
    write(compiled(), str(tmp_path / "out"))
    path = tmp_path / "out" / "mkosi.conf"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ProfileError):
        write(compiled(), str(tmp_path / "out"))


def test_an_empty_directory_stays_the_same_one(tmp_path):
    (tmp_path / "out").mkdir(mode=0o700)
    before = (tmp_path / "out").stat()
    write(compiled(), str(tmp_path / "out"))
    after = (tmp_path / "out").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (tmp_path / "out" / "manifest.json").exists()


def test_source_map_leads_back():
    files = compiled()
    sources = json.loads(files["manifest.json"].text)["sources"]
    lines = files[NFT].text.splitlines()
    profile = EVERYTHING.read_text().splitlines()
    for key, where in sources[NFT].items():
        numbers = [int(number) for number in key.split("-")]
        *place, path = where.split(" ")
        for number in range(numbers[0], numbers[-1] + 1):
            assert f'comment "{path}"' in lines[number - 1]
        if place:
            line, column = map(int, place[0].split(":"))
            written = profile[line - 1][column - 1 :].split(":")[0]
            assert written in path.split(".") or path[-1].isdecimal()  # an item of a list has no key


def test_source_map_finds_items_of_lists():
    sources = json.loads(compiled()["manifest.json"].text)["sources"][NFT]
    lines = EVERYTHING.read_text().splitlines()
    (place,) = {where.split(" ")[0] for where in sources.values() if where.endswith(" firewall.allow.1")}
    line, column = map(int, place.split(":"))
    assert lines[line - 1][column - 1 :].startswith("{from: [fibre]")


def test_every_rule_and_element_is_commented():
    for line in compiled()[NFT].text.splitlines():
        if line.startswith("            ") or (
            line.startswith("        ") and not line.strip().startswith(("type", "flags", "elem", "}"))
        ):
            assert ' comment "' in line, line


def test_user_names_stand_in_quotes():
    text = compiled()[NFT].text
    for name in ("fibre", "cable", "iot-2"):
        for line in text.splitlines():
            assert name not in "".join(line.split('"')[::2]), line


def test_never_flushes():
    assert "flush" not in compiled()[NFT].text


def test_no_password_hash_in_readable_files():
    for path, file in compiled().items():
        if "$6$" in file.text:
            assert file.mode == 0o600, path


def test_claims():
    profile, _ = load(source.read(str(EVERYTHING)))
    found = claims(profile)
    ids = [one.id for one in found]
    assert len(ids) == len(set(ids))
    for index, one in enumerate(found):
        assert set(one.needs) <= set(ids[:index]), "a claim comes after what it needs"
        assert one.path.split(".")[0] in ("system", "wans", "lans", "dns", "routes", "services", "firewall", "vpn", "qos")
        assert "\n" not in one.text
        if isinstance(one.probe, CLOSED):
            assert one.closed
    by_id = {one.id: one for one in found}
    assert by_id["lans.lan.closed"].probe == claim_firewall.GatewayClosed(client("lan"), (22, 53)), (
        "the pool is none of the admins"
    )
    assert by_id["lans.iot-2.closed"].probe == claim_firewall.GatewayClosed(client("iot-2"), (53,))
    assert by_id["lans.lan.closed.udp"].probe == claim_firewall.GatewayClosedUdp(client("lan"), (53, 67), (51820,))
    assert by_id["wans.fibre.closed.udp"].probe == claim_firewall.GatewayClosedUdp(
        attacker("fibre"), (), (51820,), ((8000, 8001),)
    )
    ssh, dns, web, camera = (22, 22), (53, 53), ((80, 80), (443, 443)), (8000, 8001)
    assert by_id["wans.fibre.closed.others"].probe.allowed_tcp == (ssh, *web, camera)
    assert by_id["lans.guests.closed.others"].probe.allowed_tcp == (dns, *web, camera)
    assert by_id["lans.lan.source"].closed
    assert not by_id["lans.iot-2.source"].closed
    assert "lans.iot-2.dhcp.lease" not in by_id
    assert by_id["lans.lan.unreachable.iot-2"].probe == claim_firewall.Unreachable(client("iot-2"), "lan")


def test_homelab_claims():
    profile, _ = load(source.read(str(HOMELAB)))
    assert sorted(one.id for one in claims(profile)) == [
        "lans.lan.closed",
        "lans.lan.closed.others",
        "lans.lan.closed.udp",
        "lans.lan.dhcp.addresses",
        "lans.lan.dhcp.elsewhere",
        "lans.lan.dhcp.identities",
        "lans.lan.dhcp.lease",
        "lans.lan.dhcp.options",
        "lans.lan.dhcp.renewal",
        "lans.lan.dns",
        "lans.lan.ipv6.off",
        "lans.lan.ping",
        "lans.lan.reverse",
        "lans.lan.source",
        "lans.lan.spoofed",
        "lans.lan.spoofed.wan",
        "lans.lan.unreachable.wan",
        "system.hostname.name",
        "system.inspection",
        "system.names",
        "wans.wan.address",
        "wans.wan.closed",
        "wans.wan.closed.others",
        "wans.wan.closed.udp",
        "wans.wan.mss",
    ]


def test_write_replaces_its_own(tmp_path):
    out = tmp_path / "out"
    write(compiled(), str(out))
    before = snapshot(out)
    write(compiled(HOMELAB), str(out))
    assert not (out / "config/etc/ssh").exists()
    write(compiled(), str(out))
    assert snapshot(out) == before
    assert os.listdir(tmp_path) == ["out"]


def test_write_into_an_empty_directory_and_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(compiled(), str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "manifest.json").exists()


@pytest.mark.parametrize("spoil", ["other", "file", "edited", "added", "mode", "removed", "empty manifest"])
def test_write_keeps_what_is_not_its_own(tmp_path, spoil):
    out = tmp_path / "out"
    if spoil == "other":
        out.mkdir()
        (out / "letter.txt").write_text("dear")
    elif spoil == "file":
        out.write_text("dear")
    else:
        write(compiled(), str(out))
        hostname = out / "config/etc/hostname"
        {
            "edited": lambda: hostname.write_text("other\n"),
            "added": lambda: (out / "notes").write_bytes(b"\xff"),
            "mode": lambda: hostname.chmod(0o600),
            "removed": hostname.unlink,
            "empty manifest": lambda: (out / "manifest.json").write_text(""),
        }[spoil]()
    before = snapshot(tmp_path)
    with pytest.raises(ProfileError):
        write(compiled(), str(out))
    assert snapshot(tmp_path) == before


def test_write_leaves_nothing_half_done(tmp_path):
    out = tmp_path / "out"
    write(compiled(), str(out))
    before = snapshot(tmp_path)
    with pytest.raises(ToolError):
        write({"a": File("x"), "a/b": File("y")}, str(out))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("before", ["nothing", "an empty directory", "a tree"])
@pytest.mark.parametrize("number", range(1, 7))
def test_write_interrupted_leaves_the_old_or_the_new(tmp_path, monkeypatch, before, number):
    """Ctrl-C right after each rename; where there are fewer, nothing happens."""
    out, whole = tmp_path / "x" / "out", tmp_path / "whole"
    out.parent.mkdir()
    write(compiled(HOMELAB), str(whole))
    if before == "a tree":
        write(compiled(), str(out))
    elif before != "nothing":
        out.mkdir()
    names, old = os.listdir(out.parent), snapshot(out)
    left, rename = number, os.rename

    def interrupted(one, other):
        nonlocal left
        rename(one, other)
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        write(compiled(HOMELAB), str(out))
    assert snapshot(out) in (old, snapshot(whole))
    assert os.listdir(out.parent) in (names, ["out"])
