"""Renders the results as one self-contained HTML page, and its drawings as SVG files for the docs."""

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from bench.results import BASELINE, OURS, Row, shown

_STYLE = """
:root { --ground: #fff; --ink: #1b1f24; --pale: #59636e; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --ink: #e6edf3; --pale: #9198a1; --line: #3d444d; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 68rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
td:first-child, th:first-child { text-align: left; }
.pale, figcaption { color: var(--pale); font-size: .85rem; }
figure { margin: 1rem 0; overflow-x: auto; }
"""
# inside the drawings, since they are also separate files
_DRAWN = """
text { font: 12px system-ui, sans-serif; fill: #57606a; } .strong { font-weight: 600; }
.a { fill: #8c959f; } .b { fill: #54aeff; } .d { fill: #1a7f37; } .e { fill: #d4a72c; }
.wait { fill: #b6c2cf; } .line { stroke: #8c959f; }
@media (prefers-color-scheme: dark) { text { fill: #adbac7; } }
"""
_WATERFALL = (
    "each unit from its start until it is ready; dark: its processor time. "
    "Seconds of the guest's clock, 1e9 instructions each while it is busy"
)
_TRAFFIC = "median of the rounds, and their spread; right of the line is better"
_WIDTH, _LEFT, _ROW = 860, 250, 20
_PHASES = (
    ("kernel", "firmware, boot loader, unpacking the kernel", "a"),
    ("program", "kernel", "b"),
    ("offer", "initrd, units, to the first DHCP offer", "d"),
    ("done", "until all units are up", "e"),
)


def write(folder: Path, result: dict) -> None:
    """Writes bench.json, bench.html and the SVG files. result: environment, rows (results.Row) and units, as in bench.json."""
    (folder / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    rows = [Row(**row) for row in result["rows"]]
    drawings = (
        {"boot": (phases(result["units"]), "Instructions of the guest, 1e9; first and second boot")} if result["units"] else {}
    )
    for name, units in result["units"].items():
        slug = name.replace(", ", "-").replace(" ", "-")
        drawings[slug] = (waterfall(units), f"{name}: {_WATERFALL}")
    if any(row.group == "traffic" for row in rows):
        drawings["traffic"] = (ratios([row for row in rows if row.group == "traffic"]), f"{OURS} beside {BASELINE}: {_TRAFFIC}")
    for name, (drawing, _) in drawings.items():
        (folder / f"{name}.svg").write_text(tostring(drawing, encoding="unicode") + "\n")
    (folder / "bench.html").write_text(_page(result, rows, list(drawings.values())))


def phases(units: dict[str, dict]) -> Element:
    """Bar chart: one bar for each boot, divided into its phases."""
    most = max(found["counts"]["done"] for found in units.values())
    root = _svg(_ROW * (len(units) + 2))
    for place, (name, found) in enumerate(units.items()):
        y, before = place * _ROW, 0
        _text(root, 0, y + 14, name)
        for label, _, style in _PHASES:
            end = found["counts"][label]
            _rect(root, _across(before, most), y + 3, _across(end, most) - _across(before, most), style)
            before = end
        _text(root, _across(found["counts"]["done"], most) + 4, y + 14, f"{found['counts']['offer'] / 1e9:.1f} to the offer")
    x = 0
    for _, text, style in _PHASES:
        _rect(root, x, _ROW * (len(units) + 1) + 3, 12, style)
        _text(root, x + 16, _ROW * (len(units) + 1) + 14, text)
        x += 24 + 7 * len(text)
    return root


def waterfall(found: dict) -> Element:
    """Waterfall of a boot: firmware, kernel, initrd, then each unit with over 0.02 s of processor time.

    Time 0 is the start of the kernel, so firmware is negative.
    """
    counts = found["counts"]
    loader, initrd = counts["kernel"] / 1e9, (counts["program"] - counts["kernel"]) / 1e9
    bars = [
        ("firmware, boot loader", -loader, 0.0, 0.0),
        ("kernel", 0.0, initrd, 0.0),
        ("initrd", initrd, found["systemd"], 0.0),
    ]
    units = [unit for unit in found["units"] if unit["name"].endswith(".service") and not unit["name"].startswith("gwlab")]
    for unit in sorted(units, key=lambda unit: unit["began"]):
        if unit["used"] > 0.02:
            bars.append((unit["name"], unit["began"], max(unit["ready"], unit["began"]), unit["used"]))
    most, root = loader + max(end for *_, end, _ in bars) + 0.5, _svg(_ROW * len(bars))
    for place, (name, start, end, used) in enumerate(bars):
        y, x = place * _ROW, _across(start + loader, most)
        _text(root, 0, y + 14, name.removesuffix(".service"))
        _rect(root, x, y + 3, _across(end + loader, most) - x, "wait" if used else "b")
        _rect(root, x, y + 3, _across(start + loader + used, most) - x, "d")
        _text(root, _across(max(end, start + used) + loader, most) + 4, y + 14, f"{used or end - start:.2f}")
    return root


def ratios(rows: Sequence[Row]) -> Element:
    """Chart of ratios to the baseline (1): for each row a line from the worst round to the best, and the median."""
    root, most = _svg(_ROW * (len(rows) + 1)), 2.0
    for place, row in enumerate(rows):
        found = [1 / ratio if row.less else ratio for ratio in row.ratios(OURS)]
        y = place * _ROW + 10
        _text(root, 0, y + 4, row.name)
        if found:
            low, high, middle = (
                _across(min(most, value), most) for value in (min(found), max(found), sorted(found)[len(found) // 2])
            )
            _rect(root, low, y - 2, max(2, high - low), "b", 4)
            _rect(root, middle - 2, y - 6, 4, "d", 12)
            _text(root, high + 6, y + 4, f"{sorted(found)[len(found) // 2]:.2f}", "start", "strong")
    one = str(_across(1, most))
    SubElement(root, "line", {"class": "line", "x1": one, "x2": one, "y1": "0", "y2": str(_ROW * len(rows))})
    return root


def _page(result: dict, rows: Sequence[Row], drawings: Sequence[tuple[Element, str]]) -> str:
    root = Element("html", lang="en")
    head = SubElement(root, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = "gwimage: measured"
    SubElement(head, "style").text = _STYLE
    body = SubElement(root, "body")
    SubElement(body, "h1").text = "gwimage beside the gateway that people make by hand"
    SubElement(body, "p", {"class": "pale"}).text = "; ".join(f"{key}: {value}" for key, value in result["environment"].items())
    for drawing, caption in drawings:
        figure = SubElement(body, "figure")
        figure.append(drawing)
        SubElement(figure, "figcaption").text = caption
    gateways = list(dict.fromkeys(name for row in rows for name in row.values))
    for group in dict.fromkeys(row.group for row in rows):
        SubElement(body, "h2").text = group
        listed = SubElement(body, "table")
        titles = SubElement(listed, "tr")
        for text in ("", *gateways, f"{OURS} / {BASELINE}"):
            SubElement(titles, "th").text = text
        for row in (row for row in rows if row.group == group):
            line = SubElement(listed, "tr")
            name = f"{row.name}, {row.unit}" if row.unit else row.name
            for text in (name, *(shown(row.middle(one), row.unit) for one in gateways), row.ratio(OURS)):
                SubElement(line, "td").text = text
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _svg(height: int) -> Element:
    size = {"viewBox": f"0 0 {_WIDTH} {height + 4}", "width": str(_WIDTH)}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    SubElement(root, "style").text = _DRAWN
    return root


def _across(value: float, most: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - 80) * value / most, 1)


def _rect(root: Element, x: float, y: float, width: float, style: str, height: float = 14) -> None:
    SubElement(
        root, "rect", {"class": style, "x": str(x), "y": str(y), "width": f"{max(0.5, width):.1f}", "height": str(height)}
    )


def _text(root: Element, x: float, y: float, text: str, anchor: str = "start", style: str = "") -> None:
    SubElement(root, "text", {"x": str(x), "y": str(y), "text-anchor": anchor, "class": style}).text = text
