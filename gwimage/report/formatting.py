"""Formatting shared by the report formats: printable text, timestamps, durations."""

from datetime import UTC, datetime


def printable(text: str) -> str:
    """Untrusted text made safe for XML 1.0 and browsers: control characters and lone surrogates become U+FFFD."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def instant(seconds: float) -> str | None:
    """RFC 3339 timestamp in UTC, from seconds since the epoch; None for 0."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Seconds below 120 s, else minutes."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
