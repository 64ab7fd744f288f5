"""`gwimage show`: the profile with all defaults is the same gateway; the pictures show every network."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

from gwimage.commands import main
from gwimage.compiler import compile
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.profile import defaults
from gwimage.report import diagram
from tests.support.paths import ROOT, TESTS

HOMELAB = ROOT / "profiles/homelab.yaml"
PROFILES = sorted([*(TESTS / "cases").glob("*/profile.yaml"), *(ROOT / "profiles").glob("*.yaml")])
NAMES = [f"{path.parent.name}-{path.stem}" for path in PROFILES]


def show(form: str) -> str:
    result = CliRunner().invoke(main.cli, ["show", str(HOMELAB), "--format", form])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("path", PROFILES, ids=NAMES)
def test_with_all_defaults_it_is_the_same_gateway(path):
    read = source.read(str(path))
    before = yaml.safe_dump(read.data)
    text = yaml.safe_dump(defaults.complete(read.data, load(read)[0]), sort_keys=False)
    assert yaml.safe_dump(read.data) == before
    files, again = (compile(one)[0] for one in (read, replace(source.parse(text, str(path)), files=read.files)))
    assert files.keys() == again.keys()
    assert [name for name in files if files[name].text != again[name].text] == ["manifest.json"]


def test_defaults_are_written_out():
    data = yaml.safe_load(show("yaml"))
    assert data["system"]["hostname"] == "homelab"
    assert data["lans"]["lan"]["masquerade"] is True
    assert data["lans"]["lan"]["dhcp"]["lease_time"] == "1h"
    assert data["lans"]["lan"]["dhcp"]["dns"] == ["10.0.0.1"]


@pytest.mark.parametrize("path", PROFILES, ids=NAMES)
def test_pictures_show_every_network_once(path):
    profile, _ = load(source.read(str(path)))
    drawn = diagram.derive(profile)
    names = sorted(box.name for box in (*drawn.left, drawn.gateway, *drawn.right))
    assert {network.name for network in (*profile.wans, *profile.lans, *profile.vpn)} < {*names}
    titles = [node.text for node in ElementTree.fromstring(diagram.svg(drawn)).iter() if node.get("class") == "name"]
    assert sorted(titles) == names
    text = diagram.text(drawn)
    for name in names:
        assert text.count(f"┌─{name}─") == 1


def test_the_text_is_aligned():
    assert show("text").splitlines()[:3] == [
        "                                          ┌─lan────────────────────────┐",
        "┌─wan─────────────┐   ┌─homelab───────┐   │ net1                       │",
        "│ net0            │ ┌─│ homelab 1.0.0 │─┐ │ 10.0.0.1/24                │",
    ]


def test_the_text_says_what_a_lan_reaches():
    profile, _ = load(source.read(str(TESTS / "cases/lans-public/profile.yaml")))
    boxes = {box.name: box.lines for box in diagram.derive(profile).right}
    assert [("public addresses only" in boxes[name]) for name in ("lan", "guests", "iot")] == [False, True, True]


def test_svg_on_the_command_line():
    assert ElementTree.fromstring(show("svg")).tag.endswith("svg")
