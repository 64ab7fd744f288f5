"""Waits for a condition, never for a fixed time."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], seconds: float, alive: Callable[[], bool] = lambda: True) -> bool:
    """Polls until the condition holds; returns False after `seconds`, or as soon as `alive` is false."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(0.05)
    return True
