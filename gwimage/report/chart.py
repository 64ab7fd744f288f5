"""SVG bar chart of times since power-on: the second boot's bar below the first one's. Coloured by page.css."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

from gwimage.report.formatting import printable

APART = ("power-off", "whole verification")  # durations, not times since power-on
_SECOND = "second boot: "
_WIDTH, _ROW, _BAR, _GAP = 360, 17, 7, 8  # pixels


def bars(times: Mapping[str, float]) -> Element:
    """SVG element with a bar for each time since power-on, in seconds; leaves out APART."""
    names = dict.fromkeys(name.removeprefix(_SECOND) for name in times if name not in APART)
    longest = max([times.get(key, 0) for name in names for key in (name, _SECOND + name)], default=0) or 1
    root = Element("svg", {"class": "chart", "role": "img", "aria-label": "times since power-on"})
    y = 0
    for name in names:
        found = [(kind, times[key]) for kind, key in (("first", name), ("second", _SECOND + name)) if key in times]
        y += _ROW
        _text(root, 0, y - 4, name, "start")
        _text(root, _WIDTH, y - 4, " / ".join(f"{seconds:.1f}" for _, seconds in found) + " s", "end")
        for kind, seconds in found:
            place = {"x": "0", "y": str(y), "width": f"{max(1, seconds / longest * _WIDTH):.1f}", "height": str(_BAR)}
            SubElement(root, "rect", {"class": kind, **place})
            y += _BAR + 1
        y += _GAP
    root.attrib["viewBox"] = f"0 0 {_WIDTH} {max(y, 1)}"
    return root


def _text(root: Element, x: int, y: int, text: str, anchor: str) -> None:
    SubElement(root, "text", {"x": str(x), "y": str(y), "text-anchor": anchor}).text = printable(text)
