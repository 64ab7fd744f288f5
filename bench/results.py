"""Results as data: a row per measurement, a column per gateway, a value per round."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

OURS, BASELINE = "ours", "baseline"


@dataclass(frozen=True)
class Row:
    """One measurement. less: smaller is better; values: by gateway, in order of the rounds."""

    group: str
    name: str
    unit: str
    less: bool = True
    values: dict[str, list[float]] = field(default_factory=dict)

    def middle(self, gateway: str) -> float | None:
        found = self.values.get(gateway)
        return median(found) if found else None

    def ratios(self, gateway: str, to: str = BASELINE) -> list[float]:
        """Ratio to another gateway, round by round; leaves out rounds where that is 0."""
        if not (self.values.get(gateway) and self.values.get(to)):
            return []
        return [one / other for one, other in zip(self.values[gateway], self.values[to]) if other]

    def ratio(self, gateway: str, to: str = BASELINE) -> str:
        """Median of the ratios and their range, as text; empty if there are none."""
        found = self.ratios(gateway, to)
        if not found:
            return ""
        spread = f" ({min(found):.3g} to {max(found):.3g})" if len(found) > 1 else ""
        return f"{median(found):.3g}{spread}"


def shown(value: float | None, unit: str) -> str:
    """Value as text without its unit, which is in the row's name; empty for None."""
    if value is None:
        return ""
    return (
        f"{value:.2f}"
        if unit in ("s", "1e9") and value < 100
        else f"{value:.1f}"
        if value < 100 and unit != ""
        else f"{value:.0f}"
    )


def table(rows: Sequence[Row]) -> str:
    """Rows as a text table, by group."""
    gateways = list(dict.fromkeys(name for row in rows for name in row.values))
    width = max(len(f"{row.name}, {row.unit}") for row in rows)
    lines = [" " * width + "".join(f"{name:>11}" for name in gateways) + f"  {OURS} / {BASELINE}"]
    group = ""
    for row in rows:
        if row.group != group:
            lines += ["", row.group]
            group = row.group
        cells = "".join(f"{shown(row.middle(name), row.unit):>11}" for name in gateways)
        lines.append(f"{f'{row.name}, {row.unit}' if row.unit else row.name:{width}}{cells}  {row.ratio(OURS)}")
    return "\n".join(lines)
