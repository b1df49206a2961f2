"""Show what a command found: at the terminal, in any encoding, or in a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from .errors import UserError

# Whether `--verbose` was given.
is_verbose = False


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Say "running the tests …" at a terminal after a second; with `--verbose` always, at once."""
    timer = Timer(
        0 if is_verbose else 1, lambda: print(f"tpgen: {for_what} …", file=sys.stderr, flush=True)
    )
    timer.daemon = True
    # With `--quiet`, standard output is not a terminal.
    if is_verbose or (sys.stderr.isatty() and sys.stdout.isatty()):
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say(text: str) -> None:
    """Print a text, in whatever a terminal can show."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="")


def save(file: str, text: str) -> None:
    """Write a report to a file that the command line names."""
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserError(f"{file} can't be written: {error.strerror}") from None


def say_no_more() -> None:
    """Drop what could not be printed; Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
