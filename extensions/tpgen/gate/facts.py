"""The facts that the gate judges by: a run record and the coverage data of the same run.

A fact that is missing, partial or stale is a finding, never a pass. Freshness is by content: the
record holds the hash of each file, and of the coverage data.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tpgen.census import records
from tpgen.census.records import Record
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.introspect.reading import PROBES
from tpgen.report.text import shortened

PROBE = PROBES / "probe_coverage.py"
COMMAND = "pytest --census --cov --cov-context=test --cov-report=term"
RUN = f"`tpgen gate --run`, or `uv run {COMMAND}`"


class MissingFact(Exception):
    """A fact is missing, partial or stale; the message says which, and what to run."""


@dataclass
class Measured:
    """What coverage measured in a file.

    Attributes:
        lines: the first line of each statement that can run, with whether it ran.
        branches: the line and the result of each branch; empty if branches were not measured.
        contexts: the contexts of each line, such as `tests/test_a.py::test_b|run`; a line that ran
            while its module was imported has the empty one.
    """

    lines: dict[int, bool] = field(default_factory=dict)
    branches: list[tuple[int, bool]] = field(default_factory=list)
    contexts: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def missing(self) -> set[int]:
        """Return the statements that no test ran."""
        return {line for line, ran in self.lines.items() if not ran}

    @property
    def percent(self) -> float:
        """Return the percentage of the statements and branches that ran."""
        all_ = [*self.lines.values(), *(ran for _, ran in self.branches)]
        return 100 * sum(all_) / len(all_) if all_ else 100


@dataclass(frozen=True)
class Facts:
    """A run record and what coverage measured in the same run.

    Attributes:
        record: of a whole run with these files.
        files: what was measured, by path; files that coverage is not to measure are left out.
        percent: of the whole source that is covered; None if it was not asked for.
    """

    record: Record
    files: Mapping[str, Measured]
    percent: float | None

    @cached_property
    def tests(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the tests of the run, by id."""
        return {test["id"]: test for test in self.record.tests}


def read(
    root: Path,
    changed: Sequence[str],
    *,
    paths: Sequence[Path] = (),
    data: Sequence[Path] = (),
    needs_percent: bool = False,
) -> Facts:
    """Return the facts of the last run, or of several merged runs.

    Args:
        root: the folder of the service.
        changed: the Python files to measure, relative to the service.
        paths: run records to merge; the newest one if empty.
        data: coverage data to combine; those that the records name if empty.
        needs_percent: whether to measure the whole source too.

    Raises:
        MissingFact: a fact is missing, partial or stale.
        UserError: the service has no environment, or no coverage in it.
    """
    try:
        parts = [records.merged(root, [path]) for path in paths] or [records.newest(root)]
        record = records.merged(root, paths) if len(paths) > 1 else parts[0]
    except UserError as error:
        raise MissingFact(f"{error}; run {RUN}") from None
    if why := record.content["selection"]["why_not"]:
        raise MissingFact(f"the last run was not the whole suite ({', '.join(why)}): run {RUN}")
    for test in record.content["uncollected"]:
        if test["reason"].startswith(records.LEFT_OUT):
            place = f"{test['file']}::{test['name']}"
            raise MissingFact(
                f"{place} was {test['reason']}: if the run was one of several shards, name the "
                "records of all of them: `tpgen gate --merge RECORD... --coverage DATA...`"
            )
    if stale := record.stale:
        raise MissingFact(f"{shortened(stale, 1)} changed since the last run: run {RUN}")
    stated = [part.content["coverage"] for part in parts]
    if not all(stated):
        raise MissingFact(f"the last run measured no coverage: run {RUN}")
    files = [*data] or [root / known["file"] for known in stated]
    _require_same({known["sha256"] for known in stated}, files)
    percent = stated[0].get("percent") if len(parts) == 1 else None
    needs_percent = needs_percent and percent is None
    measured = _measure(Service(root), changed, files, needs_percent=needs_percent)
    return Facts(record, _files(measured["files"]), percent or measured["percent"])


def _require_same(digests: set[str], files: Sequence[Path]) -> None:
    """Refuse coverage data of another run than the records.

    Raises:
        MissingFact: a file is missing, or none of the records, or a record without its file.
    """
    known = set()
    for file in files:
        try:
            known.add(hashlib.sha256(file.read_bytes()).hexdigest())
        except OSError as error:
            raise MissingFact(
                f"the coverage data {file} can't be read ({error.strerror}): run {RUN}"
            ) from None
    if known != digests:
        raise MissingFact(
            f"the coverage data are not those of the recorded run, or not all of them: run {RUN}"
        )


def _measure(
    service: Service, paths: Sequence[str], data: Sequence[Path], *, needs_percent: bool
) -> Mapping[str, Any]:
    """Return what the coverage of the service says of its data.

    Raises:
        MissingFact: it can't read the data or a file.
        UserError: the service has no coverage.
    """
    with TemporaryDirectory(prefix="tpgen-") as folder:
        question, place = Path(folder, "question.json"), Path(folder, "answer.json")
        asked = {
            "root": str(service.root),
            "paths": list(paths),
            "packages": [str(each) for each in service.packages],
            "data": [str(file.resolve()) for file in data],
            "needs_percent": needs_percent,
        }
        question.write_text(json.dumps(asked), encoding="utf-8")
        ended = service.run(["-B", str(PROBE), str(question), str(place)])
        if not place.exists():
            last = "".join(ended.stderr.splitlines()[-1:])
            raise UserError(
                f"the coverage of {service.python} can't read its data: {last}; `coverage report` in "
                "that environment should say the same: correct the settings of coverage"
            )
        answer: Mapping[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    said = answer.get("said")
    if answer.get("error") == "absent":
        raise UserError(f"{service.python} has no coverage: `uv add --dev pytest-cov` adds it")
    if answer.get("error") == "data":
        raise MissingFact(f"the coverage data can't be read: {said}; run {RUN}")
    if said:
        raise MissingFact(f"coverage can't judge the change: {said}")
    if answer["is_elsewhere"]:
        raise MissingFact(
            f"the coverage data name no file below {service.root}: they were measured in another "
            "folder; set `relative_files = true` in [tool.coverage.run], and run " + RUN
        )
    if not answer["follows_greenlets"] and _awaits_sql(service):
        raise MissingFact(
            "coverage does not follow greenlets, in which async SQLAlchemy runs, so lines after an "
            '`await` seem not to run: add `concurrency = ["greenlet", "thread"]` to '
            f"the section `run` of its settings, which it reads from {answer['settings']}, and run {RUN}"
        )
    if not answer["has_contexts"]:
        raise MissingFact(
            "the coverage data don't tell which test ran a line: `--cov-context=test` is missing; "
            f"run {RUN}"
        )
    return answer


def _awaits_sql(service: Service) -> bool:
    files = (file for folder in service.packages for file in folder.rglob("*.py"))
    return any(b"sqlalchemy.ext.asyncio" in file.read_bytes() for file in files)


def _files(answer: Mapping[str, Any]) -> dict[str, Measured]:
    found = {}
    for path, file in answer.items():
        if file is None:
            raise MissingFact(
                f"coverage reports nothing of {path}: `coverage report {path}` says why, such as a "
                "syntax error that `ignore_errors` hides"
            )
        found[path] = Measured(
            {int(line): ran for line, ran in file["lines"].items()},
            [(line, ran) for line, ran in file["branches"]],
            {int(line): file["sets"][number] for line, number in file["set_of"].items()},
        )
    return found
