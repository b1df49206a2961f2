"""A census as text, as Markdown, and as a value for JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tpgen.report.markdown import escaped, table
from tpgen.report.text import shortened

from .table import Cell, Census

FORMAT = 1
# The meanings of the statuses, in the order of a summary.
STATUSES = {
    "proved": "a passing test proves it",
    "failed": "a test of it failed",
    "missing": "no passing test proves it",
    "later": "required from a later date",
    "exempt": "pyproject.toml exempts it",
    "elsewhere": "runs only by the name of its layer",
}
BAD = ("failed", "missing")
# At most so many notes are printed.
MOST = 20


def text(census: Census, *, everything: bool) -> str:
    """Return the missing and failed cases by component, or all cases, and the notes."""
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
    return "\n".join([*lines, "", _summary(census), ""]).lstrip("\n")


def markdown(census: Census) -> str:
    """Return the summary, and a table of what is missing or failed."""
    bad = [(row, cell) for row in census.rows for cell in row.cells if cell.status in BAD]
    rows = [
        (row.title, cell.words, cell.status, cell.why or shortened(cell.tests, 1))
        for row, cell in bad
    ]
    warnings = [f"- {escaped(warning)}" for warning in _warnings(census)]
    found = table(("component", "required case", "", "why"), rows) if rows else ()
    return "\n".join([f"**{escaped(_summary(census))}**", "", *warnings, *found, ""])


def _summary(census: Census) -> str:
    counts = ", ".join(
        f"{census.counts[status]} {status}" for status in STATUSES if census.counts.get(status)
    )
    components = sum(bool(row.cells) for row in census.rows)
    total = f"{sum(census.counts.values())} required cases of {components} components"
    return f"{total}: {counts or 'none'}"


def _detail(cell: Cell) -> str:
    until = "until" if cell.status == "exempt" else "required from"
    parts = [cell.why or shortened(cell.tests, 1), cell.issue]
    parts += [f"{until} {cell.until}"] if cell.until and cell.status in ("exempt", "later") else []
    detail = ", ".join(filter(None, parts))
    return f": {detail}" if detail else ""


def _warnings(census: Census) -> Iterator[str]:
    content = census.record.content
    if stale := census.record.stale:
        yield f"changed since the run: {shortened(stale, 1)}; run `pytest --census` again"
    if why := content["selection"]["why_not"]:
        yield f"the run was not the whole suite ({', '.join(why)}): what is missing may not have run"
    if census.has_no_app:
        yield "the routes are unknown: no test of the run used the fixture `app`"
    if lost := census.lost:
        yield f"failed before it was known which component it is about: {shortened(lost, 1)}"


def _notes(census: Census) -> list[str]:
    notes = []
    for note in census.notes:
        what = note["what"] or note["test"].partition("::")[2]
        notes.append(f"  {note['file']}:{note['line']}  {note['kind']}: {what}")
    for test in _uncollected(census):
        # The record knows no line of a class or of a whole file.
        place = f"{test['file']}:{test['line']}" if test["line"] else test["file"]
        notes.append(f"  {place}  not collected: {test['name'] or 'the file'}: {test['reason']}")
    notes = list(dict.fromkeys(notes))
    more = [f"  and {len(notes) - MOST} more"] if len(notes) > MOST else []
    return ["", "notes", *notes[:MOST], *more] if notes else []


def document(census: Census) -> dict[str, Any]:
    """Return the census as one JSON value; docs/census.md describes it."""
    content = census.record.content
    return {
        "format": FORMAT,
        "run": {
            **{name: content[name] for name in ("id", "started", "seconds", "exit_code")},
            "why_not_complete": content["selection"]["why_not"],
            "stale": census.record.stale,
            "has_no_app": census.has_no_app,
            "lost": census.lost,
        },
        "counts": {status: census.counts.get(status, 0) for status in STATUSES},
        "rows": [
            {key: getattr(row, key) for key in ("kind", "title", "file", "line", "note")}
            | {"command": f"tpgen {row.title}" if row.can_be_written else ""}
            | {"cells": [{**asdict(cell), "words": cell.words} for cell in row.cells]}
            for row in census.rows
        ],
        "notes": census.notes,
        "uncollected": _uncollected(census),
    }


def _uncollected(census: Census) -> list[Mapping[str, Any]]:
    uncollected = census.record.content["uncollected"]
    return [test for test in uncollected if not test["reason"].startswith("deselected")]
