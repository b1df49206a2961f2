"""Judge the lines of a change: are they covered, and did an integration test run them?"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tpgen.check.places import is_test_path, matches
from tpgen.core import policy, settings
from tpgen.core.finding import Finding
from tpgen.core.service import Service

from .diff import Diff, FileDiff
from .facts import Facts, Measured
from .outcome import JudgedFile, shortened

# At most so many tests are named.
SHOWN = 2
Statement = ast.stmt | ast.ExceptHandler | ast.match_case


def judge(
    root: Path, diff: Diff, facts: Facts, base_percent: float | None
) -> tuple[list[Finding], list[JudgedFile]]:
    """Return the findings about the lines of a change, and its files.

    Args:
        root: the folder of the service.
        diff: the change.
        facts: of a run with these files.
        base_percent: the percentage that is covered on the base; None if it is not known.

    Raises:
        UserError: the policy can't be read.
        MissingFact: coverage can't read a file.
    """
    rules = policy.read(root)
    coverage = rules.get("coverage", {})
    target = float(coverage.get("new_code", 85))
    paths = [path for path in diff.files if path.endswith(".py") and not is_test_path(path)]
    areas = {name: [*patterns] for name, patterns in rules.get("areas", {}).items()}
    for name, patterns in settings.read(root).areas.items():
        areas.setdefault(name, []).extend(patterns)
    findings: list[Finding] = []
    files = []
    for path, measured in sorted(facts.measured(paths).items()):
        changed = _Changed(root, diff.files[path], measured)
        file = changed.judged()
        files.append(file)
        findings += _coverage(file, changed, target)
        if area := _area(root, path, areas):
            findings += _integration(changed, facts, area, _io_layers(rules))
    findings += _drop(facts, base_percent, float(coverage.get("drop", 2)))
    return findings, files


class _Changed:
    """The statements of a file that are new or edited.

    Attributes:
        path: of the file.
        measured: what ran of it.
        lines: the first lines of these statements.
        tests: the tests that ran each statement, by its first line.
        outside: the first lines of its statements that stand in no function.
    """

    def __init__(self, root: Path, file: FileDiff, measured: Measured) -> None:
        tree = ast.parse((root / file.path).read_bytes())
        first = _first_lines(tree)
        self.path, self.measured = file.path, measured
        self.lines = {first.get(line, line) for line in file.lines} & measured.statements
        self.outside = measured.statements - _in_functions(tree)
        self.tests: dict[int, set[str]] = defaultdict(set)
        for line, tests in measured.tests.items():
            self.tests[first.get(line, line)] |= tests

    def judged(self) -> JudgedFile:
        """Return how many of the statements and their branches ran."""
        taken = [ran for (start, _), ran in self.measured.branches.items() if start in self.lines]
        covered = len(self.lines - self.measured.missing) + sum(taken)
        total = len(self.lines) + len(taken)
        return JudgedFile(self.path, total, covered, self.measured.percent)

    @property
    def not_run(self) -> set[int]:
        """Return the lines that did not run, or of which a branch was not taken."""
        branches = self.measured.branches.items()
        partly = {start for (start, _), ran in branches if start in self.lines and not ran}
        return (self.lines & self.measured.missing) | partly

    def tests_near(self, lines: Collection[int]) -> list[str]:
        """Return the tests that ran the statements nearest to some lines."""
        near = min(
            (line for line, tests in self.tests.items() if tests),
            key=lambda line: min(abs(line - other) for other in lines),
            default=0,
        )
        return sorted(self.tests[near]) if near else []


def _coverage(file: JudgedFile, changed: _Changed, target: float) -> Iterator[Finding]:
    if file.new_percent <= target and file.new:
        lines = sorted(changed.not_run)
        yield Finding(
            file.path,
            lines[0],
            1,
            f"{file.new_percent:.0f} % of the new code is covered, and the policy demands more than "
            f"{target:g} %: no test runs {_lines(lines)} wholly{_near(changed, lines)}",
            "TPG601",
        )
    elif file.percent <= target:
        lines = sorted(changed.measured.missing) or [1]
        yield Finding(
            file.path,
            lines[0],
            1,
            f"{file.percent:.0f} % of this file is covered, and the policy demands more than "
            f"{target:g} % of each file that a change touches: no test runs {_lines(lines)}",
            "TPG602",
        )


def _integration(
    changed: _Changed, facts: Facts, area: str, layers: Collection[str]
) -> Iterator[Finding]:
    passed = {
        name
        for name, test in facts.tests.items()
        if test["outcome"] == "passed" and test["layer"] in layers
    }
    measured = changed.measured
    ran = {line for line, tests in changed.tests.items() if tests & passed}
    # What runs only while the module is imported has no test of its own. It counts if a test runs
    # a function of the module, or if the module has no function.
    inside = measured.statements - changed.outside
    imported = changed.outside - measured.missing if ran & inside or not inside else set()
    lines = sorted(changed.lines - ran - imported)
    if lines:
        yield Finding(
            changed.path,
            lines[0],
            1,
            f"no passing integration test runs {_lines(lines)}, and the policy demands one for "
            f"changes of the area {area}{_near(changed, lines)}",
            "TPG604",
        )


def _drop(facts: Facts, base: float | None, allowed: float) -> Iterator[Finding]:
    if base is None:
        return
    now = facts.percent()
    if base - now > allowed:
        yield Finding(
            "pyproject.toml",
            1,
            1,
            f"the coverage drops from {base:.1f} % to {now:.1f} %, and the policy allows "
            f"{allowed:g} points: restore the tests, or cover the same code by others",
            "TPG603",
        )


def _lines(lines: Sequence[int]) -> str:
    return f"line{'s' * (len(lines) > 1)} {shortened(lines)}"


def _near(changed: _Changed, lines: Sequence[int]) -> str:
    tests = changed.tests_near(lines)
    more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
    return f"; {', '.join(tests[:SHOWN])}{more} ran the lines around them" if tests else ""


def _area(root: Path, path: str, areas: Mapping[str, Sequence[str]]) -> str:
    """Return the area that a file belongs to; empty if it is in none."""
    for package in Service(root).packages:
        start = f"{package.relative_to(root).as_posix()}/"
        for name, patterns in areas.items():
            inner = path.removeprefix(start)
            if inner != path and any(matches(inner, pattern) for pattern in patterns):
                return name
    return ""


def _io_layers(rules: Mapping[str, Mapping[str, Mapping[str, bool]]]) -> set[str]:
    return {name for name, layer in rules.get("layers", {}).items() if layer.get("io")}


def _first_lines(tree: ast.Module) -> dict[int, int]:
    """Return the first line of the statement that each line belongs to, as coverage counts it."""
    first: dict[int, int] = {}
    # Inner statements come later, and overwrite the lines of those around them.
    for node in ast.walk(tree):
        if not isinstance(node, Statement):
            continue
        start = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
        body = getattr(node, "body", None)
        end = max(body[0].lineno - 1, start) if body else (getattr(node, "end_lineno", 0) or start)
        first |= dict.fromkeys(range(start, end + 1), start)
        for decorator in getattr(node, "decorator_list", ()):
            inner = range(decorator.lineno, (decorator.end_lineno or 0) + 1)
            first |= dict.fromkeys(inner, decorator.lineno)
    return first


def _in_functions(tree: ast.Module) -> set[int]:
    """Return the lines in the bodies of functions."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, functions)
        for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    }
