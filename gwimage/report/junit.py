"""Report as JUnit XML, in the dialect shared by Jenkins, GitLab and Surefire: each claim is a test case."""

from collections import Counter
from datetime import UTC, datetime
from xml.etree import ElementTree

from gwimage.report.formatting import printable
from gwimage.verify.image import Report
from gwimage.verify.result import FAIL, PASS, Result


def render(report: Report) -> str:
    """JUnit XML text. Claims that were not or cannot be asked are skipped; the failed claim that blocked one makes the run red."""
    results, count = report.results, Counter(result.status for result in report.results)
    totals = {
        "tests": str(len(results)),
        "failures": str(count[FAIL]),
        "errors": "0",
        "skipped": str(len(results) - count[FAIL] - count[PASS]),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "gwimage verify", **totals})
    when = datetime.fromtimestamp(report.started, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    name = printable(f"{report.profile} {report.release}")
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **totals, "timestamp": when})
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(report).items():
        ElementTree.SubElement(properties, "property", name=printable(key), value=printable(value))
    for result in results:
        _case(suite, result, report)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _properties(report: Report) -> dict[str, str]:
    return {
        "gwimage": report.version,
        "image": report.image,
        "image sha256": report.image_sha256,
        "profile sha256": report.profile_digest,
        **report.environment,
        **{f"seconds: {name}": f"{seconds:.2f}" for name, seconds in report.times.items()},
    }


def _case(suite: ElementTree.Element, result: Result, report: Report) -> None:
    """Test case of a claim. Readers group by class: profile, section and entry, such as homelab.lans.lan."""
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": printable(".".join([report.profile, *result.id.split(".")[:2]])),
            "name": printable(f"{result.text} ({result.id})"),
            "time": f"{result.seconds:.3f}",
        },
    )
    if result.status == FAIL:
        failure = ElementTree.SubElement(case, "failure", message=printable(_seen(result)), type="claim")
        failure.text = printable("\n".join(_details(result, report)))
    elif result.status != PASS:
        ElementTree.SubElement(case, "skipped", message=printable(f"{result.status}: {result.seen}"))
    output = [f"asked: {result.question}", f"seen: {result.seen}", *([f"control: {result.control}"] if result.control else [])]
    ElementTree.SubElement(case, "system-out").text = printable("\n".join(output))


def _seen(result: Result) -> str:
    return f"{result.seen}; {result.control}" if result.control else result.seen


def _details(result: Result, report: Report) -> list[str]:
    lines = [_seen(result), f"look first: {result.advice}"]
    if place := report.places.get(result.path):
        lines.append(f"profile: {place}")
    return [*lines, *([f"capture: {result.capture}", *result.packets] if result.capture else [])]
