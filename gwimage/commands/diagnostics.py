"""Formats problems: text for people, JSON or SARIF for machines.

A profile has at most MOST problems; text shows the first SHOWN of all profiles.
"""

import json
from collections.abc import Sequence

from gwimage import HOMEPAGE, __version__
from gwimage.language import schema
from gwimage.problem import MOST, Place, Problem, as_text, dotted, to_json

SHOWN = 100
COLOURS = {"error": "\033[1;31m", "warning": "\033[1;33m", "note": "\033[1;36m"}
PLAIN = "\033[0m"
SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def text(problems: Sequence[Problem], colour: bool = False) -> str:
    """Text of the first SHOWN problems, a block of lines each, and the number of the others."""
    blocks = [_block(problem, colour) for problem in problems[:SHOWN]]
    more = len(problems) - SHOWN
    if more > 0:
        blocks.append(f"and {'at least ' if len(problems) >= MOST else ''}{more} more")
    return "".join(f"{block}\n" for block in blocks)


def _block(problem: Problem, colour: bool) -> str:
    lines = as_text(problem).splitlines()
    if colour:
        word = f" {problem.severity}: "
        lines = [line if set(line) - set(" ^") else f"{COLOURS[problem.severity]}{line}{PLAIN}" for line in lines]
        lines[0] = lines[0].replace(word, f" {COLOURS[problem.severity]}{word.strip()}{PLAIN} ", 1)
    return "\n".join(lines)


def as_json(problems: Sequence[Problem]) -> str:
    return json.dumps([to_json(problem) for problem in problems], indent=2)


def sarif(problems: Sequence[Problem]) -> str:
    """SARIF 2.1.0 log with one run; each section of the profile is a rule."""
    rules = {"profile": "The profile as a whole."} | schema.sections()
    names = list(rules)
    driver = {
        "name": "gwimage",
        "version": __version__,
        "informationUri": HOMEPAGE,
        "rules": [{"id": name, "shortDescription": {"text": words}} for name, words in rules.items()],
    }
    results = [_result(problem, names) for problem in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(problem: Problem, rules: list[str]) -> dict:
    place, section = problem.place or Place("profile"), str(problem.path[0]) if problem.path else ""
    rule = section if section in rules else "profile"
    physical: dict = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line:
        end = place.column + place.width  # the column after the last one
        physical["region"] = {"startLine": place.line, "startColumn": place.column, "endColumn": end}
    location: dict = {"physicalLocation": physical}
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": dotted(problem.path)}]
    hint = f" ({problem.hint})" if problem.hint else ""
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": problem.severity,
        "message": {"text": problem.message + hint},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """A path as a URI reference (RFC 3986): relative ones stay relative."""
    from urllib.parse import quote

    uri = quote(file.encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{uri}" if uri.startswith("/") else uri
