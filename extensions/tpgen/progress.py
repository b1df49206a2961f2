"""Tell a person what a command waits for."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

_seconds = math.inf


def after(seconds: float) -> None:
    """Set how long a command waits before it says what it waits for; infinite for never."""
    global _seconds
    _seconds = seconds


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Say on standard error what is being done, if it takes longer than `after` allows.

    Args:
        for_what: such as "running the tests".
    """
    timer = Timer(_seconds, lambda: print(f"tpgen: {for_what} …", file=sys.stderr, flush=True))
    timer.daemon = True
    if math.isfinite(_seconds):
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
