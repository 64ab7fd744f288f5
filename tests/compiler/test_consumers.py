"""The real consumers take every generated file in silence, and are heard when one is wrong."""

import json
import subprocess

import pytest

from gwimage import compiler
from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.language import source
from tests.support import debian_oracle
from tests.support.paths import ROOT, TESTS

PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
NAMES = [f"{path.parent.name}-{path.stem}" for path in PROFILES]


@pytest.fixture(params=PROFILES, ids=NAMES)
def tree(request, tmp_path):
    output_tree.write(compiler.compile(source.read(str(request.param)))[0], str(tmp_path / "tree"))
    return tmp_path / "tree"


def test_networkd_and_udev(tree):
    assert debian_oracle.networkd(tree / "config") == []


def test_resolved(tree):
    assert debian_oracle.resolved(tree / "config") == []


def test_nft(tree):
    assert debian_oracle.nft(tree / "config/etc/nftables/gwimage.nft") == []


def test_chrony(tree):
    if (tree / "config/etc/chrony").exists():
        assert debian_oracle.chrony(tree / "config") == []


def _definitions(profile) -> tuple:
    """What mkosi reads of a profile, but for its name: most profiles differ in their configuration layer alone."""
    files = compiler.compile(source.read(str(profile)))[0]
    content = files["mkosi.conf.d/10-profile.conf"].text.partition("[Content]")[2]
    return content, tuple((path, file) for path, file in files.items() if path.startswith("mkosi.repart"))


DISTINCT = list({_definitions(profile): profile for profile in reversed(PROFILES)}.values())


@pytest.mark.parametrize("profile", DISTINCT, ids=[NAMES[PROFILES.index(profile)] for profile in DISTINCT])
@pytest.mark.parametrize("suite", ["trixie", "sid"])
def test_mkosi_reads_the_definitions(profile, suite, tmp_path):
    tree = tmp_path / "tree"
    output_tree.write(compiler.compile(source.read(str(profile)))[0], str(tree))
    steps = Steps(tmp_path / "log")
    mkosi = tools.mkosi(steps, host.mirror(), suite)
    argv = [*mkosi.argv, "--directory", str(tree), "--json", "summary"]
    done = subprocess.run(argv, env=mkosi.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    images = json.loads(done.stdout)["Images"]
    (main,) = [image for image in images if image["Image"] in (None, "main")]
    assert main["Initrds"] == [], "the default initrd would come back"
    assert main["Bootable"] == "enabled"
    assert main["SectorSize"] == 512


def test_units_of_the_packages_layer(tmp_path):
    units = ROOT / "gwimage/image/mkosi.extra/usr/lib/systemd/system"
    target = tmp_path / "etc/systemd/system"
    target.mkdir(parents=True)
    files = [target / unit.name for unit in units.glob("*.service")]
    for file in files:
        file.write_text((units / file.name).read_text())
    assert files
    assert debian_oracle.units(files) == []
    files[0].write_text("[Service]\nExecStart=/bin/true\nNoSuchKey=1\n")
    assert any("NoSuchKey" in line for line in debian_oracle.units(files))


def test_the_oracles_hear(tmp_path):
    network = tmp_path / "etc/systemd/network"
    network.mkdir(parents=True)
    (network / "10-x.network").write_text("[Match]\nName=x\n[Network]\nEmitDNS=yes\n")
    (network / "10-x.link").write_text("[Match]\nOriginalName=*\n[Link]\nName=a-name-that-is-too-long\n")
    complaints = debian_oracle.networkd(tmp_path)
    assert len(complaints) == 2
    assert "EmitDNS" in complaints[0]
    assert "too-long" in complaints[1] or "10-x.link" in complaints[1]
    drop_ins = tmp_path / "etc/systemd/resolved.conf.d"
    drop_ins.mkdir()
    (drop_ins / "x.conf").write_text("[Resolve]\nDNSStubListenerExtra=10.0.0.1/24\n")
    assert any("DNSStubListenerExtra" in line for line in debian_oracle.resolved(tmp_path))
    (tmp_path / "x.nft").write_text(
        "table inet x { chain y { type filter hook input priority filter; tcp dport 99999 accept; } }"
    )
    assert debian_oracle.nft(tmp_path / "x.nft")
    (tmp_path / "etc/chrony").mkdir()
    (tmp_path / "etc/chrony/chrony.conf").write_text("alow 10.0.0.0/8\n")
    assert "Invalid directive" in debian_oracle.chrony(tmp_path)[0]
