"""Renders a verification report: table and HTML page for people, JSON and JUnit XML for machines. Judges nothing."""

import dataclasses
import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gwimage.compiler import output_file
from gwimage.profile import Profile
from gwimage.report import diagram, junit, page
from gwimage.report.formatting import instant, printable
from gwimage.verify.image import Report
from gwimage.verify.result import FAIL, NOT_ASKED, PASS, UNTESTABLE, Result

SUFFIXES = (".proof.json", ".proof.xml", ".proof.html")
_COLOURS = {PASS: "32", FAIL: "1;31", NOT_ASKED: "33", UNTESTABLE: "33"}
_STATUS_WIDTH = len(NOT_ASKED)


def write(report: Report, profile: Profile, stem: Path) -> list[Path]:
    """Writes all files of a proof as `stem` plus each of SUFFIXES; returns their paths."""
    html = page.render(report, diagram.drawing(diagram.derive(profile)), profile.description)
    texts = (json.dumps(document(report), indent=2) + "\n", junit.render(report), html)
    paths = [stem.with_name(stem.name + suffix) for suffix in SUFFIXES]
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path in paths:  # so that none of an earlier proof stands beside a new one
        path.unlink(missing_ok=True)
    for path, text in zip(paths, texts, strict=True):
        output_file.write(path, text.encode(), output_file.SHARED)
    return paths


def document(report: Report) -> dict[str, Any]:
    """JSON document of the report; its keys are stable within one `format`."""
    return {
        "format": 1,
        "gwimage": report.version,
        "verified": report.good,
        "image": {"name": report.image, "sha256": report.image_sha256},
        "profile": {"name": report.profile, "release": report.release, "sha256": report.profile_digest},
        "started": instant(report.started),
        "claims": [_claim_document(result, report) for result in report.results],
        "times": {name: round(seconds, 2) for name, seconds in report.times.items()},
        "environment": report.environment,
        "allowlist": [{"pattern": pattern, "reason": reason} for pattern, reason in report.allowlist],
    }


def _claim_document(result: Result, report: Report) -> dict[str, Any]:
    return {
        "id": result.id,
        "path": result.path,
        "place": report.places.get(result.path, ""),
        "text": result.text,
        "status": result.status,
        "question": result.question,
        "seen": result.seen,
        "control": result.control,
        "started": instant(result.started),
        "seconds": round(result.seconds, 3),
        "needs": list(result.needs),
        "advice": result.advice,
        "capture": result.capture,
        "ports": [dataclasses.asdict(port) for port in result.ports],
    }


def table(report: Report, width: int = 100, colour: bool = False) -> str:
    """Table for a terminal of `width` columns, with times, environment and verdict."""
    lines = rows(report.results, width, colour, report.places)
    return "\n".join([*lines, "", *map(printable, _figures(report)), printable(verdict(report))])


def rows(
    results: Sequence[Result], width: int = 100, colour: bool = False, places: Mapping[str, str] | None = None
) -> list[str]:
    """Rows of status, claim and observation, in `width` columns. places: file and line in the profile by a claim's path."""
    longest = max((len(text) for result in results for text in _claim(result)), default=0)
    claim_width = min(longest, width // 2 - 4)
    seen_width = max(20, width - _STATUS_WIDTH - claim_width - 4)
    places = places or {}
    return [line for result in results for line in _row(result, places.get(result.path, ""), claim_width, seen_width, colour)]


def verdict(report: Report) -> str:
    """One line: verified or not, with the number of claims by status."""
    count = Counter(result.status for result in report.results)
    what = f"{report.image} ({report.profile} {report.release})"
    if report.good:
        return f"verified: {what}, {_passed(count)} seen from outside"
    return f"NOT verified: {what}: {count[FAIL]} failed, {count[NOT_ASKED]} not asked, {count[PASS]} passed"


def _passed(count: Counter[str]) -> str:
    if not count[UNTESTABLE]:
        return f"all {count[PASS]} claims"
    return f"{count[PASS]} of {count[PASS] + count[UNTESTABLE]} claims ({count[UNTESTABLE]} unaskable here)"


def _row(result: Result, place: str, claim_width: int, seen_width: int, colour: bool) -> list[str]:
    seen = textwrap.wrap(result.seen, seen_width)
    if result.control:
        seen += textwrap.wrap(f"control: {result.control}", seen_width)
    if result.status == FAIL:
        details = {"look first": result.advice, "profile": place, "capture": result.capture}
        seen += [line for name, text in details.items() if text for line in textwrap.wrap(f"{name}: {text}", seen_width)]
    claim = [line for text in _claim(result) for line in textwrap.wrap(text, claim_width)]
    rows = []
    for status, left, right in zip_longest([result.status], claim, seen, fillvalue=""):
        cell = f"{status:{_STATUS_WIDTH}}"
        if colour and status:
            cell = f"\033[{_COLOURS[status]}m{cell}\033[0m"
        rows.append(f"{cell}  {printable(left):{claim_width}}  {printable(right)}".rstrip())
    return rows


def _claim(result: Result) -> list[str]:
    """Lines of the claim: its text, and its profile path unless it passed."""
    return [result.text] + [f"[{result.path}]"] * (result.status != PASS and bool(result.path))


def _figures(report: Report) -> list[str]:
    lines = [f"{seconds:6.1f} s  {name}" for name, seconds in report.times.items()]
    lines.append(", ".join(f"{name}: {value}" for name, value in report.environment.items()))
    if report.allowlist:
        lines.append("journal entries that count as no complaint:")
        lines += [f"  {pattern}  ({reason})" for pattern, reason in report.allowlist]
    return [*lines, ""]
