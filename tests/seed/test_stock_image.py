"""User-data for a stock cloud image: what is staged, what tells one content from another, and the way out of the first boot."""

import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import pytest
import yaml

from gwimage.language import source
from gwimage.seed import instance, iso
from tests.support.paths import HOMELAB, ROOT

INSTALL, ARCHIVE, SUM = "/var/lib/cloud/scripts/per-boot/gwimage", "/usr/lib/gwimage/stock.tar", "/usr/lib/gwimage/stock.sum"
ADMIN = (
    "system: {admin: {name: ops, password_hash: $6$abcdefgh$" + "y" * 86 + ", ssh_keys: [ssh-ed25519"
    " AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a]}}\nservices: {ssh: {from: [lan]}}\n"
)
WAN = "{nic: net0, ipv4: dhcp}"


def made(more: str = "", wan: str = WAN) -> tuple[dict[str, SimpleNamespace], dict, str, instance.Made]:
    """The members of the archive by path, with their text, the network of the first boot, the instance-id, and all."""
    text = HOMELAB.read_text().replace(WAN, wan) + "\n" + more
    found = instance.make(source.parse(text, "profile.yaml"), None, stock_image=True)
    assert found.seed, found.problems
    files = iso.read(found.volume)
    assert set(files) == {"user-data", "meta-data", "network-config"}
    written = {each["path"]: each for each in yaml.safe_load(files["user-data"])["write_files"]}
    # only what has no effect before all of it is there; the sum comes last
    assert list(written) == [INSTALL, ARCHIVE, SUM]
    assert yaml.safe_load(files["user-data"])["bootcmd"] == ["rm -f /var/lib/cloud/instance/sem/config_write_files"], (
        "they come at each boot"
    )
    raw = base64.b64decode(written[ARCHIVE]["content"])
    assert written[SUM]["content"] == f"{hashlib.sha256(raw).hexdigest()}  {ARCHIVE}\n"
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        members = {
            one.name: SimpleNamespace(
                mode=one.mode, link=one.linkname, text=archive.extractfile(one).read().decode() if one.isfile() else ""
            )
            for one in archive
        }
    return members, yaml.safe_load(files["network-config"]), yaml.safe_load(files["meta-data"])["instance-id"], found


def test_the_archive_holds_the_files_with_their_modes():
    members, _, _, found = made(ADMIN)
    assert sorted(members) == sorted(found.seed.changed)
    assert members["etc/sudoers.d/admin"].mode == 0o440 and members["etc/localtime"].link
    wanted = "etc/systemd/system/multi-user.target.wants"
    assert members[f"{wanted}/ssh.service"].link
    unit = members[f"{wanted}/gwimage-as-declared.service"].link.removeprefix("/")
    program = re.search(r"(?m)^ExecStart=/(\S+)", members[unit].text)[1]
    assert members[program].mode == 0o755
    packages = members["usr/lib/gwimage/packages"].text.split()
    assert {"nftables", "busybox-static", "openssh-server"} <= set(packages) and not {"cloud-init", "udhcpc"} & set(packages)


def test_users_and_keys_are_files_and_go_with_them():
    members, _, _, found = made(ADMIN)
    user_data = yaml.safe_load(found.seed.identity["user-data"].text)
    assert user_data["users"] == [] and "ssh_authorized_keys" not in user_data
    assert "AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u\n" in members["etc/ssh/sshd_config.d/10-gwimage.conf"].text
    assert "etc/ssh/authorized_keys.d/ops" in members and "etc/credstore/passwd.hashed-password.ops" in members


def test_nothing_of_cloud_init_stays_in_charge_of_the_gateway():
    members, *_ = made()
    (path,) = (path for path in members if path.startswith("etc/cloud/"))
    settings = yaml.safe_load(members[path].text)
    assert settings == {"network": {"config": "disabled"}, "ssh_deletekeys": False, "manage_etc_hosts": False}
    assert "etc/gwimage/seed.kind" not in members


def test_another_content_is_another_instance():
    """Also where only packages differ, or what travels along from gwimage itself."""
    contents = ("", "image: {packages: [tcpdump]}\n", "system: {timezone: Europe/Berlin}\n", ADMIN)
    instances = {made(more)[2] for more in contents}
    assert len(instances) == len(contents)
    assert made()[2] == made()[2]


@pytest.mark.parametrize(
    ("wan", "wanted"),
    [
        (WAN, {"ethernets": {"wan": {"match": {"name": "en*s18"}, "dhcp4": True}}}),
        (
            "{mac: bc:24:11:00:00:01, ipv4: dhcp}",
            {"ethernets": {"wan": {"match": {"macaddress": "bc:24:11:00:00:01"}, "dhcp4": True}}},
        ),
        ("{nic: net0, ipv4: dhcp, cloned_mac: 52:54:00:00:00:07}", {"macaddress": "52:54:00:00:00:07"}),
        (
            "{nic: net3, vlan: 7, ipv4: dhcp}",
            {"ethernets": {"card": {"match": {"name": "en*s21"}}}, "vlans": {"wan": {"id": 7, "link": "card", "dhcp4": True}}},
        ),
        (
            "{nic: net0, ipv4: {address: 203.0.113.2/29, gateway: 203.0.113.1}, dns: [203.0.113.53]}",
            {
                "addresses": ["203.0.113.2/29"],
                "routes": [{"to": "0.0.0.0/0", "via": "203.0.113.1"}],
                "nameservers": {"addresses": ["203.0.113.53"]},
            },
        ),
        (
            "{nic: net0, ipv4: {address: 203.0.113.7/32, gateway: 203.0.113.1}}",
            {"addresses": ["203.0.113.7/29"], "nameservers": {"addresses": ["9.9.9.9", "1.1.1.1"]}},
        ),
    ],
)
def test_the_way_out_of_the_first_boot(wan, wanted):
    network = made(wan=wan)[1]
    assert network.pop("version") == 2
    inner = network if wanted.keys() & {"ethernets", "vlans"} else network["ethernets"]["wan"]
    assert wanted.items() <= inner.items()


def test_a_kernel_that_no_seed_can_bring_is_warned_of():
    found = made("image: {kernel: generic}\n")[3]
    assert [problem.message for problem in found.problems] == ["a stock image keeps the kernel that it has"]


def test_too_little_memory_is_refused():
    found = instance.make(source.parse(HOMELAB.read_text() + "\nvm: {memory: 511}\n", "profile.yaml"), None, stock_image=True)
    assert not found.seed and ["needs 512 MiB" in problem.message for problem in found.problems] == [True]
    assert made("vm: {memory: 512}\n")[3].problems == ()


RIGHT = ("debian", "13", 460000)


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (RIGHT, "the seed did not come whole"),  # the next thing that it looks at
        (("debian", "12", 460000), "the seed is for Debian 13, and this is debian 12: nothing was changed"),
        (("debian", "", 460000), "and this is debian : nothing was changed"),  # testing and unstable have no number
        (("ubuntu", "24.04", 460000), "and this is ubuntu 24.04: nothing was changed"),
        (("debian", "13", 100000), "too little memory"),
    ],
)
def test_another_system_is_refused_before_anything_is_touched(tmp_path, machine, said):
    """The script of the first boot, with another os-release and meminfo, and an instance of cloud-init's that it would remove."""
    system, version, memory = machine
    (tmp_path / "os-release").write_text(f"ID={system}\n" + (f'VERSION_ID="{version}"\n' if version else ""))
    (tmp_path / "meminfo").write_text(f"MemTotal:         {memory} kB\nMemFree: 7 kB\n")
    earlier = tmp_path / "lib/cloud/instances/earlier"
    earlier.mkdir(parents=True)
    (tmp_path / "lib/cloud/instance").symlink_to("instances/this")
    over = {"os-release": "/etc/os-release", "meminfo": "/proc/meminfo", "lib": "/var/lib"}
    mounts = "".join(f"mount --bind {tmp_path / name} {path} && " for name, path in over.items())
    script = ROOT / "gwimage/seed/stock/install-gateway"
    words = ["unshare", "--mount", "sh", "-c", f"{mounts}mount --bind /dev/null /dev/kmsg && exec sh {script}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and said in done.stdout, done
    assert earlier.exists() == (machine != RIGHT)


def test_the_command_needs_no_site(tmp_path):
    def gwimage(*words, text=None):
        argv = [sys.executable, "-m", "gwimage", "seed", *map(str, words)]
        return subprocess.run(argv, cwd=ROOT, input=text, capture_output=True, text=True, check=False)

    done = gwimage(HOMELAB, "--base", "debian-13", "-o", tmp_path)
    assert done.returncode == 0 and "qm disk import 120 debian-13-genericcloud-amd64.qcow2" in done.stdout, done.stderr
    assert "--scsi1" not in done.stdout
    names = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    stem = "homelab_1.0.0_amd64_homelab.debian-13"
    assert names == {f"{stem}.seed.iso": 0o600, f"{stem}.user-data": 0o600}
    by_pipe = gwimage("-", "--base", "debian-13", "-o", tmp_path / "pipe", text=HOMELAB.read_text())
    assert by_pipe.returncode == 0, by_pipe.stderr
    assert (tmp_path / "pipe" / f"{stem}.seed.iso").read_bytes() == (tmp_path / f"{stem}.seed.iso").read_bytes()
    explained = gwimage(HOMELAB, "--base", "debian-13", "--explain")
    assert (
        "the first boot installs what is missing" in explained.stdout
        and "+++ seed/etc/nftables/gwimage.nft" in explained.stdout
    )
    assert gwimage(HOMELAB).returncode == 2
    own = gwimage(HOMELAB, "--site", HOMELAB)
    assert own.returncode == 1 and "a site begins with its name" in own.stderr
