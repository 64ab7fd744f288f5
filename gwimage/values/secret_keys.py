"""Keys whose values may be secret, so that no message shows them.

Recognized by the key's name, known or not, at any place: a wrong profile may have its password anywhere.
"""

import re
from collections.abc import Sequence

from gwimage.problem import Path

# quantifiers are bounded or possessive, so that no line takes long to match
NAME = r"(?:pass|secret|private|psk|token|_key|_hash)[\w-]{0,40}+"
KEY = re.compile(f"(?i){NAME}")
WRITTEN = re.compile(rf"(?i)({NAME}[\"']?\s{{0,40}}+(?::|$))(.*)")
LONGEST = 4096
PRIVATE = "PRIVATE KEY-----"


def holds(path: Path) -> bool:
    """Whether the value at this path may be a secret.

    In system.admin every value but the name may be one: people paste the wrong thing.
    """
    if path[:2] == ("system", "admin"):
        return path[2:] != ("name",)
    return any(isinstance(part, str) and KEY.search(part) for part in path)


def hidden(lines: Sequence[str]) -> frozenset[int]:
    """Numbers (from 1) of lines to hide completely: values below a secret key, PEM private keys, overlong lines."""
    found, depth, fresh, key = set(), None, False, False
    for number, line in enumerate(lines, 1):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        deeper = depth is not None and (not text or indent > depth or (indent == depth and text[0] in "-:"))
        if deeper or fresh or key or PRIVATE in line or len(line) > LONGEST:
            found.add(number)
        if PRIVATE in line:
            key = "-----END" not in line
        match = WRITTEN.search(line[:LONGEST])
        if not deeper:
            depth = indent if match else None
        # in a flow collection a value may stand at any depth
        fresh = not match[2].strip() if match else fresh and not text
    return frozenset(found)


def masked(line: str) -> str:
    """The line with the value after a secret key replaced by stars."""
    return WRITTEN.sub(lambda match: match[1] + "*" * len(match[2]), line)
