"""Judge a change: collect the findings of all rules of the gate."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpgen.census import table
from tpgen.census.records import SUFFIXES
from tpgen.check.project import Project
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding

from . import diff as diffs
from . import facts as all_facts
from . import line_rules, proof_rules
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
    diff = diffs.read(root, revision)
    outcome = Outcome(diff.base)
    outcome.findings += proof_rules.past(root, diff)
    if any(path.endswith(SUFFIXES) for path in diff.touched):
        try:
            _judge_by_run(root, diff, given, outcome)
        except MissingFact as error:
            outcome.findings.append(Finding("pyproject.toml", 1, 1, str(error), "TPG600"))
    outcome.findings.sort(key=lambda finding: finding.order)
    return outcome


def _judge_by_run(root: Path, diff: diffs.Diff, given: Given, outcome: Outcome) -> None:
    base = _json(given.base_coverage)
    percent = base["totals"]["percent_covered"] if base else None
    known = {
        (row["title"], cell["case"]): cell["status"]
        for row in (_json(given.base_census) or {"rows": ()})["rows"]
        for cell in row["cells"]
    }
    facts = all_facts.read(root, given.records, given.data)
    census = table.make(facts.record, Project(root))
    if census.has_no_app:
        raise MissingFact(
            "the routes are unknown, because no test of the run used the fixture `app`: request it "
            f"in a test, and run {all_facts.RUN}"
        )
    found, outcome.files = line_rules.judge(root, diff, facts, percent)
    about_cases, outcome.cases = proof_rules.cases(
        root, diff, census, known if given.base_census else None
    )
    outcome.findings += [
        *found,
        *about_cases,
        *proof_rules.weakened(root, diff, facts),
        *proof_rules.silent_snapshots(root, diff, facts),
    ]


def _json(file: Path | None) -> Any:
    """Return the content of a file that describes the base; None if none was given."""
    if file is None:
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        _ = content["totals"]["percent_covered"] if "totals" in content else content["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} can't be read ({error}): `coverage json` writes the coverage of the base, and "
            "`tpgen census --format json` its census"
        ) from None
    return content


def usual_revision() -> str:
    """Return the branch that a pull request goes to, else the main branch of `origin`."""
    target = os.environ.get("GITHUB_BASE_REF")
    return f"origin/{target}" if target else "origin/HEAD"
