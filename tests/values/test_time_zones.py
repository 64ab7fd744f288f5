"""The list of time zones is what Debian's tzdata ships, and a wrong name leads to the right one."""

import pytest

from gwimage.values import time_zones
from tests.support import debian_oracle
from tests.support.paths import ROOT

FILE = ROOT / "gwimage/timezones.txt"
NO_ZONES = {"Factory", "localtime", "posixrules"}  # no place's time, this machine's own, a rule


def shipped() -> list[str]:
    """Lines of the list, from the package in the tools tree."""
    folder = debian_oracle.tree() / "usr/share/zoneinfo"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    names = {name for name in names if "." not in name and not name.startswith("leap")} - NO_ZONES
    links = dict(line.split()[2:0:-1] for line in (folder / "tzdata.zi").read_text().splitlines() if line.startswith("L "))
    lines = set(names)
    for old, today in links.items():
        while today not in names and today in links:
            today = links[today]
        if old not in names and today in names:
            lines.add(f"{old} {today}")
    return sorted(lines)


def test_the_list_is_that_of_the_package(update_golden):
    lines = shipped()
    assert len(lines) > 400
    if update_golden:
        FILE.write_text("".join(f"{line}\n" for line in lines))
    assert FILE.read_text().splitlines() == lines


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_names_of_today(name):
    assert time_zones.exists(name)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("US/Eastern", "America/New_York"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("", ""),
        ("../../../etc/shadow", ""),
        ("xyzzy", ""),
    ],
)
def test_wrong_names(wrong, right):
    assert not time_zones.exists(wrong)
    assert time_zones.near(wrong) == right
