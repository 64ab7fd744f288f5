"""Who the gateway is, from a drive as Proxmox makes it: what the reader of image.seed: native writes; and cloud-init's configuration."""

import subprocess

import pytest
import yaml

from gwimage import compiler
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.seed import instance
from tests.support.paths import ROOT
from tests.support.proxmox_drive import drive

READER = ROOT / "gwimage/image/mkosi.extra/usr/lib/gwimage/identity"
KEYS = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a b", "ssh-ed25519 AAAA2 c")
HASH = "$5$abcdefgh$" + "x" * 43
BAKED = {
    "etc/sysusers.d/gwimage-admin.conf": 'u ops 1000 "Administrator" /home/ops /bin/bash\nm ops sudo\n',
    "etc/hostname": "gw\n",
}


def person(folder, user_data: bytes, baked=BAKED) -> tuple[list[str], dict[str, tuple[str, int]]]:
    """What it says, and what lies there afterwards: text and mode by path."""
    root, file = folder / "root", folder / "user-data"
    baked = {"etc/passwd": "root:x:0:0::/root:/bin/bash\n"} | baked
    for path, text in baked.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    file.write_bytes(user_data)
    # PATH is /bin, as in the initrd, where all of these are busybox
    done = subprocess.run(["sh", READER, root, file], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = {
        str(path.relative_to(root)): (path.read_text(), path.stat().st_mode & 0o777)
        for path in root.rglob("*")
        if path.is_file()
    }
    return done.stdout.splitlines(), found


def test_name_password_and_keys_go_to_the_profiles_admin(tmp_path):
    said, found = person(tmp_path, drive("Branch-9", password=HASH, keys=KEYS)["user-data"])
    assert said == ["host name branch-9", "user ops"]
    assert found["etc/hostname"][0] == "branch-9\n"
    assert found["etc/credstore/passwd.hashed-password.ops"] == (HASH, 0o600)
    assert found["etc/ssh/authorized_keys.d/ops"][0] == "".join(f"{key}\n" for key in KEYS)
    assert not [path for path in found if "seed" in path]  # the baked user is enough


@pytest.mark.parametrize("baked", [BAKED, {"etc/hostname": "gw\n"}])
def test_a_user_of_its_own(tmp_path, baked):
    _, found = person(tmp_path, drive("gw", user="lea", keys=KEYS[:1])["user-data"], baked)
    assert found["etc/sysusers.d/gwimage-seed.conf"][0] == 'u lea 1001 "Administrator" /home/lea /bin/bash\nm lea sudo\n'
    assert found["etc/sudoers.d/seed"] == ("lea ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)
    assert found["etc/tmpfiles.d/gwimage-seed.conf"][0] == "d /home/lea 0700 lea lea -\n"
    assert found["etc/ssh/authorized_keys.d/lea"][0] == f"{KEYS[0]}\n"


def test_keys_are_added_to_those_of_the_profile(tmp_path):
    _, found = person(
        tmp_path, drive("gw", keys=KEYS)["user-data"], BAKED | {"etc/ssh/authorized_keys.d/ops": "ssh-ed25519 AAAA0 d\n"}
    )
    assert found["etc/ssh/authorized_keys.d/ops"][0].split("\n")[:2] == ["ssh-ed25519 AAAA0 d", KEYS[0]]


def test_quotes_are_yamls(tmp_path):
    text = f"#cloud-config\nhostname: 'gw-2'\nuser: \"lea\"\nssh_authorized_keys:\n  - \"{KEYS[0]}\"\n  - 'no key'\n"
    said, found = person(tmp_path, text.encode())
    assert said == ["left out: a key that is none", "host name gw-2", "user lea"]
    assert found["etc/ssh/authorized_keys.d/lea"][0] == f"{KEYS[0]}\n" and found["etc/hostname"][0] == "gw-2\n"


def test_nobody_takes_the_place_of_a_user_of_the_system(tmp_path):
    text = drive("gw", user="backup", keys=KEYS)["user-data"]
    said, found = person(tmp_path, text, BAKED | {"etc/passwd": "backup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n"})
    assert said == ["host name gw", "left out: a user who cannot be one here (root is reached with sudo)"]
    assert not [path for path in found if "backup" in path or "seed" in path]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (drive("gw", user="root", keys=KEYS)["user-data"].decode(), "left out: a user"),
        ("#cloud-config\nuser: ../../etc\npassword: $5$a$b\n", "left out: a user"),
        ("#cloud-config\nuser: $(reboot)\npassword: $5$a$b\n", "left out: a user"),
        ("#cloud-config\nuser: -rf\npassword: $5$a$b\n", "left out: a user"),
        ("#cloud-config\nhostname: a/b\n", "left out: a host name that is none"),
        ("#cloud-config\nhostname: -a\n", "left out: a host name that is none"),
        ("#cloud-config\npassword: plain\n", "left out: a password that is not hashed"),
        ("#cloud-config\nruncmd:\n  - [reboot]\n", "left out: what Proxmox"),
        ("#!/bin/sh\n", None),
        ("", None),
        ("\0\1\377" * 100, "left out"),
    ],
)
def test_what_is_left_out_is_said_and_nothing_else_changes(tmp_path, text, said):
    lines, found = person(tmp_path, text.encode("latin-1"))
    assert not said or any(said in line for line in lines), lines
    kept = {path: text for path, (text, _) in found.items() if "credstore" not in path and path != "etc/passwd"}
    assert kept == BAKED or "user ops" in lines
    assert not any("plain" in text for text, _ in found.values())


def compiled(seed: str) -> dict:
    text = f"{(ROOT / 'profiles/homelab.yaml').read_text()}\nimage: {{seed: {seed}}}\n"
    given = source.parse(text, "profile.yaml")
    profile, problems = load(given)
    assert profile, problems
    return compiler.render(profile, given)


def test_kinds():
    kinds = {seed: compiled(seed) for seed in ("cloud-init", "native", "none")}
    assert {seed: files["config/etc/gwimage/seed.kind"].text for seed, files in kinds.items()} == {
        seed: f"{seed}\n" for seed in kinds
    }
    packaged = [seed for seed, files in kinds.items() if "cloud-init" in files["mkosi.conf.d/10-profile.conf"].text]
    assert packaged == [seed for seed, files in kinds.items() if "config/etc/cloud/cloud.cfg" in files] == ["cloud-init"]


def test_cloud_init_has_no_say_in_networks_packages_and_names():
    config = yaml.safe_load(compiled("cloud-init")["config/etc/cloud/cloud.cfg"].text)
    assert config["network"] == {"config": "disabled"} and config["datasource"]["NoCloud"]["fs_label"] is None
    assert config["ssh_deletekeys"] is False and config["ssh_genkeytypes"] == []
    modules = {name for key, names in config.items() if key.endswith("_modules") for name in names}
    unwanted = {
        "package_update_upgrade_install",
        "update_etc_hosts",
        "growpart",
        "resizefs",
        "mounts",
        "apt_configure",
        "locale",
    }
    assert not modules & (unwanted | {name.replace("_", "-") for name in unwanted})


def test_an_image_that_reads_no_seeds_gets_none(tmp_path):
    (tmp_path / "a.yaml").write_text("site: a\n")
    given = source.parse(f"{(ROOT / 'profiles/homelab.yaml').read_text()}\nimage: {{seed: none}}\n", "profile.yaml")
    made = instance.make(given, str(tmp_path / "a.yaml"))
    assert [(one.message, one.place.file) for one in made.problems] == [
        ("this image reads no seeds", "profile.yaml")
    ] and not made.volume
    assert instance.make(given, None, stock_image=True).volume
