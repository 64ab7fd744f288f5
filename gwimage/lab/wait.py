"""Waiting for answers, never for a time."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], seconds: float, alive: Callable[[], bool] = lambda: True) -> bool:
    """Poll until the condition holds; ends early when `alive` says that it never will."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(0.05)
    return True
