"""Texts for Markdown: nothing in them is markup, since they may come from a stranger's change."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from .text import printable

CELL = 300
MARKUP = re.compile(r"([\\`*_{}\[\]()#+.!~|@:/$^-])")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield from ("", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, in one cell of a table: no link, no mention."""
    line = printable(" ".join(text.split()))[:CELL]
    # A character reference is no markup, for GitHub's mentions and bare links neither.
    return MARKUP.sub(lambda found: f"&#{ord(found[1])};", html.escape(line, quote=False))
