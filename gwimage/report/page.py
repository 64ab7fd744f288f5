"""Report as one self-contained HTML page: no script, no other file, no network access.

Built as an element tree, so that text from profiles or packets cannot become markup.
"""

from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from gwimage.report import chart
from gwimage.report.formatting import duration, instant, printable
from gwimage.verify.image import Report
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Result

_CLASSES = {PASS: "pass", FAIL: "fail", NOT_ASKED: "waiting", UNTESTABLE: "waiting"}
_WORDS = {FAIL: "failed", NOT_ASKED: "not asked", PASS: "passed", UNTESTABLE: "unaskable here"}
_STYLE = Path(__file__).with_name("page.css")


def render(report: Report, drawing: Element, description: str) -> str:
    """HTML text. drawing: the network diagram as SVG; description: that of the profile."""
    root = Element("html", lang="en")
    _head(SubElement(root, "head"), report)
    body = SubElement(root, "body", {"class": "good" if report.good else "bad"})
    _verdict(body, report, description)
    main = _add(body, "main")
    _failed(main, report)
    _table(main, "Not asked", report, NOT_ASKED, "What these claims need failed first.")
    networks = _section(main, "Networks", "")
    SubElement(networks, "div", {"class": "wide"}).append(drawing)
    _table(main, "Passed", report, PASS, "")
    _table(main, "Not to be asked here", report, UNTESTABLE, "What no lab can ask, and why.")
    _times(main, report)
    _facts(_section(main, "What was verified, and where", ""), _environment(report))
    _allowlist(main, report)
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _head(head: Element, report: Report) -> None:
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _add(head, "title", f"{report.profile} {report.release}: {'verified' if report.good else 'NOT verified'}")
    SubElement(head, "style").text = _STYLE.read_text(encoding="utf-8")


def _verdict(body: Element, report: Report, description: str) -> None:
    header = _add(body, "header")
    _add(header, "p", "gwimage verify", "kind")
    _add(header, "h1", f"{report.profile} {report.release}: {'verified' if report.good else 'not verified'}")
    if description:
        _add(header, "p", description, "description")
    counts = _add(header, "ul", None, "counts")
    for status, word in _WORDS.items():
        if number := len(_with(report, status)):
            _add(counts, "li", f"{number} {word}", _CLASSES[status])
    took = report.times.get("whole verification")
    when = (instant(report.started) or "").replace("T", " ")[:19]
    _add(header, "p", f"{when} UTC" + (f", took {duration(took)}" if took else ""), "when")


def _failed(main: Element, report: Report) -> None:
    if not (results := _with(report, FAIL)):
        return
    section = _section(main, "Failed", "")
    listed = _add(section, "ul")
    for result in results:
        _link(_add(listed, "li"), result)
    for result in results:
        article = SubElement(section, "article", {"id": printable(result.id)})
        _add(article, "h3", result.text)
        _prose(article, result.advice)
        facts = {
            "asked": result.question,
            "seen": result.seen,
            "control": result.control,
            "profile": report.places.get(result.path, result.path),
            "when": _when(result),
            "claim": result.id,
        }
        _facts(article, facts)
        _needs(article, "asked after", result, report)
        _ports(article, result)
        if result.packets:
            capture = SubElement(article, "details", open="open")
            _add(capture, "summary", f"What passed on the wire (seconds, network, packet; all of it is in {result.capture})")
            _add(capture, "pre", "\n".join(result.packets))


def _table(main: Element, title: str, report: Report, status: str, why: str) -> None:
    if not (results := _with(report, status)):
        return
    table = SubElement(_section(main, title, why), "table", {"class": "claims"})
    head = SubElement(SubElement(table, "thead"), "tr")
    for name in ("claim", "seen", "when"):
        _add(head, "th", name)
    body = SubElement(table, "tbody")
    for result in results:
        row = SubElement(body, "tr", {"id": printable(result.id)})
        cell = _add(row, "td")
        _add(cell, "strong", result.text)
        _add(cell, "small", f"{result.question} [{result.path or result.id}]")
        cell = _add(row, "td", result.seen if status != NOT_ASKED else None)
        if result.control:
            _add(cell, "small", f"control: {result.control}", "control")
        _ports(cell, result)
        _needs(cell, "waits for" if status == NOT_ASKED else "asked after", result, report)
        _add(row, "td", _when(result), "time")


def _ports(parent: Element, result: Result) -> None:
    """Adds a folded list of the ports that were asked."""
    if not result.ports:
        return
    folded = _add(parent, "details")
    _add(folded, "summary", "Each port, what was expected, what was seen, and where something listens")
    lines = [
        f"{port.address:15}  {port.protocol} {port.port:15}  {port.expected:28}  {port.seen:8}  {port.listens}"
        + (f"  ({port.service})" if port.service else "")
        for port in result.ports
    ]
    _add(folded, "pre", "\n".join(lines))


def _when(result: Result) -> str:
    """Time of day and duration; the date stands in the page header. Empty if the claim was not asked."""
    when = instant(result.started)
    return f"{when[11:19]}, {result.seconds:.1f} s" if when else ""


def _needs(parent: Element, words: str, result: Result, report: Report) -> None:
    needed = [other for other in report.results if other.id in result.needs]
    line = _add(parent, "small", f"{words} ", "needs") if needed else parent
    for number, other in enumerate(needed):
        _link(line, other).tail = ", " if number + 1 < len(needed) else ""


def _link(parent: Element, result: Result) -> Element:
    link = SubElement(parent, "a", href=f"#{quote(printable(result.id))}")
    link.text = printable(result.text)
    return link


def _prose(parent: Element, text: str) -> None:
    """Adds a paragraph; text between backticks becomes code."""
    plain, *rest = printable(text).split("`")
    paragraph = _add(parent, "p", plain, "advice")
    for code, tail in zip_longest(rest[::2], rest[1::2]):
        _add(paragraph, "code", code).tail = tail


def _times(main: Element, report: Report) -> None:
    section = _section(main, "Times", "Seconds since power-on: first boot, and below it the second one, which is the control.")
    section.append(chart.bars(report.times))
    rest = {name: f"{seconds:.1f} s" for name, seconds in report.times.items() if name in chart.APART}
    _facts(section, rest)


def _environment(report: Report) -> dict[str, str]:
    return {
        "image": report.image,
        "image sha256": report.image_sha256,
        "profile": f"{report.profile} {report.release}",
        "profile sha256": report.profile_digest,
        "gwimage": report.version,
        **report.environment,
    }


def _allowlist(main: Element, report: Report) -> None:
    if report.allowlist:
        section = _section(main, "Journal entries that count as no complaint", "")
        listed = _add(section, "ul", None, "allowlist")
        for pattern, reason in report.allowlist:
            item = _add(listed, "li", f"{reason}: ")
            _add(item, "code", pattern)


def _with(report: Report, status: str) -> list[Result]:
    return [result for result in report.results if result.status == status]


def _section(main: Element, title: str, why: str) -> Element:
    section = _add(main, "section")
    _add(section, "h2", title)
    if why:
        _add(section, "p", why)
    return section


def _facts(parent: Element, facts: dict[str, str]) -> None:
    table = SubElement(parent, "dl")
    for name, value in facts.items():
        if value:
            _add(table, "dt", name)
            _add(table, "dd", value)


def _add(parent: Element, tag: str, text: str | None = None, kind: str = "") -> Element:
    found = SubElement(parent, tag, {"class": kind} if kind else {})
    found.text = None if text is None else printable(text)
    return found
