"""Measurements, by hand. What tests use to put a configuration into an image is at hand here too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
