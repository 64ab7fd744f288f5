"""`firewall.offload`: whether established connections take the fast path."""

from __future__ import annotations


def parse(data: dict) -> bool:
    """Whether there is a short way."""
    return data.get("firewall", {}).get("offload", "none") == "software"
