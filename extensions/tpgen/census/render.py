"""A census as text, Markdown and JSON."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .table import Cell, Census, Row

FORMAT = 1
# In the order of a summary.
STATUSES = ("proved", "failed", "missing", "later", "exempt", "elsewhere")
BAD = ("failed", "missing")
# At most so many notes are printed.
MOST = 20


def text(census: Census, *, everything: bool) -> str:
    """Return the missing and failed cases by component, and the notes.

    Args:
        census: to print.
        everything: whether to print all cases.
    """
    lines = list(_warnings(census))
    for row in census.rows:
        cells = [cell for cell in row.cells if everything or cell.status in BAD]
        if cells or (everything and row.note):
            place = f"{row.file}:{row.line}" if row.file else ""
            lines += ["", f"{row.title}  {place}".rstrip()]
            lines += [f"  ({row.note})"] if row.note else []
            lines += [f"  {cell.status:9} {cell.words}{_detail(cell)}" for cell in cells]
            if row.can_be_written and any(cell.status == "missing" for cell in cells):
                lines += [f"  `tpgen {row.title}` writes what is missing"]
    lines += _notes(census)
    return "\n".join([*lines, "", summary(census), ""]).lstrip("\n")


def _detail(cell: Cell) -> str:
    more = f" and {len(cell.tests) - 1} more" if len(cell.tests) > 1 else ""
    parts = [cell.why or "".join([*cell.tests[:1], more]), cell.issue]
    parts += [f"until {cell.until}"] if cell.until and cell.status == "exempt" else []
    parts += [f"required from {cell.until}"] if cell.until and cell.status == "later" else []
    detail = ", ".join(filter(None, parts))
    return f": {detail}" if detail else ""


def summary(census: Census) -> str:
    """Return one line: how many required cases there are, by status."""
    counts = ", ".join(
        f"{census.counts[status]} {status}" for status in STATUSES if census.counts.get(status)
    )
    components = sum(bool(row.cells) for row in census.rows)
    total = sum(census.counts.values())
    return f"{total} required cases of {components} components: {counts or 'none'}"


def _warnings(census: Census) -> Iterator[str]:
    content = census.record.content
    if stale := census.record.stale:
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        yield f"changed since the run: {stale[0]}{more}; run `pytest --census` again"
    if why := content["selection"]["why_not"]:
        yield f"the run was not the whole suite ({', '.join(why)}): what is missing may not have run"
    if census.has_no_app:
        yield "the routes are unknown: no test of the run used the fixture `app`"
    if lost := census.lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        yield f"failed before it was known which component it is about: {lost[0]}{more}"


def _notes(census: Census) -> list[str]:
    notes = list(dict.fromkeys(map(_note, census.notes)))
    notes += [
        f"  {_place(test)}  not collected: {test['name'] or 'the file'}: {test['reason']}"
        for test in _others(census.record.content["uncollected"])
    ]
    more = [f"  and {len(notes) - MOST} more"] if len(notes) > MOST else []
    return ["", "notes", *notes[:MOST], *more] if notes else []


def _place(test: Mapping[str, Any]) -> str:
    """Return file and line; the record knows no line of a class or of a whole file."""
    return f"{test['file']}:{test['line']}" if test["line"] else str(test["file"])


def _note(note: Mapping[str, Any]) -> str:
    what = note["what"] or note["test"].partition("::")[2]
    return f"  {note['file']}:{note['line']}  {note['kind']}: {what}"


def markdown(census: Census) -> str:
    """Return a summary with a table of what is missing, for the page of a CI job."""
    lines = [f"**{_escaped(summary(census))}**", ""]
    lines += [f"- {_escaped(warning)}" for warning in _warnings(census)]
    bad = [(row, cell) for row in census.rows for cell in row.cells if cell.status in BAD]
    if bad:
        lines += ["", "| component | required case | | why |", "|---|---|---|---|"]
    for row, cell in bad:
        cells = (row.title, cell.words, cell.status, cell.why or ", ".join(cell.tests))
        lines.append(f"| {' | '.join(map(_escaped, cells))} |")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    """Return a text that Markdown and HTML show unchanged, in one cell."""
    line = html.escape(" ".join(text.split()), quote=False)
    return line.replace("|", "&#124;").replace("`", "&#96;")


def document(census: Census) -> dict[str, Any]:
    """Return the census as one JSON value; docs/census.md describes it."""
    content = census.record.content
    return {
        "format": FORMAT,
        "run": {
            "id": content["id"],
            "started": content["started"],
            "seconds": content["seconds"],
            "exit_code": content["exit_code"],
            "why_not_complete": content["selection"]["why_not"],
            "stale": census.record.stale,
            "has_no_app": census.has_no_app,
            "lost": census.lost,
        },
        "counts": {status: census.counts.get(status, 0) for status in STATUSES},
        "rows": [_row(row) for row in census.rows],
        "notes": census.notes,
        "uncollected": _others(content["uncollected"]),
    }


def _others(uncollected: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [test for test in uncollected if test["reason"] != "deselected"]


def _row(row: Row) -> dict[str, Any]:
    cells = [{**asdict(cell), "words": cell.words} for cell in row.cells]
    return {
        "kind": row.kind,
        "title": row.title,
        "file": row.file,
        "line": row.line,
        "note": row.note,
        "command": f"tpgen {row.title}" if row.can_be_written else "",
        "cells": cells,
    }


def as_json(census: Census) -> str:
    """Return the same as text."""
    return json.dumps(document(census), indent=2, ensure_ascii=False) + "\n"
