"""The facts that the gate judges by: a run record and the coverage data of the same run.

A fact that is missing, partial or stale is a finding, never a pass. Freshness is by content: the
record holds the hash of each file, and of the coverage data.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.census import records
from tpgen.census.records import Record
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.report.text import shortened

if TYPE_CHECKING:
    from coverage import Coverage

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
    """A run record and its coverage.

    Attributes:
        record: of a whole run with these files.
        coverage: with the data of that run loaded.
        total: the percentage of the whole source, if the run knows it.
    """

    record: Record
    coverage: "Coverage"
    total: float | None

    @cached_property
    def tests(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the tests of the run, by id."""
        return {test["id"]: test for test in self.record.tests}

    def measured(self, paths: Sequence[str]) -> Mapping[str, Measured]:
        """Return what was measured in files; those that coverage is not to measure are left out.

        Args:
            paths: of files of the source, relative to the service.

        Raises:
            MissingFact: coverage can't read a file.
        """
        root = self.record.root
        paths = [path for path in paths if self._is_source(path)]
        report = self._lcov([str(root / path) for path in paths]) if paths else ()
        # The report applies `[tool.coverage.paths]` to the data.
        data = self.coverage.get_data()
        found: dict[str, Measured] = {}
        for line in report:
            key, _, value = line.partition(":")
            if key == "SF":
                place = (root / value).resolve()
                # The names in the data may be relative.
                name = str(place) if str(place) in data.measured_files() else value
                path = place.relative_to(root.resolve()).as_posix()
                contexts = data.contexts_by_lineno(name)
                # With the setting `context`, coverage writes `STATIC|ID|run`.
                static = f"{self.coverage.get_option('run:context')}|"
                found[path] = Measured(
                    contexts={
                        line: [context.removeprefix(static) for context in names]
                        for line, names in contexts.items()
                    }
                )
            elif key == "DA":
                number, ran = value.split(",")[:2]
                found[path].lines[int(number)] = ran != "0"
            elif key == "BRDA":
                number, *_, taken = value.split(",")
                found[path].branches.append((int(number), taken not in "0-"))
        return found

    def _is_source(self, path: str) -> bool:
        """Return whether coverage measured a file, or should have."""
        from coverage.files import GlobMatcher, prep_patterns

        root, cov = self.record.root, self.coverage
        place = root / path
        if {str(place), path} & cov.get_data().measured_files():
            return True
        omit: Any = cov.get_option("run:omit") or []
        sources: Any = cov.get_option("run:source") or []
        with chdir(root):
            omitted = GlobMatcher(prep_patterns(omit))
        # A source is a folder or the name of a package.
        folders = [root / above / name for name in sources for above in ("", "src")]
        folders = folders or list(Service(root).packages)
        is_below = any(place.is_relative_to(folder.resolve()) for folder in folders)
        return is_below and not omitted.match(str(place))

    def percent(self) -> float:
        """Return the percentage of the whole source that is covered."""
        if self.total is not None:
            return self.total
        with tempfile.TemporaryDirectory() as folder, chdir(self.record.root):
            return self.coverage.lcov_report(outfile=f"{folder}/lcov")

    def _lcov(self, files: list[str]) -> list[str]:
        """Return coverage's report of files, in the format of lcov."""
        from coverage.exceptions import CoverageException, NoDataError

        with tempfile.TemporaryDirectory() as folder, chdir(self.record.root):
            out = Path(folder) / "lcov"
            try:
                self.coverage.lcov_report(files, outfile=str(out))
            except NoDataError:
                return []
            except CoverageException as error:
                raise MissingFact(f"coverage can't judge the change: {error}") from None
            return out.read_text(encoding="utf-8").splitlines()


def read(root: Path, paths: Sequence[Path] = (), data: Sequence[Path] = ()) -> Facts:
    """Return the facts of the last run, or of several merged runs.

    Args:
        root: the folder of the service.
        paths: run records to merge; the newest one if empty.
        data: coverage data to combine; those that the records name if empty.

    Raises:
        MissingFact: a fact is missing, partial or stale.
    """
    try:
        record = records.merged(root, paths) if paths else records.newest(root)
        parts = [records.merged(root, [path]) for path in paths] or [record]
    except UserError as error:
        raise MissingFact(f"{error}; run {RUN}") from None
    if why := record.content["selection"]["why_not"]:
        raise MissingFact(f"the last run was not the whole suite ({', '.join(why)}): run {RUN}")
    named = tuple(f"tests/{layer}/" for layer in policy.named_layers(root))
    for test in record.content["uncollected"] if paths else ():
        # Of one run, `why_not` tells of it.
        if test["reason"] == "deselected" and not test["file"].startswith(named):
            place = f"{test['file']}::{test['name']}"
            raise MissingFact(f"none of the records has {place}: give those of all shards")
    if stale := record.stale:
        raise MissingFact(f"{shortened(stale, 1)} changed since the last run: run {RUN}")
    stated = [part.content["coverage"] for part in parts]
    if not all(stated):
        raise MissingFact(f"the last run measured no coverage: run {RUN}")
    files = [*data] or [root / known["file"] for known in stated]
    _require_same({known["sha256"] for known in stated}, files)
    loaded = _load(root, files)
    if not any("::" in name for name in loaded.get_data().measured_contexts()):
        raise MissingFact(
            "the coverage data don't tell which test ran a line: `--cov-context=test` is missing; "
            f"run {RUN}"
        )
    return Facts(record, loaded, stated[0].get("percent") if len(parts) == 1 else None)


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


def _load(root: Path, files: Sequence[Path]) -> "Coverage":
    """Return coverage with the settings of the service and the data of the files.

    Raises:
        UserError: tpgen was installed without coverage.
        MissingFact: the data can't be read.
    """
    try:
        from coverage import Coverage
        from coverage.exceptions import CoverageException
    except ImportError:
        raise UserError(
            "`tpgen gate` needs coverage: install tpgen with its extra, `tpgen[gate]`"
        ) from None
    places = [str(file.resolve()) for file in files]
    with chdir(root):
        try:
            if len(places) == 1:
                loaded = Coverage(data_file=places[0])
                loaded.load()
            else:
                loaded = Coverage(data_file=None)
                loaded.combine(places, strict=True, keep=True)
        except CoverageException as error:
            raise MissingFact(f"the coverage data can't be read: {error}; run {RUN}") from None
        except ModuleNotFoundError as error:
            raise UserError(
                f"the settings of coverage need {error.name}, such as for a plugin: install it beside "
                "tpgen (for the hook: `additional_dependencies`)"
            ) from None
    return loaded
