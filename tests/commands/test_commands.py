"""`check` and `compile` as commands: several files, standard input, formats, exit statuses."""

import base64
import hashlib
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

import gwimage
from gwimage.commands import diagnostics, main
from gwimage.compiler.loading import load
from gwimage.language import schema, source
from gwimage.problem import Place, Problem, ProfileError
from tests.support.paths import ROOT, TESTS

HOMELAB = (ROOT / "profiles" / "homelab.yaml").read_text()
WARNED = HOMELAB + "system: {admin: {password_hash: $6$" + "a" * 8 + "$" + "b" * 86 + "}}\nservices: {ssh: {from: [wan]}}\n"
WARNED = WARNED.replace(
    "system: {admin: {",
    "system: {admin: {ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me], ",
)
NOTED = HOMELAB + "vm: {nics: {net0: {bridge: vmbr0, tag: 7}, net1: {bridge: vmbr1}}}\n"
WRONG = HOMELAB.replace("10.0.0.1/24", "10.0.0.0/24")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("good", HOMELAB), ("warned", WARNED), ("noted", NOTED), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def run(*argv, **options):
    return CliRunner().invoke(main.cli, argv, **options)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["good.yaml"], 0),
        (["warned.yaml"], 0),
        (["--strict", "good.yaml"], 0),
        (["--strict", "warned.yaml"], 1),
        (["--strict", "noted.yaml"], 0),
        (["good.yaml", "wrong.yaml"], 1),
        (["missing.yaml"], 1),
        (["--format", "json", "wrong.yaml"], 1),
        (["--format", "sarif", "--strict", "warned.yaml"], 1),
        ([], 2),
    ],
)
def test_exit_status_of_check(argv, status):
    assert run("check", *argv).exit_code == status


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--memory", "111"], "111 MiB are too little on pc: a gateway takes 112"),
        (["--machine", "q35", "--memory", "159"], "159 MiB are too little on q35: a gateway takes 160"),
        (["--memory", "112"], "there is no such image"),  # the next that it looks for
    ],
)
def test_verify_refuses_too_little_memory_before_it_looks_for_the_image(options, said):
    done = run("verify", "good.yaml", *options)
    assert done.exit_code and said in f"{done.stderr}{done.exception}"


def test_notes_are_said_by_check_alone():
    said = run("check", "noted.yaml").stderr
    assert "note: on the Proxmox host vmbr0 must be VLAN-aware" in said
    assert "note" not in run("compile", "noted.yaml", "-o", "out").stderr


def test_a_seed_has_no_notes_and_says_once_what_all_sites_have(folder):
    (folder / "good.yaml").write_text(HOMELAB + "image: {kernel: generic}\n")
    for name in ("anna", "bert"):
        (folder / f"{name}.yaml").write_text(f"site: {name}\nlans: {{lan: {{mtu: 9000}}}}\n")
    seeded = run("seed", "good.yaml", "--base", "debian-13", "--site", "anna.yaml", "--site", "bert.yaml", "--explain")
    assert seeded.exit_code == 0
    assert "note" not in seeded.stderr
    assert seeded.stderr.count("a stock image keeps the kernel that it has") == 1


def really(*argv, text) -> subprocess.CompletedProcess:
    """The command as a process of its own, with a real standard input."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gwimage", *argv]
    return subprocess.run(command, input=text, env=env, capture_output=True, text=True, check=False)


def test_check_names_every_file():
    done = really("check", "wrong.yaml", "missing.yaml", "-", text=WRONG)
    assert done.returncode == 1
    assert re.findall(r"^([\w.<>]+).*: error: ", done.stderr, re.M) == ["wrong.yaml", "missing.yaml", "<stdin>"]


def test_compile_reads_standard_input():
    assert really("compile", "-", "-o", "out", text=HOMELAB).returncode == 0
    assert os.path.exists("out/manifest.json")


def test_json_is_the_same_problems():
    (found,) = json.loads(run("check", "--format", "json", "wrong.yaml").stdout)
    assert found["file"] == "wrong.yaml"
    assert found["path"] == "lans.lan.address"


def sarif(*argv) -> dict:
    return json.loads(run("check", "--format", "sarif", *argv).stdout)


def test_sarif():
    """The fields on which viewers rely (SARIF 2.1.0, sections 3.13, 3.14, 3.19, 3.27-3.30); it was valid by OASIS's own schema."""
    log = sarif("wrong.yaml", "warned.yaml")
    (run_,) = log["runs"]
    driver = run_["tool"]["driver"]
    assert log["version"] == "2.1.0"
    assert (driver["name"], driver["version"], driver["informationUri"]) == ("gwimage", gwimage.__version__, gwimage.HOMEPAGE)
    assert [rule["id"] for rule in driver["rules"]] == ["profile", *schema.sections()]
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in driver["rules"])
    assert run_["columnKind"] == "unicodeCodePoints"  # the default would be UTF-16
    wrong, warned = run_["results"]
    line = next(number for number, line in enumerate(WRONG.splitlines(), 1) if "10.0.0.0/24" in line)
    assert wrong == {
        "ruleId": "lans",
        "ruleIndex": driver["rules"].index(next(rule for rule in driver["rules"] if rule["id"] == "lans")),
        "level": "error",
        "message": {"text": "10.0.0.0 is the network address of 10.0.0.0/24, no host can have it (did you mean 10.0.0.1/24?)"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "wrong.yaml"},
                    "region": {"startLine": line, "startColumn": 14, "endColumn": 25},
                },
                "logicalLocations": [{"fullyQualifiedName": "lans.lan.address"}],
            }
        ],
    }
    assert (warned["level"], warned["ruleId"]) == ("warning", "services")


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b.yaml", "a%20b.yaml"),
        ("c:d%.yaml", "c%3Ad%25.yaml"),
        ("ü/é.yaml", "%C3%BC/%C3%A9.yaml"),
        ("/etc/gw #1.yaml", "file:///etc/gw%20%231.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("\udcff.yaml", "%FF.yaml"),
    ],
)
def test_sarif_encodes_names(file, uri):
    log = json.loads(diagnostics.sarif([Problem(("colour",), "x", place=Place(file))]))
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "profile"
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": uri}}


def test_sarif_without_problems_is_a_run_without_results():
    assert sarif("good.yaml")["runs"][0]["results"] == []


def test_colour_on_a_terminal_only(folder):
    assert "\033" not in run("check", "wrong.yaml").output
    for no_colour, colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = pty.openpty()
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **no_colour}
        subprocess.run(
            [sys.executable, "-m", "gwimage", "check", "wrong.yaml"], stderr=theirs, env=env, cwd=folder, check=False
        )
        os.close(theirs)
        said = os.read(ours, 4096).decode()
        os.close(ours)
        assert "error" in said
        assert ("\033[1;31merror:\033[0m" in said) == colours


def test_one_profile_is_the_directory_several_are_folders_of_it():
    text = HOMELAB.replace("name: homelab", "name: branch")
    assert run("compile", "good.yaml", "-o", "one").exit_code == 0
    with open("branch.yaml", "w") as file:
        file.write(text)
    result = run("compile", "good.yaml", "branch.yaml", "-o", "many")
    assert result.exit_code == 0
    assert "2 profiles" in result.output
    assert sorted(os.listdir("many")) == ["branch_1.0.0_amd64", "homelab_1.0.0_amd64"]
    assert open("many/homelab_1.0.0_amd64/manifest.json").read() == open("one/manifest.json").read()
    assert run("compile", "good.yaml", "branch.yaml", "-o", "many").exit_code == 0


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (HOMELAB.replace("release: 1.0.0", "release: 2.0.0"), "another profile is called 'homelab' too: good.yaml"),
        (WRONG.replace("name: homelab", "name: branch"), "no host can have it"),
    ],
)
def test_nothing_is_written_if_one_is_wrong(other, words):
    with open("other.yaml", "w") as file:
        file.write(other)
    result = run("compile", "good.yaml", "other.yaml", "-o", "many")
    assert isinstance(result.exception, ProfileError)
    assert words in str(result.exception)
    assert not os.path.exists("many")


def test_nothing_is_written_if_one_folder_is_not_ours():
    with open("branch.yaml", "w") as file:
        file.write(HOMELAB.replace("name: homelab", "name: branch"))
    os.makedirs("many/homelab_1.0.0_amd64/letters")
    result = run("compile", "branch.yaml", "good.yaml", "-o", "many")
    assert isinstance(result.exception, ProfileError)
    assert os.listdir("many") == ["homelab_1.0.0_amd64"]


def test_every_problem_of_the_error_cases_has_a_rule():
    sections = {"profile", *schema.sections()}
    for file in sorted((TESTS / "errors").glob("*.yaml")):
        problems = load(source.read(str(file)))[1]
        log = json.loads(diagnostics.sarif(problems))
        assert len(log["runs"][0]["results"]) == len(problems)
        assert {result["ruleId"] for result in log["runs"][0]["results"]} <= sections


VPN = """\
version: 1
name: vpn
release: 1.0.0
wans: {wan: {nic: net0, ipv4: dhcp}}
lans: {lan: {nic: net1, address: 10.0.0.1/24}}
vpn: {wg: {port: 51820, address: 10.99.0.1/24, private_key_file: wg.key}}
"""


def test_verify_wants_the_image_of_this_very_profile(tmp_path):
    def verify() -> str:
        return str(run("verify", "vpn.yaml", "--image", "vpn.qcow2").exception)

    (tmp_path / "vpn.yaml").write_text(VPN)
    (tmp_path / "wg.key").write_text(base64.b64encode(b"k" * 31 + b"@").decode())
    (tmp_path / "vpn.qcow2").touch()
    assert "there is no vpn.manifest.json beside it" in verify()
    assert run("compile", "vpn.yaml", "-o", "tree").exit_code == 0
    (tmp_path / "vpn.manifest.json").write_text("[]")
    assert "vpn.manifest.json cannot be read" in verify()
    (tmp_path / "vpn.manifest.json").write_text((tmp_path / "tree/manifest.json").read_text())
    assert "there is no vpn.digests.json beside it, as older versions" in verify()
    (tmp_path / "vpn.digests.json").write_text(json.dumps({"format": 1, "files": {"qcow2": "0" * 64}, "partitions": {}}))
    assert (
        f"changed since it was built: the file has SHA-256 {hashlib.sha256(b'').hexdigest()}, the build wrote {'0' * 64} (qcow2); "
        "run `gwimage build` with this profile first"
    ) in verify()
    (tmp_path / "wg.key").write_text(base64.b64encode(b"K" * 31 + b"@").decode())
    assert "a file that the profile names, or gwimage itself, has changed" in verify()
    (tmp_path / "vpn.yaml").write_text(VPN + "# changed\n")
    assert "the profile has changed" in verify()
