"""`--secret`: where secrets come from, that a site gets its own, and that nothing but the seed's own archive holds them."""

import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from gwimage.language import external_secrets, source
from gwimage.seed import difference, iso
from tests.support.paths import HOMELAB, ROOT

VPN = HOMELAB.read_text() + "vpn: {wg: {port: 51820, address: 10.99.0.1/24}}\n"
KEY = "eCFbyK1Hn6qBUUIxCxIcNQV9OJHH6qRBzRL8s2KZyVs="
OTHER = "GCQ6yK1Hn6qBUUIxCxIcNQV9OJHH6qRBzRL8s2KZyFA="
HASH = "$6$abcdefgh$" + "y" * 86
AT = "vpn.wg.private_key_file"


@pytest.fixture
def gateway(tmp_path):
    (tmp_path / "profile.yaml").write_text(VPN)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"site: branch-{name}\n")
    (tmp_path / "branch-a.key").write_text(f"{KEY}\n")
    (tmp_path / "branch-b.key").write_text(f"{OTHER}\n")
    for file in tmp_path.glob("*.key"):
        file.chmod(0o600)
    return tmp_path


def gwimage(folder, *words, **env):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | env
    argv = [sys.executable, "-m", "gwimage", *words]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def seeded(folder, *words, **env):
    done = gwimage(folder, "seed", "profile.yaml", *words, "-o", "out", **env)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def inside(folder, site: str) -> dict[str, tuple[str, int]]:
    """Text and mode of the files that the seed of a site lays down."""
    files = iso.read((folder / f"out/homelab_1.0.0_amd64_{site}.seed.iso").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(files[difference.ARCHIVE])) as archive:
        return {one.name: (archive.extractfile(one).read().decode(), one.mode) for one in archive if one.isfile()}


@pytest.mark.parametrize(
    "source",
    [
        "file:{site}.key",
        "env:WG_KEY",
        "command:cat {site}.key",
        "command:echo; printf %s $WG_KEY",
        "command:cat ./{site}.key; echo",
    ],
)
def test_each_source_brings_the_key_to_the_credential_of_networkd(gateway, source):
    said = seeded(gateway, "--site", "a.yaml", "--secret", f"{AT}={source}", WG_KEY=KEY)
    files = inside(gateway, "branch-a")
    held = [path for path, (text, _) in files.items() if KEY in text]
    assert held == ["etc/credstore/network.wireguard.wg"]
    assert files[held[0]][1] == 0o600
    assert KEY not in said


def test_each_site_of_a_folder_has_its_own(gateway):
    (gateway / "sites").mkdir()
    for name in ("a", "b"):
        (gateway / f"{name}.yaml").rename(gateway / f"sites/{name}.yaml")
    seeded(gateway, "--site", "sites", "--secret", f"{AT}=file:{{site}}.key")
    for site, key, other in (("branch-a", KEY, OTHER), ("branch-b", OTHER, KEY)):
        texts = "".join(text for text, _ in inside(gateway, site).values())
        assert key in texts and other not in texts


def test_nothing_else_holds_the_secrets(gateway):
    """Output, explanation, readable part of the volume, compiled image, and the mode of the volume."""
    words = ("--site", "a.yaml", "--secret", f"{AT}=env:WG_KEY", "--secret", "system.admin.password_hash=env:HASH")
    said = seeded(gateway, *words, WG_KEY=KEY, HASH=HASH)
    explained = gwimage(gateway, "seed", "profile.yaml", *words, "--explain", WG_KEY=KEY, HASH=HASH)
    assert explained.returncode == 0 and "not shown, it may hold a secret" in explained.stdout
    assert gwimage(gateway, "compile", "profile.yaml", "-o", "tree", WG_KEY=KEY, HASH=HASH).returncode == 0
    tree = "".join(file.read_text() for file in (gateway / "tree").rglob("*") if file.is_file())
    file = gateway / "out/homelab_1.0.0_amd64_branch-a.seed.iso"
    readable = {name: content.decode() for name, content in iso.read(file.read_bytes()).items() if name != difference.ARCHIVE}
    for text in (KEY, HASH):
        assert text not in said + explained.stdout + explained.stderr + tree
    assert KEY not in json.dumps(readable)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (f"{AT}=file:none.key", "cannot be read: no such file or directory"),
        (f"{AT}=env:NOWHERE", "cannot be read: this variable is not set"),
        (f"{AT}=command:cat branch-a.key; exit 3", "cannot be read: the command ended with status 3"),
        (f"{AT}=command:true", "cannot be read: it is empty"),
        (f"{AT}=command:head -c 70000 /dev/zero", "cannot be read: it is larger than 64 KiB"),
        (f"{AT}=command:printf '\\377'", "cannot be read: it is not UTF-8 text"),
        (f"{AT}=command:echo {OTHER[:-3]}", "a.yaml:1:1: error: this file holds no WireGuard key"),
        ("site.private_key=command:echo x", "cannot be set: a key above it is not a mapping"),
        ("vpn.nowhere.private_key_file=command:echo x", "[vpn.nowhere"),
        ("system.admin.password_hash=command:echo hunter2-hunter2", "expected a password's hash"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(gateway, given, said):
    done = gwimage(gateway, "seed", "profile.yaml", "--site", "a.yaml", "--secret", given, "-o", "out")
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert not (gateway / "out").exists() or not list((gateway / "out").iterdir())
    assert KEY not in done.stderr and OTHER[:-3] not in done.stderr and "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "given", ["", "x", f"{AT}={KEY}", f"{AT}=http:x", f"{AT}=file:", "lans.lan.address=env:X", "vpn..private_key=env:X"]
)
def test_an_option_that_is_none_does_not_show_what_it_holds(gateway, given):
    done = gwimage(gateway, "seed", "profile.yaml", "--site", "a.yaml", "--secret", given, "-o", "out")
    assert done.returncode == 2 and KEY not in done.stderr


def test_check_and_compile_run_nothing(gateway):
    for words in (("check",), ("compile", "-o", "tree")):
        done = gwimage(gateway, words[0], "profile.yaml", *words[1:], "--secret", f"{AT}=command:touch ran")
        assert done.returncode == 2
    assert not (gateway / "ran").exists()


def test_one_key_has_one_secret_and_verify_none_without_a_site(gateway):
    twice = gwimage(gateway, "seed", "profile.yaml", "--site", "a.yaml", "--secret", f"{AT}=env:X", "--secret", f"{AT}=env:Y")
    assert twice.returncode == 2 and "two secrets for one key" in twice.stderr
    alone = gwimage(gateway, "verify", "profile.yaml", "--secret", f"{AT}=env:X")
    assert alone.returncode == 2 and "--secret is for a site" in alone.stderr


def test_a_file_that_everybody_can_read_is_warned_of(gateway):
    (gateway / "branch-a.key").chmod(0o644)
    said = seeded(gateway, "--site", "a.yaml", "--secret", f"{AT}=file:{{site}}.key")
    assert "every user of this machine can read this file" in said


def test_a_command_that_leaves_somebody_behind_ends_in_time(monkeypatch):
    monkeypatch.setattr(external_secrets, "_TIMEOUT", 0.3)
    (one,) = external_secrets.parse([f"{AT}=command:sleep 5 & echo x"])
    site, problems = external_secrets.put(source.parse("site: a\n", "a.yaml"), [one], "a")
    assert [problem.message for problem in problems] == [
        f"--secret {AT} cannot be read: the command did not finish within 0.3 s"
    ]
