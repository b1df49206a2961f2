"""Judge what a change proves: the required cases of its components, and its exemptions."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from tpgen.census.table import Cell, Census, Row
from tpgen.check import registry
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import FileRule
from tpgen.core import settings
from tpgen.core.finding import Finding
from tpgen.report.text import shortened
from tpgen.source import trees
from tpgen.source.cases import words
from tpgen.source.trees import Function

from .diff import Diff
from .edited_tests import is_own_test
from .outcome import UnprovedCase
from .texts_of_tests import function_of, lines_of, parsed

BAD = ("missing", "failed")
# The status of each case on the base, by component and name of the case.
Known = Mapping[tuple[str, str], str]


def cases(
    root: Path, diff: Diff, census: Census, known: Known | None, files: Mapping[str, str]
) -> tuple[list[Finding], list[UnprovedCase]]:
    """Return the findings about required cases, and the cases that they are about.

    Args:
        root: the folder of the service.
        diff: the change.
        census: of a run with these files.
        known: the census of the base; None if it was not given.
        files: of the components of that census, by title.
    """
    findings = [*_gone(root, diff, census, known or {}, files)]
    unproved: list[UnprovedCase] = []
    exempted = _new_exemptions(root, diff)
    for row in census.rows:
        is_changed = _is_changed(root, diff, row)
        if known and ANSWERS not in diff.files and not is_changed:
            findings += _no_longer_required(row, known)
        bad, start, code = _unproved(row, known, exempted, is_changed=is_changed)
        if bad:
            findings.append(_about(row, bad, start, code))
            unproved += [
                UnprovedCase(row.title, cell.words, cell.why or ", ".join(cell.tests))
                for cell in bad
            ]
    lost: dict[str, list[str]] = {}
    for test in census.record.tests:
        if test["id"] in census.lost:
            lost.setdefault(test["file"], []).append(test["id"])
    for path, tests in lost.items():
        message = f"{shortened(tests, 1)} failed in the set-up, so the component is unknown: run "
        message += f"`pytest {path}`, and fix the error"
        findings.append(Finding(path, 1, 1, message, "TPG605"))
    return findings, unproved


def _unproved(
    row: Row, known: Known | None, exempted: set[str], *, is_changed: bool
) -> tuple[list[Cell], str, str]:
    """Return the cases that block the change, why they do, and the code of their finding."""
    bad = [cell for cell in row.cells if cell.status in BAD]
    # Another line, such as that of a router's prefix, may add a route.
    is_new = known is not None and not any(title == row.title for title, _ in known)
    if bad and (is_new or is_changed):
        return bad, "new or changed, and not proved", "TPG605"
    if known is None:
        new = [] if is_changed else [cell for cell in row.cells if _is_exempt_by(cell, exempted)]
        start = "not proved; whether it was before the change, --base-census would tell"
        return [*bad, *new], start, "TPG606"
    lost = BAD if is_changed else (*BAD, "exempt")
    was = [cell for cell in row.cells if known.get((row.title, cell.case)) == "proved"]
    bad = [cell for cell in was if cell.status in lost]
    return bad, "no longer proved, as it was before the change", "TPG606"


def _no_longer_required(row: Row, known: Known) -> Iterator[Finding]:
    now = {cell.case for cell in row.cells}
    gone = [
        case
        for (title, case), status in known.items()
        if title == row.title and status == "proved" and case not in now
    ]
    if gone:
        message = (
            f"{row.title} no longer requires what was proved before the change: "
            f"{', '.join(map(words, gone))}; restore its suite, or change the route too"
        )
        yield Finding(row.file or "pyproject.toml", row.line or 1, 1, message, "TPG606")


def _gone(
    root: Path, diff: Diff, census: Census, known: Known, files: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the components that were proved on the base, and that the census does not know now.

    A route that is gone left the app itself; the source of another component can still exist.
    """
    titles = {row.title for row in census.rows}
    proved = {title for (title, _), status in known.items() if status == "proved"}
    for title in sorted(proved - titles):
        file = files.get(title, "")
        is_there = file and (root / file).is_file() and not _loses_a_class(root, diff, file)
        if not title.startswith("route ") and is_there:
            message = (
                f"{title} was proved before the change, and no suite is about it now: restore it"
            )
            yield Finding(file, 1, 1, message, "TPG606")


def _loses_a_class(root: Path, diff: Diff, path: str) -> bool:
    """Return whether a change deletes a class of a module: it may be the component."""
    if path not in diff.files:
        return False
    texts = diff.before(path), (root / path).read_text("utf-8", "replace")
    before, now = ({node.name for node in trees.classes(parsed(text))} for text in texts)
    return not before <= now


def _new_exemptions(root: Path, diff: Diff) -> set[str]:
    """Return the cases that the change exempts, each as `TestClass.test_case`."""
    if settings.WHERE not in diff.files:
        return set()
    before = settings.tables(diff.before(settings.WHERE))
    old = before.get("tool", {}).get("tpgen", {}).get("exempt", [])
    new = [each for each in settings.read(root).exempt if each not in old]
    return {each["case"] for each in new}


def _is_exempt_by(cell: Cell, exempted: set[str]) -> bool:
    return cell.status == "exempt" and not exempted.isdisjoint(map(function_of, cell.tests))


def _is_changed(root: Path, diff: Diff, row: Row) -> bool:
    """Return whether a change adds the file of a component, or edits its definition."""
    file = diff.files.get(row.file)
    if file is None:
        return False
    if not file.was:
        return True
    for node in _definitions(ast.parse((root / row.file).read_bytes())):
        lines = lines_of(node)
        if row.line in lines and row.line <= node.lineno:
            is_edited = file.lines & {*lines} or file.cuts & {*lines[:-1]}
            # One that only has another layout is not edited.
            before = _definitions(parsed(diff.before(row.file))) if is_edited else []
            return bool(is_edited) and ast.dump(node) not in map(ast.dump, before)
    return False


def _definitions(tree: ast.Module) -> list[Function | ast.ClassDef]:
    return [node for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef)]


def _about(row: Row, cells: Sequence[Cell], start: str, code: str) -> Finding:
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        by_reason.setdefault(cell.why or "failed", []).append(cell.words)
    named = "; ".join(f"{', '.join(cases)} ({why})" for why, cases in by_reason.items())
    help_ = ""
    if all(cell.status == "exempt" for cell in cells):
        help_ = "; remove its exemption, or change the component too"
    elif row.can_be_written and any(cell.status == "missing" for cell in cells):
        help_ = f"; `tpgen {row.title}` writes the tests that it lacks"
    message = f"{row.title} is {start}: {named}{help_}"
    return Finding(row.file or "pyproject.toml", row.line or 1, 1, message, code)


def past(root: Path, diff: Diff) -> Iterator[Finding]:
    """Yield the exemptions whose last day is over, and flaky tests of the change skipped for too long.

    Args:
        root: the folder of the service.
        diff: the change.

    Raises:
        UserError: the settings can't be read.
    """
    own = settings.read(root)
    lines = own.text.splitlines()
    dated = []
    for each in own.exempt:
        line = next((n for n, text in enumerate(lines, 1) if each["case"] in text), 1)
        dated.append((each["case"], each.get("until"), line))
    # `tpgen check` refuses an entry that is not a table or has no date.
    tables = ((each, line) for each, line in own.exemptions if isinstance(each, dict))
    dated += [(each.get("rule"), each.get("until"), line) for each, line in tables]
    for what, until, line in dated:
        if type(until) is date and until < date.today():
            message = (
                f"the exemption of {what} ended on {until}: fix what it covers, then remove it"
            )
            yield Finding(settings.WHERE, line, 1, message, "TPG609")
    rule, project = registry.find("old-flaky-skip"), Project(root)
    for path in filter(is_own_test, diff.files):
        file = project.file(path)
        if file and isinstance(rule, FileRule) and any(word in file.data for word in rule.triggers):
            yield from (replace(found, code=rule.code) for found in rule.check(file))
