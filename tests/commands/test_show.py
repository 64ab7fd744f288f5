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


def drawn_rules(*lines: str) -> list[str]:
    """What the gateway's box says of firewall rules, each an entry of `allow` or `forwards`."""
    text = (
        "version: 1\nname: drawn\nrelease: 1.0.0\n"
        "wans: {fibre: {nic: net0, ipv4: dhcp}, cable: {nic: net1, ipv4: dhcp}}\n"
        "lans: {lan: {nic: net2, address: 10.0.0.1/24}, iot: {nic: net3, address: 10.0.20.1/24}}\n"
        "firewall:\n  sets: {admins: [10.0.0.7]}\n" + "".join(f"  {line}\n" for line in lines)
    )
    profile, problems = load(source.parse(text, "drawn.yaml"))
    assert not [problem for problem in problems if problem.severity == "error"]
    return [*diagram.derive(profile).gateway.lines[1:]]


@pytest.mark.parametrize(
    ("entry", "drawn"),
    [
        ("{from: [iot], to: [lan]}", "iot may reach lan"),
        (
            "{from: [iot], sources: [10.0.20.7], to: [lan], destinations: [10.0.0.5], protocols: [tcp], ports: [445]}",
            "iot 10.0.20.7 may reach lan 10.0.0.5 tcp 445",
        ),
        ("{from: [lan], sources: [admins], to: [iot], protocols: [icmp]}", "lan admins may reach iot icmp"),
        (
            "{from: [lan], to: [iot], destinations: [10.0.20.2, 10.0.20.4, 10.0.20.8/29, 10.0.20.16-10.0.20.18, 10.0.20.32]}",
            "lan may reach iot 10.0.20.2, 10.0.20.4, 10.0.20.8/29 and 2 more",
        ),
    ],
)
def test_an_entry_is_drawn_with_its_hosts(entry, drawn):
    assert drawn_rules(f"allow: [{entry}]") == [drawn]


@pytest.mark.parametrize(
    ("forward", "drawn"),
    [
        ("{ports: [443], to: 10.0.0.5}", "tcp 443 -> 10.0.0.5"),
        ("{ports: [443], to: 10.0.0.5, from: [fibre]}", "tcp 443 of fibre -> 10.0.0.5"),
        ("{ports: [443], to: 10.0.0.5, to_port: 8443, sources: [9.9.9.9]}", "tcp 443 from 9.9.9.9 -> 10.0.0.5:8443"),
    ],
)
def test_a_forward_is_drawn_with_its_wans_and_callers(forward, drawn):
    assert drawn_rules(f"forwards: {{web: {forward}}}") == [drawn]
