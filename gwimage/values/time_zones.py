"""Time zone names: those in Debian's tzdata, and the current names of the old ones in tzdata-legacy.

timezones.txt has a line for each, `NAME` or `OLD NAME`; a test compares it with the packages.
"""

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

OFFSET = re.compile(r"(?:utc|gmt)([+-])(\d{1,2})(?::?00)?")


def exists(name: str) -> bool:
    """Whether the image has this time zone."""
    return _names().get(name) == name


def near(name: str) -> str:
    """The existing time zone probably meant; empty if there is none."""
    names = _names()
    spelt = {known.lower(): today for known, today in names.items()} | {
        known.lower(): known for known in names if exists(known)
    }
    wanted = name.lower().replace(" ", "_")
    if match := OFFSET.fullmatch(wanted):  # POSIX counts offsets westward, so the sign is inverted
        wanted = f"etc/gmt{'-' if match[1] == '+' else '+'}{int(match[2])}"
    cities = {known.rpartition("/")[2]: today for known, today in spelt.items()}
    found = spelt.get(wanted) or cities.get(wanted.rpartition("/")[2])
    return found or next((spelt[match] for match in get_close_matches(wanted, spelt, n=1, cutoff=0.7)), "")


@cache
def _names() -> dict[str, str]:
    """Every current or old name, mapped to the current one."""
    lines = (files("gwimage") / "timezones.txt").read_text(encoding="utf-8").splitlines()
    return {words[0]: words[-1] for words in map(str.split, lines)}
