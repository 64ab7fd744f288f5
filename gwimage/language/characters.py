"""Characters forbidden in a profile, even in comments: with them the text on screen differs from what is parsed.

Control characters, spaces that YAML does not treat as such, line ends that editors do not, invisible and direction-changing
characters. Letters of every script, accents and emoji are allowed. Ranges are listed here, so that every Python, whatever its
Unicode version, rejects the same.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

PICTURE = "[\u00a9\u00ae\u203c-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
UNSEEN = re.compile(
    # except tab, newline and CR LF; U+200D and U+FE0F, parts of emoji, are handled below
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200c\u200e\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0"
    "\ufff0-\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    rf"|\r(?!\n)|(?<!{PICTURE})\ufe0f(?!\u20e3)|(?<![\ufe0f\U0001f3fb-\U0001faff])\u200d|\u200d(?!{PICTURE})"
)


def found(text: str, most: int) -> Iterator[tuple[int, int, str, str]]:
    """Yields line and column (from 1), message and hint for the first `most` forbidden characters."""
    for match in islice(UNSEEN.finditer(text), most):
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        char = match.group()
        space = unicodedata.category(char) == "Zs"
        kind = "looks like a space and is none" if space else "is invisible or changes the direction of text"
        yield line, column, f"character U+{ord(char):04X} {kind}", "write an ordinary space" if space else "remove it"
