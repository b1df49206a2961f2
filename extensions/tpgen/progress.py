"""Tell a person what a command waits for."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

SECONDS = 1.0


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Say on standard error what is being done, if it takes longer than a second.

    Args:
        for_what: such as "running the tests".
    """
    timer = Timer(SECONDS, lambda: print(f"tpgen: {for_what} …", file=sys.stderr, flush=True))
    timer.daemon = True
    # A shell that completes a word shows its prompt.
    if "_ARGCOMPLETE" not in os.environ:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
