"""What the formats of a report share: text that every reader takes, and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str) -> str:
    """What came from a profile or off the wire, fit for XML 1.0 and a browser: no control characters, no halves of pairs."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def instant(seconds: float) -> str | None:
    """RFC 3339, in UTC, from seconds since the epoch; nothing for what never was."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
