"""The census as one self-contained HTML page.

All text of a service is untrusted: Jinja escapes it, `_visible` shows characters that change or
hide text, and the Content-Security-Policy of the page allows only the script and the style of
`page.html`, by their hashes.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from . import render as rendered
from .table import Cell, Census, Row

TEMPLATE = Path(__file__).with_name("page.html")
MEANINGS = {
    "proved": "a passing test proves it",
    "failed": "a test of it failed",
    "missing": "no passing test proves it",
    "later": "required from a later date",
    "exempt": "pyproject.toml exempts it",
    "elsewhere": "runs only by the name of its layer",
}
EXIT_CODES = {
    0: "all tests passed",
    1: "tests failed",
    2: "interrupted",
    3: "internal error",
    4: "usage error",
    5: "no tests",
}
# A parametrized case may have thousands of tests.
MOST_TESTS = 20
Values = dict[str, Any]
_Key = tuple[str, str, int]


def render(census: Census) -> str:
    """Return the page.

    Args:
        census: to show.
    """
    source = TEMPLATE.read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["breakable"] = _breakable
    document = rendered.document(census)
    return environment.from_string(source).render(
        service=census.record.root.resolve().name,
        policy=f"default-src 'none'; script-src {_hash_of('script', source)}; "
        f"style-src {_hash_of('style', source)}; base-uri 'none'; form-action 'none'",
        run=document["run"],
        duration=_duration(document["run"]["seconds"]),
        exit_text=EXIT_CODES.get(document["run"]["exit_code"], "unknown"),
        counts=document["counts"],
        total=sum(document["counts"].values()),
        bar=[*_bar(document["counts"])],
        meanings=MEANINGS,
        tables=_tables(census.rows),
        notes=_by_kind(document["notes"]),
        uncollected=document["uncollected"],
    )


def _visible(value: Any) -> Any:
    r"""Return a text with control, bidi and other invisible characters as `\u202e`.

    Jinja calls this for each expression of the template.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() and sign.isascii() else _code(sign)
        for sign in value
    )


def _code(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"


def _breakable(path: str) -> Markup:
    """Return a path that may continue in the next line after each slash."""
    return Markup("/<wbr>").join(str(_visible(path)).split("/"))


def _hash_of(tag: str, source: str) -> Markup:
    """Return the source expression of an inline element for the Content-Security-Policy."""
    found = re.search(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return Markup("'sha256-{}'").format(b64encode(digest).decode())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _bar(counts: dict[str, int]) -> Iterator[tuple[str, int, int]]:
    """Yield the status, start and length of each part of the bar."""
    start = 0
    for status, length in counts.items():
        if length:
            yield status, start, length
        start += length


def _tables(rows: Sequence[Row]) -> list[Values]:
    """Return a table for each kind, and one for each suite about all components of a kind."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        is_component = row.title.startswith(f"{row.kind} ")
        groups.setdefault((row.kind, "" if is_component else row.title), []).append(row)
    ids = count()
    return [_table(kind, suite, group, ids) for (kind, suite), group in groups.items()]


def _table(kind: str, suite: str, rows: Sequence[Row], ids: Iterator[int]) -> Values:
    columns: dict[_Key, Cell] = {}
    for row in rows:
        for key, cell in _cells(row).items():
            columns.setdefault(key, cell)
    components = f"{len(rows)} component{'s' * (len(rows) != 1)}"
    return {
        "id": f"t{next(ids)}",
        "title": suite or kind.capitalize(),
        "about": f"one suite for all components of the kind “{kind}”" if suite else components,
        "columns": [*columns.values()],
        "rows": [_row(row, [*columns], ids) for row in rows],
    }


def _cells(row: Row) -> dict[_Key, Cell]:
    """Return the cells by suite, case and how often the suite has stated the case before."""
    cells: dict[_Key, Cell] = {}
    for cell in row.cells:
        times = sum((cell.suite, cell.case) == key[:2] for key in cells)
        cells[cell.suite, cell.case, times] = cell
    return cells


def _row(row: Row, columns: Sequence[_Key], ids: Iterator[int]) -> Values:
    statuses = [cell.status for cell in row.cells]
    bad = [f"{statuses.count(status)} {status}" for status in rendered.BAD if status in statuses]
    cells = _cells(row)
    return {
        "id": f"r{next(ids)}",
        "card": f"c{next(ids)}",
        "name": row.title.removeprefix(f"{row.kind} "),
        "place": f"{row.file}:{row.line}" if row.file else "",
        "note": row.note,
        "bad": ", ".join(bad),
        "command": f"tpgen {row.title}" if row.can_be_written and "missing" in statuses else "",
        "cells": [cells.get(key) for key in columns],
        "details": [*map(_item, sorted(row.cells, key=_rank))],
        # The details of a row are printed if something is not proved.
        "is_open": any(status != "proved" for status in statuses),
    }


def _rank(cell: Cell) -> int:
    order = (*rendered.BAD, "later", "exempt", "elsewhere", "proved")
    return order.index(cell.status)


def _item(cell: Cell) -> Values:
    shown = cell.tests[:MOST_TESTS]
    parameters: dict[str, list[str]] = {}
    for test in shown:
        name, _, parameter = test.partition("[")
        parameters.setdefault(name, []).extend([f"[{parameter}"] if parameter else [])
    return {
        "cell": cell,
        "link": _link(cell.issue),
        "tests": [{"id": name, "parameters": found} for name, found in parameters.items()],
        "left_off": len(cell.tests) - len(shown),
    }


def _link(issue: str) -> str:
    """Return an issue that is a web address, and nothing for other ones."""
    try:
        parts = urlsplit(issue)
    except ValueError:
        return ""
    is_address = parts.scheme in ("http", "https") and parts.netloc and issue.isprintable()
    return issue if is_address else ""


def _by_kind(notes: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for note in notes:
        groups.setdefault(note["kind"], []).append(note)
    return groups
