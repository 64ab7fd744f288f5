"""Names of time zones: those that Debian's tzdata ships, and what the old ones in tzdata-legacy are called today.

timezones.txt has a line for each, `NAME` or `OLD NAME`; a test compares it with the package.
"""

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

OFFSET = re.compile(r"(?:utc|gmt)([+-])(\d{1,2})(?::?00)?")


def exists(name: str) -> bool:
    """Whether the image has it."""
    return _names().get(name) == name


def near(name: str) -> str:
    """The one that was probably meant; empty if there is none."""
    names = _names()
    spelt = {known.lower(): today for known, today in names.items()} | {
        known.lower(): known for known in names if exists(known)
    }
    wanted = name.lower().replace(" ", "_")
    if match := OFFSET.fullmatch(wanted):  # POSIX counts to the west
        wanted = f"etc/gmt{'-' if match[1] == '+' else '+'}{int(match[2])}"
    cities = {known.rpartition("/")[2]: today for known, today in spelt.items()}
    found = spelt.get(wanted) or cities.get(wanted.rpartition("/")[2])
    return found or next((spelt[match] for match in get_close_matches(wanted, spelt, n=1, cutoff=0.7)), "")


@cache
def _names() -> dict[str, str]:
    """Each name that is or was used, and the one of today."""
    lines = (files("gwimage") / "timezones.txt").read_text(encoding="utf-8").splitlines()
    return {words[0]: words[-1] for words in map(str.split, lines)}
