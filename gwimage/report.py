"""A report for people (a table) and for machines (a JSON document). Judges nothing."""

from __future__ import annotations

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from gwimage.lab.course import CANNOT, FAIL, NOT_ASKED, PASS, Result
from gwimage.verify import Report

_COLOURS = {PASS: "32", FAIL: "1;31", NOT_ASKED: "33", CANNOT: "33"}
_STATUS_WIDTH = len(NOT_ASKED)


def document(report: Report) -> dict[str, Any]:
    """The JSON form; its keys are stable within one `format`."""
    return {
        "format": 1,
        "gwimage": report.version,
        "verified": report.good,
        "image": {"name": report.image, "sha256": report.image_sha256},
        "profile": {"name": report.profile, "release": report.release, "sha256": report.profile_digest},
        "claims": [dataclasses.asdict(result) for result in report.results],
        "times": {name: round(seconds, 2) for name, seconds in report.times.items()},
        "environment": report.environment,
        "allowlist": [{"pattern": pattern, "reason": reason} for pattern, reason in report.allowlist],
    }


def table(report: Report, width: int = 100, colour: bool = False) -> str:
    """The form for a terminal of `width` columns."""
    return "\n".join([*rows(report.results, width, colour), "", *_figures(report), verdict(report)])


def rows(results: Sequence[Result], width: int = 100, colour: bool = False) -> list[str]:
    """What was claimed, and what was seen, in `width` columns."""
    longest = max((len(text) for result in results for text in _claim(result)), default=0)
    claim_width = min(longest, width // 2 - 4)
    seen_width = max(20, width - _STATUS_WIDTH - claim_width - 4)
    return [line for result in results for line in _row(result, claim_width, seen_width, colour)]


def verdict(report: Report) -> str:
    """One line: verified or not, and how many of which."""
    count = Counter(result.status for result in report.results)
    what = f"{report.image} ({report.profile} {report.release})"
    if report.good:
        return f"verified: {what}, {_passed(count)} seen from outside"
    return f"NOT verified: {what}: {count[FAIL]} failed, {count[NOT_ASKED]} not asked, {count[PASS]} passed"


def _passed(count: Counter[str]) -> str:
    if not count[CANNOT]:
        return f"all {count[PASS]} claims"
    return f"{count[PASS]} of {count[PASS] + count[CANNOT]} claims ({count[CANNOT]} unaskable here)"


def _row(result: Result, claim_width: int, seen_width: int, colour: bool) -> list[str]:
    seen = textwrap.wrap(result.seen, seen_width)
    if result.control:
        seen += textwrap.wrap(f"control: {result.control}", seen_width)
    claim = [line for text in _claim(result) for line in textwrap.wrap(text, claim_width)]
    rows = []
    for status, left, right in zip_longest([result.status], claim, seen, fillvalue=""):
        cell = f"{status:{_STATUS_WIDTH}}"
        if colour and status:
            cell = f"\033[{_COLOURS[status]}m{cell}\033[0m"
        rows.append(f"{cell}  {left:{claim_width}}  {right}".rstrip())
    return rows


def _claim(result: Result) -> list[str]:
    """The path helps only where there is something to mend."""
    return [result.text] + [f"[{result.path}]"] * (result.status != PASS and bool(result.path))


def _figures(report: Report) -> list[str]:
    lines = [f"{seconds:6.1f} s  {name}" for name, seconds in report.times.items()]
    lines.append(", ".join(f"{name}: {value}" for name, value in report.environment.items()))
    if report.allowlist:
        lines.append("journal entries that count as no complaint:")
        lines += [f"  {pattern}  ({reason})" for pattern, reason in report.allowlist]
    return [*lines, ""]
