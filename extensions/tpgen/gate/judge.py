"""Judge a change: collect the findings of all rules of the gate."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tpgen.census import table
from tpgen.census.records import is_hashed
from tpgen.check.project import Project
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.report.text import shortened

from . import case_rules, edited_tests, line_rules
from . import diff as diffs
from . import facts as all_facts
from .facts import MissingFact
from .outcome import Outcome


@dataclass(frozen=True)
class Given:
    """The files that the command line names.

    Attributes:
        records: run records to merge; the newest one if empty.
        data: coverage data to combine; those that the records name if empty.
        base_coverage: what `coverage json` wrote on the base.
        base_census: what `tpgen census --format json` printed on the base.
    """

    records: Sequence[Path] = ()
    data: Sequence[Path] = ()
    base_coverage: Path | None = None
    base_census: Path | None = None


def judge(root: Path, revision: str, given: Given) -> Outcome:
    """Return what a change lacks.

    Args:
        root: the folder of the service.
        revision: of the branch that the change goes to.
        given: the files that the command line names.

    Raises:
        UserError: there is no such revision, or a file can't be read.
    """
    whole = diffs.read(root, revision)
    kept = set(Project(root, asked=frozenset(whole.files)).checked)
    files = {path: file for path, file in whole.files.items() if path in kept}
    diff = replace(whole, files=files)
    outcome = Outcome(diff.base)
    outcome.findings += case_rules.past(root, diff)
    if any(map(is_hashed, diff.touched)):
        try:
            _judge_by_run(root, diff, given, outcome)
        except MissingFact as error:
            outcome.findings.append(Finding("pyproject.toml", 1, 1, str(error), "TPG600"))
    outcome.findings.sort(key=lambda finding: finding.order)
    return outcome


def _judge_by_run(root: Path, diff: diffs.Diff, given: Given, outcome: Outcome) -> None:
    percent = _base_percent(given.base_coverage) if given.base_coverage else None
    known, places = _base_cases(given.base_census) if given.base_census else (None, {})
    facts = all_facts.read(
        root,
        line_rules.sources(diff),
        paths=given.records,
        data=given.data,
        needs_percent=percent is not None,
    )
    census = table.make(facts.record, Project(root))
    if census.has_no_app:
        raise MissingFact(
            "the routes are unknown, because no test of the run used the fixture `app`: request it "
            f"in a test, and run {all_facts.RUN}"
        )
    failed = [test["id"] for test in facts.record.tests if test["outcome"] in table.FAILURES]
    if failed:
        message = f"{shortened(failed, 1)} failed in the run: a failed test proves nothing"
        outcome.findings.append(Finding("pyproject.toml", 1, 1, message, "TPG600", "note"))
    found, outcome.files = line_rules.judge(root, diff, facts, percent)
    about_cases, outcome.cases = case_rules.cases(root, diff, census, known, places)
    outcome.findings += [
        *found,
        *about_cases,
        *edited_tests.weakened(root, diff, facts),
        *edited_tests.silent_snapshots(root, diff, facts),
    ]


def _base_percent(file: Path) -> float:
    try:
        return float(json.loads(file.read_text(encoding="utf-8"))["totals"]["percent_covered"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unreadable(file, error, "coverage json") from None


def _base_cases(file: Path) -> tuple[case_rules.Known, dict[str, str]]:
    """Return the status of each case on the base, and the files of the components."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
        known = {
            (row["title"], cell["case"]): cell["status"] for row in rows for cell in row["cells"]
        }
        return known, {row["title"]: row["file"] or "" for row in rows}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unreadable(file, error, "tpgen census --json FILE") from None


def _unreadable(file: Path, error: Exception, command: str) -> UserError:
    return UserError(f"{file} can't be read ({error}): `{command}`, run on the base, writes it")


def usual_revision() -> str:
    """Return the branch that a pull request goes to, else the main branch of `origin`."""
    target = os.environ.get("GITHUB_BASE_REF")
    return f"origin/{target}" if target else "origin/HEAD"
