"""The documents are true: every YAML block compiles, quoted problems are what the program says, files named exist."""

import re

import pytest
from click.testing import CliRunner

from gwimage import report
from gwimage.commands import main
from gwimage.compiler import compile
from gwimage.language import source
from gwimage.verify.image import Report
from gwimage.verify.result import Result
from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [(file.name, block) for file in DOCUMENTS for block in re.findall(r"```yaml\n(.*?)```", file.read_text(), re.S)]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_yaml_blocks_compile(name, block):
    files, problems = compile(source.parse(block, name))
    assert files
    assert not problems


def test_the_ten_lines_are_the_default_profile():
    lines = [line for line in (ROOT / "profiles/homelab.yaml").read_text().splitlines() if line and line[0] != "#"]
    assert BLOCKS[0][1].splitlines() == lines


def test_the_classic_page_shows_the_classic_profile():
    lines = [line for line in (ROOT / "profiles/classic.yaml").read_text().splitlines() if line[0] != "#"]
    assert [block.splitlines() for name, block in BLOCKS if name == "classic.md"] == [lines]


def test_the_mistake_that_the_readme_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(BLOCKS[0][1].replace("10.0.0.1/24", "10.0.0.0/24"))
    result = CliRunner().invoke(main.cli, ["check", "my.yaml"])
    assert result.exit_code == 1
    assert result.output in README


def test_the_explanation_that_the_readme_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    command = re.search(r"^    gwimage (explain .*)$", README, re.M)[1]
    result = CliRunner().invoke(main.cli, command.split())
    assert result.exit_code == 1
    assert f"```\n{result.output}```" in README


def test_the_answers_that_the_page_on_explain_shows(tmp_path, monkeypatch, update_golden):
    page = ROOT / "docs/explain.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "office.yaml").write_text(next(block for name, block in BLOCKS if name == page.name))
    text = re.sub(r"```console\n\$ gwimage (.*)\n[^`]*```", _console, page.read_text())
    if update_golden:
        page.write_text(text)
    assert text.count("```console") == 3
    assert page.read_text() == text


def _console(found: re.Match) -> str:
    result = CliRunner().invoke(main.cli, found[1].split())
    return f"```console\n$ gwimage {found[1]}\n{result.stdout}```"


def test_the_picture_that_the_readme_shows():
    result = CliRunner().invoke(main.cli, ["show", "--format", "svg", str(ROOT / "profiles/two-lans.yaml")])
    assert result.output == (ROOT / "docs/two-lans.svg").read_text()


def test_the_page_on_verify_names_every_key_of_the_proof():
    result = Result("a", "", "", "pass")
    found = report.document(Report("", "", "", "", "", (result,), {}, {}))
    tables = [set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", part)))) for part in _json_tables()]
    assert tables == [found.keys(), found["claims"][0].keys()]


def _json_tables() -> list[str]:
    return (ROOT / "docs/verify.md").read_text().partition("## JSON")[2].split("| key of a claim")


def test_commands_exist():
    for command in re.findall(r"(?:\./build\.sh|`gwimage) ([a-z]+)", README):
        assert command == "test" or command in main.cli.commands, command


def test_partitions_are_those_of_the_image():
    text = (ROOT / "docs/image.md").read_text()
    labels = [
        re.search(r"^Label=(.*)$", file.read_text(), re.M)[1]
        for file in sorted((ROOT / "gwimage/image/mkosi.repart").iterdir())
    ]
    assert re.findall(r"^\| `(gwimage-[a-z]+)` \|", text, re.M) == labels
    init = (ROOT / "gwimage/image/mkosi.extra/usr/lib/gwimage/init").read_text()
    for message in re.findall(r"\| `(.*?)` \|$", text, re.M):
        assert message in init
