"""How problems are printed: as text for people, as JSON or SARIF for machines."""

import json
from collections.abc import Sequence

from gwimage.problem import MOST, Problem, as_text, to_json

SHOWN = 100


def text(problems: Sequence[Problem]) -> str:
    """The first problems, each as a block of lines."""
    blocks = [as_text(problem) for problem in problems[:SHOWN]]
    if more := len(problems) - SHOWN:
        least = "at least " if len(problems) >= MOST else ""
        blocks += [f"and {least}{more} more"] if more > 0 else []
    return "".join(f"{block}\n" for block in blocks)


def as_json(problems: Sequence[Problem]) -> str:
    return json.dumps([to_json(problem) for problem in problems], indent=2)
