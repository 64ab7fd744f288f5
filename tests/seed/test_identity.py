"""Who the gateway is, from a drive as Proxmox makes it: what the reader of image.seed: native writes; and cloud-init's configuration."""

import re
import resource
import shutil

import pytest
import yaml

from gwimage import compiler
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.seed import instance
from tests.support import debian_oracle
from tests.support.paths import ROOT
from tests.support.proxmox_drive import drive

IMAGE = ROOT / "gwimage/image"
READER = IMAGE / "mkosi.extra/usr/lib/gwimage/identity"
# /bin has what the initrd's has: Debian's busybox under the names that mkosi.finalize lists
INITRD = r"""
set -eu
mount --bind "$CONFIG/bin" "$TREE/usr/bin"
mount --bind "$CONFIG" "$TREE/mnt"
chroot "$TREE" busybox sh /mnt/identity /mnt/root /mnt/user-data 2>&1
"""
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
    tools = re.search(r"^for tool in (.*); do$", (IMAGE / "mkosi.finalize").read_text(), re.MULTILINE).group(1).split()
    (folder / "bin").mkdir(exist_ok=True)
    shutil.copy(debian_oracle.tree() / "usr/bin/busybox", folder / "bin")
    for tool in tools:
        (folder / "bin" / tool).unlink(missing_ok=True)
        (folder / "bin" / tool).symlink_to("busybox")
    shutil.copy(READER, folder)
    said = debian_oracle.ask(INITRD, folder)
    found = {
        str(path.relative_to(root)): (path.read_text(), path.stat().st_mode & 0o777)
        for path in root.rglob("*")
        if path.is_file()
    }
    return said.splitlines(), found


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
    assert said == ["left out: of ssh_authorized_keys 1 that are no SSH keys", "host name gw-2", "user lea"]
    assert found["etc/ssh/authorized_keys.d/lea"][0] == f"{KEYS[0]}\n" and found["etc/hostname"][0] == "gw-2\n"


def test_a_key_keeps_its_options(tmp_path):
    options = ('from="10.0.0.0/24,192.0.2.*",no-pty', 'command="echo \\"a b\\"; id"', "restrict")
    keys = tuple(f"{option} {KEYS[0]}" for option in options)
    said, found = person(tmp_path, drive("gw", keys=keys)["user-data"])
    assert said == ["host name gw", "user ops"]
    assert found["etc/ssh/authorized_keys.d/ops"][0].splitlines() == list(keys)


@pytest.mark.parametrize(
    "name", ["root", "backup", "sudo", "systemd-network", "systemd-coredump", "_chrony", "messagebus", "input"]
)
def test_nobody_takes_a_name_of_the_system(tmp_path, name):
    """Users and groups in the image's files, and those that systemd-sysusers makes at boot."""
    system = {
        "etc/passwd": "root:x:0:0::/root:/bin/bash\nbackup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n",
        "etc/group": "root:x:0:\nsudo:x:27:\n",
        "usr/lib/sysusers.d/packages.conf": 'g input  -\nu! systemd-network - "Network"\nu\tmessagebus\t-\nu "_chrony" -\n',
    }
    said, found = person(tmp_path, drive("gw", user=name, password=HASH, keys=KEYS)["user-data"], BAKED | system)
    assert said[0] == "host name gw" and said[1].startswith("left out: ") and "user" in said[1] and len(said) == 2
    assert name == "_chrony" or f"user {name}, a name of the system's own" in said[1]  # "_" is no beginning
    assert {path: text for path, (text, _) in found.items()} == BAKED | system


def test_names_that_only_look_like_the_systems(tmp_path):
    system = {"etc/group": "sudo:x:27:\n", "usr/lib/sysusers.d/packages.conf": "g input  -\nm ops sudo\n"}
    for name in ("sud", "sudoer", "inpu", "inputs"):
        said, _ = person(tmp_path, drive("gw", user=name, keys=KEYS)["user-data"], BAKED | system)
        assert said == ["host name gw", f"user {name}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (drive("gw", user="root", keys=KEYS)["user-data"].decode(), "left out: user root, a name of the system's own"),
        ("#cloud-config\nuser: ../../etc\npassword: $5$a$b\n", "left out: a user whose name cannot be one"),
        ("#cloud-config\nuser: $(reboot)\npassword: $5$a$b\n", "left out: a user whose name cannot be one"),
        ("#cloud-config\nuser: -rf\npassword: $5$a$b\n", "left out: a user whose name cannot be one"),
        ("#cloud-config\nuser: .*\npassword: $5$a$b\n", "left out: a user whose name cannot be one"),
        ("#cloud-config\nhostname: a/b\n", "left out: a host name that is none"),
        ("#cloud-config\nhostname: -a\n", "left out: a host name that is none"),
        ("#cloud-config\nhostname:\n  a\n", "left out: hostname:"),
        ("#cloud-config\npassword: plain\n", "left out: a password that is not hashed"),
        ("#cloud-config\npassword: $plain:0:0\n", "left out: a password that is not hashed"),
        (
            "#cloud-config\nruncmd:\n  - [reboot]\ntimezone: UTC\n",
            "left out: runcmd, timezone: with image.seed: cloud-init only",
        ),
        ("#cloud-config\na: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\n", "left out: a, b, c, d, e and 2 more:"),
        ("#cloud-config\nusers:\n  - default\n  - name: lea\n    sudo: ALL=(ALL) ALL\n", "left out: users:"),
        ("#cloud-config\nchpasswd:\n  list: |\n    root:plain\n", "left out: chpasswd:"),
        ("#cloud-config\nssh_authorized_keys: [ssh-ed25519 AAAA]\n", "left out: ssh_authorized_keys:"),
        (
            "#cloud-config\nssh_authorized_keys:\n  - ssh-dss BBBB\n  - AAAA\n",
            "left out: of ssh_authorized_keys 2 that are no SSH keys",
        ),
        ("#cloud-config\nhostname gw\n", "left out: lines that are no setting:"),
        ("#!/bin/sh\nreboot\n", "left out: all of it"),
        ("Content-Type: multipart/mixed\n\nhostname: evil\n", "left out: all of it"),
        ("", None),
        ("\0\1\377" * 100, "left out: all of it"),
    ],
)
def test_what_is_left_out_is_said_and_nothing_else_changes(tmp_path, text, said):
    lines, found = person(tmp_path, text.encode("latin-1"))
    assert [line for line in lines if line.startswith("left out")] == [line for line in lines if said and line.startswith(said)]
    assert bool(lines) == bool(said)
    kept = {path: text for path, (text, _) in found.items() if "credstore" not in path and path != "etc/passwd"}
    assert kept == BAKED or "user ops" in lines
    assert not any("plain" in text for text, _ in found.values())


def test_keys_wherever_yaml_lets_them_stand(tmp_path):
    text = f"#cloud-config\r\nhostname: gw\r\nssh_authorized_keys:\r\n- {KEYS[0]}\r\n# another\r\n-   {KEYS[1]}\r\n"
    said, found = person(tmp_path, text.encode())
    assert said == ["host name gw", "user ops"]
    assert found["etc/ssh/authorized_keys.d/ops"][0].splitlines() == list(KEYS)


def test_four_times_the_keys_take_four_times_as_long(tmp_path):
    """Nobody has a network until this is done: 1 MiB holds 95,000 of them."""

    def spent(count: int, run: int) -> float:
        keys, name = tuple(f"ssh-rsa AAAA{number}" for number in range(count)), f"lea-{count}-{run}"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said, found = person(tmp_path, drive("gw", user=name, keys=keys)["user-data"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert said[-1] == f"user {name}" and len(found[f"etc/ssh/authorized_keys.d/{name}"][0].splitlines()) == count
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    few, many = (min(spent(count, run) for run in range(2)) for count in (16000, 64000))
    assert many < 6 * few, (few, many)


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
