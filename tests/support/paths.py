"""Paths in the repository."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
HOMELAB = ROOT / "profiles" / "homelab.yaml"
