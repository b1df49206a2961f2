"""The census as one self-contained HTML page.

All text of a service is untrusted: Jinja escapes it, `_visible` shows characters that change or
hide text, and the Content-Security-Policy of the page allows only the script and the style of
`page.html`, by their hashes.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from tpgen.report.text import printable

from . import render as rendered
from .table import Census, Row

TEMPLATE = Path(__file__).with_name("page.html")
# A parametrized case may have thousands of tests.
MOST_TESTS = 20


def render(census: Census) -> str:
    source = TEMPLATE.read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["link"] = _link
    document = rendered.document(census)
    counts: dict[str, int] = document["counts"]
    starts = accumulate(counts.values(), initial=0)
    return environment.from_string(source).render(
        document,
        service=census.record.root.resolve().name,
        policy=f"default-src 'none'; script-src {_hash_of('script', source)}; "
        f"style-src {_hash_of('style', source)}; base-uri 'none'; form-action 'none'",
        total=sum(counts.values()),
        bar=[
            (status, start, counts[status]) for status, start in zip(counts, starts, strict=False)
        ],
        meanings=rendered.STATUSES,
        tables=[*_tables(census.rows)],
        most_tests=MOST_TESTS,
    )


def _visible(value: Any) -> Any:
    r"""Return a text with control, bidi and other invisible characters as `\u202e`.

    Jinja calls this for each expression of the template.
    """
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(re.sub(r"\s", " ", value)) if is_text else value


def _link(issue: str) -> str:
    """Return an issue that is a web address, and nothing for other ones."""
    is_address = re.fullmatch(r"https?://\w[^\s\[\]]*", issue) and issue.isprintable()
    return issue if is_address else ""


def _hash_of(tag: str, source: str) -> Markup:
    """Return the source expression of an inline element for the Content-Security-Policy."""
    content = source.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    digest = hashlib.sha256(content.encode()).digest()
    return Markup("'sha256-{}'").format(b64encode(digest).decode())


def _tables(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield a table for each kind, and one for each suite about all components of a kind."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        is_component = row.title.startswith(f"{row.kind} ")
        groups.setdefault((row.kind, "" if is_component else row.title), []).append(row)
    for (kind, suite), group in groups.items():
        columns = {(cell.suite, cell.case): cell for row in group for cell in row.cells}
        components = f"{len(group)} component{'s' * (len(group) != 1)}"
        yield {
            "title": suite or kind.capitalize(),
            "about": f"one suite for all components of the kind “{kind}”" if suite else components,
            "columns": [*columns.values()],
            "rows": [_row(row, columns) for row in group],
        }


def _row(row: Row, columns: Iterable[tuple[str, str]]) -> dict[str, Any]:
    statuses = [cell.status for cell in row.cells]
    bad = [f"{statuses.count(status)} {status}" for status in rendered.BAD if status in statuses]
    cells = {(cell.suite, cell.case): cell for cell in row.cells}
    return {
        "name": row.title.removeprefix(f"{row.kind} "),
        "place": f"{row.file}:{row.line}" if row.file else "",
        "note": row.note,
        "bad": ", ".join(bad),
        "command": f"tpgen {row.title}" if row.can_be_written and "missing" in statuses else "",
        "cells": [cells.get(key) for key in columns],
        "details": sorted(row.cells, key=lambda cell: cell.status == "proved"),
        # The details of a row are printed if something is not proved.
        "is_open": any(status != "proved" for status in statuses),
    }
