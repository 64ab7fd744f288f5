"""The proof's files: JUnit XML that common readers take, a page that needs nothing else and says what anybody wrote as text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from gwimage import report
from gwimage.compiler import claims, output_file
from gwimage.compiler.loading import load
from gwimage.explain import output
from gwimage.language import source
from gwimage.problem import ToolError
from gwimage.report import diagram, junit, page
from gwimage.report.formatting import duration, instant
from gwimage.verify import image
from gwimage.verify.image import Report
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Result
from tests.support.paths import ROOT, TESTS

HOSTILE = (
    "</pre></style><script>alert(1)</script><img src=https://x.example onerror=x>\"'&amp;]]>\x00\x1b[31m\ud800\ufffe\u202e<!--"
)
SEEN = "url(https://x.example) @import 'x'"
TIMES = {
    "address on wan": 41.2,
    "boot done": 58.9,
    "power-off": 1.8,
    "second boot: boot done": 57.2,
    "whole verification": 162.34,
}
RESULTS = (
    Result("wans.wan.address", "wans.wan.ipv4", "an address", PASS, "seen it", "", 1700000000.5, 0.25, "by ARP"),
    Result(
        "lans.lan.closed",
        "lans.lan",
        "closed",
        FAIL,
        "open 80",
        "no control: silent",
        1700000001,
        2.5,
        "by SYN",
        advice="Port 80: `gwimage explain` says why.",
        capture="lans.lan.closed.pcapng",
        packets=("0.000 lan IP a > b", "and 3 more"),
    ),
    Result(
        "lans.lan.dns", "lans.lan", "names", NOT_ASKED, "needs lans.lan.closed", question="by DNS", needs=("lans.lan.closed",)
    ),
    Result("services.ntp", "services.ntp", "the time", UNTESTABLE, "no clock", question="no lab can ask this"),
)
RED = Report(
    "x.raw",
    "ab" * 32,
    "homelab",
    "1.0.0",
    "cd" * 32,
    RESULTS,
    TIMES,
    {"accel": "tcg"},
    1700000000.0,
    {"lans.lan": "homelab.yaml:12:3: lan:  [lans.lan]"},
)
GREEN = replace(RED, results=RESULTS[:1])
PROFILE = load(source.read(str(ROOT / "profiles/two-lans.yaml")))[0]
DRAWING = diagram.drawing(diagram.derive(PROFILE))


def hostile() -> Report:
    """Everything that anybody else may have written."""
    result = Result(*[HOSTILE] * 3, FAIL, SEEN + HOSTILE, HOSTILE, 1, 1, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, (HOSTILE, SEEN))
    results = [replace(result, id=f"{HOSTILE}{status}", status=status) for status in (PASS, FAIL, NOT_ASKED, UNTESTABLE)]
    words = {HOSTILE: HOSTILE}
    return Report(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, tuple(results), {HOSTILE: 1.0}, words, 1, words, ((HOSTILE, HOSTILE),)
    )


# What Jenkins' JUnit plugin, GitLab and Surefire's readers have in common: element -> (attributes, children with how often).
SHAPE = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testsuite": (1, 1)}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties": (1, 1), "testcase": (0, 999)},
    ),
    "properties": (set(), {"property": (1, 99)}),
    "property": ({"name", "value"}, {}),
    "testcase": ({"classname", "name", "time"}, {"failure": (0, 1), "skipped": (0, 1), "system-out": (1, 1)}),
    "failure": ({"message", "type"}, {}),
    "skipped": ({"message"}, {}),
    "system-out": (set(), {}),
}


def check(element: ElementTree.Element) -> None:
    attributes, children = SHAPE[element.tag]
    assert element.keys() and set(element.keys()) == attributes or not attributes and not element.keys()
    found = [child.tag for child in element]
    assert set(found) <= children.keys()
    assert all(low <= found.count(tag) <= high for tag, (low, high) in children.items()), found
    assert found == sorted(found, key=list(children).index)  # schemas say a sequence
    for name in {"tests", "failures", "errors", "skipped"} & attributes:
        assert re.fullmatch(r"\d+", element.get(name))
    if "time" in attributes:
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time"))
    if "timestamp" in attributes:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.get("timestamp"))
    for child in element:
        check(child)


@pytest.mark.parametrize("found", [RED, GREEN, hostile()], ids=["red", "green", "hostile"])
def test_junit_has_the_shape_that_readers_share(found):
    root = ElementTree.fromstring(junit.render(found).encode())
    check(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert [int(suite.get(name)) for name in ("tests", "failures", "skipped")] == [
        len(cases),
        len(suite.findall(".//failure")),
        len(suite.findall(".//skipped")),
    ]
    names = [(case.get("classname"), case.get("name")) for case in cases]
    assert len(set(names)) == len(names)


def test_junit_says_what_became_of_each_claim():
    root = ElementTree.fromstring(junit.render(RED).encode())
    passed, failed, waits, cannot = root.iter("testcase")
    assert (passed.get("classname"), passed.get("name"), passed.get("time")) == (
        "homelab.wans.wan",
        "an address (wans.wan.address)",
        "0.250",
    )
    assert [child.tag for child in passed] == ["system-out"]
    assert failed.find("failure").get("message") == "open 80; no control: silent"
    for words in ("look first: Port 80", "profile: homelab.yaml:12:3", "capture: lans.lan.closed.pcapng", "and 3 more"):
        assert words in failed.find("failure").text
    assert waits.find("skipped").get("message") == "not asked: needs lans.lan.closed"
    assert cannot.find("skipped").get("message") == "unaskable: no clock"
    assert root.find("testsuite").get("timestamp") == "2023-11-14T22:13:20"
    values = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert values["image sha256"] == "ab" * 32
    assert (values["accel"], values["seconds: boot done"]) == ("tcg", "58.90")


class Reader(HTMLParser):
    """What a browser sees: elements, and the text outside of style."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.ids = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def pages(found: Report, description="") -> tuple[str, Reader]:
    html = page.render(found, DRAWING, description)
    return html, Reader(html)


@pytest.mark.parametrize("found", [RED, GREEN, hostile()], ids=["red", "green", "hostile"])
def test_the_page_needs_nothing_else(found):
    html, read = pages(found, HOSTILE)
    style = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert not re.search(r"url\(|@import|https?:", style)
    assert {tag for tag, _ in read.elements} & {"script", "link", "iframe", "img", "object", "base", "form"} == set()
    for _tag, attributes in read.elements:
        assert {"src", "srcset", "action", "data", "style"} & attributes.keys() == set()
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")


def test_hostile_words_are_words():
    html, read = pages(hostile(), HOSTILE)
    assert read.text.count("<script>alert(1)</script>") > 20
    assert read.text.count(SEEN) == 4  # seen thrice, and on the wire
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff\ufffe]", html + junit.render(hostile()))
    assert len(html.encode()) < 200_000
    for other in (junit.render(hostile()), report.table(hostile()), json.dumps(report.document(hostile()))):
        assert "\x1b" not in other


def test_red_comes_first_with_all_that_helps():
    _, read = pages(RED, "Two rooms & a shed")
    order = ["1 failed", "Failed", "Port 80", "Not asked", "Networks", "Passed", "Not to be asked here", "Times", "abababab"]
    places = [read.text.index(words) for words in order]
    assert places == sorted(places)
    for words in (
        "not verified",
        "Two rooms & a shed",
        "open 80",
        "no control: silent",
        "homelab.yaml:12:3: lan:",
        "by SYN",
        "22:13:21, 2.5 s",
        "0.000 lan IP a > b",
        "lans.lan.closed.pcapng",
        "41.2",
        "58.9 / 57.2 s",
        "162.3 s",
        "took 2.7 min",
        "2023-11-14 22:13:20 UTC",
        "cd" * 32,
        "no clock",
        "networkd tries again",
    ):
        assert words in read.text, words
    assert ("code", {}) in read.elements and ("svg", "networks") in [(tag, at.get("class")) for tag, at in read.elements]


def test_what_waits_leads_to_what_it_waits_for():
    _, read = pages(RED)
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    links = {attributes["href"] for tag, attributes in read.elements if tag == "a"}
    assert links == {"#lans.lan.closed"}
    assert sorted(ids) == sorted(result.id for result in RESULTS)


def test_a_green_page_speaks_of_no_failure():
    _, read = pages(GREEN)
    assert "homelab 1.0.0: verified" in read.text
    assert [tag for tag, _ in read.elements if tag == "article"] == []
    assert re.findall("failed|Not asked", read.text.partition("Journal entries")[0]) == []


def test_the_page_is_for_light_and_dark_small_and_large_and_paper():
    html, _ = pages(GREEN)
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    plain = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", style)
    colours = dict(re.findall(r"(?m)^([^{}@]*h1) \{[^}]*color: var\(--(\w+)\)", plain))
    assert colours == {"h1": "green", ".bad h1": "red"}
    for words in ("prefers-color-scheme: dark", "@media (max-width: 44rem)", "@media print", 'name="viewport"'):
        assert words in html


def test_all_files_of_a_proof_lie_beside_each_other(tmp_path):
    profile = load(source.read(str(ROOT / "profiles/homelab.yaml")))[0]
    written = report.write(RED, profile, tmp_path / "new" / "homelab_1.0.0_amd64")
    assert [path.name for path in written] == [f"homelab_1.0.0_amd64.proof.{kind}" for kind in ("json", "xml", "html")]
    assert json.loads(written[0].read_text()) == report.document(RED)
    assert "10.0.0.100-10.0.0.199" in written[2].read_text()


def test_no_secret_is_in_any_file(tmp_path):
    """The profile with everything has a password's hash, and private keys in files beside it."""
    read = source.read(str(TESTS / "cases/everything/profile.yaml"))
    profile = load(read)[0]
    asked = claims(profile)
    results = tuple(Result(one.id, one.path, one.text, FAIL, "x", advice="x") for one in asked)
    found = replace(RED, results=results, places={one.path: output.cited(one.path, read) for one in asked})
    said = "".join(path.read_text() for path in report.write(found, profile, tmp_path / "x"))
    secrets = [profile.system.admin.password_hash] if profile.system.admin else []
    secrets += [file.text.strip() for file in read.files.values()]
    assert secrets
    assert not [secret for secret in secrets if secret and secret in said]
    assert "profile.yaml:" in said


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (119.9, "119.9 s"), (150, "2.5 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_instants():
    assert instant(0) is None
    assert instant(1700000000.1239) == "2023-11-14T22:13:20.123Z"


def test_a_proof_goes_through_no_link_and_none_of_an_old_one_stays(tmp_path, monkeypatch):
    (tmp_path / "theirs").write_text("theirs")
    stem = tmp_path / "x"
    for suffix in report.SUFFIXES:
        (tmp_path / f"x{suffix}").symlink_to("theirs")
    paths = report.write(RED, PROFILE, stem)
    assert [path.is_symlink() for path in paths] == [False] * 3
    assert (tmp_path / "theirs").read_text() == "theirs"

    def full(*_):
        raise ToolError(("write",), 1, "no room")

    monkeypatch.setattr(output_file, "write", full)
    with pytest.raises(ToolError):
        report.write(RED, PROFILE, stem)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"], "the old proof says another thing"


def test_logs_go_through_no_link(tmp_path):
    for name in ("lab", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "lab/gateway.log").write_text("console")
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "kept/gateway.log").symlink_to("../theirs")
    image._keep(tmp_path / "lab", tmp_path / "kept")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "kept/gateway.log").read_text() == "console"
