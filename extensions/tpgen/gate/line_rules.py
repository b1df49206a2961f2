"""Judge the lines of a change: are they covered, and did an integration test run them?"""

import ast
import sys
import tokenize
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from tpgen.check.places import matches
from tpgen.core import policy, settings
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.core.service import POLICY, Service
from tpgen.report import text
from tpgen.source.trees import Function

from . import configuration
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
        UserError: the policy or a file can't be read.
    """
    rules = policy.read(root)
    demands = _demands(root, rules, diff)
    passed = _passed(
        facts, {name for name, each in rules.get("layers", {}).items() if each.get("io")}
    )
    packages = [each.relative_to(root).as_posix() for each in Service(root).packages]
    # Some services have their modules in `src` itself.
    packages += ["src"]
    of_service = tuple(f"{package}/" for package in packages)
    cuts_coverage = configuration.edits_coverage(root, diff)
    findings: list[Finding] = []
    files = []
    for path in sorted(sources(diff)):
        # A file can't leave its area by being moved.
        was = diff.files[path].was
        area = _area(path, packages, demands.areas) or _area(was, packages, demands.areas)
        if measured := facts.files.get(path):
            changed = _Changed(root, diff.files[path], measured)
            file = changed.judged()
            files.append(file)
            if cuts_coverage and changed.left_out:
                lines = sorted(changed.left_out)
                message = (
                    f"coverage leaves out {_lines(lines)}, and this change edits its settings: "
                )
                message += "change them in a pull request of their own"
                findings.append(Finding(path, lines[0], 1, message, "TPG601"))
            findings += _coverage(file, changed, demands.target)
            findings += _integration(changed, passed, area) if area else ()
        elif area and (root / path).read_bytes().strip():
            message = f"coverage does not measure this file of the area {area}, so no run can show "
            message += "that an integration test runs the change: remove it from `omit`"
            findings.append(Finding(path, 1, 1, message, "TPG604"))
        elif cuts_coverage and path.startswith(of_service) and (root / path).read_bytes().strip():
            message = "coverage does not measure this file, and this change edits its settings: "
            message += "measure it, or change the settings in a pull request of their own"
            findings.append(Finding(path, 1, 1, message, "TPG601"))
    findings += _drop(facts, base_percent, demands.drop)
    return findings, files


@dataclass(frozen=True)
class _Demands:
    """What the policy demands: percentages, and the patterns of each area."""

    target: float
    drop: float
    areas: Mapping[str, Sequence[str]]


def _demands(root: Path, rules: Mapping[str, Any], diff: Diff) -> _Demands:
    """Return the stricter demands of now and of the base.

    A change can't lower the numbers that judge it, nor take its own files out of an area.
    """
    before = settings.tables(diff.read(POLICY.as_posix()))
    target, drop = _number(rules, "new_code", 85), _number(rules, "drop", 2)
    areas: dict[str, list[str]] = {}
    own = (settings.read(root).areas, _settings_before(diff).areas)
    for stated in (rules.get("areas", {}), before.get("areas", {}), *own):
        for name, patterns in stated.items():
            areas.setdefault(name, []).extend(patterns)
    return _Demands(
        max(target, _number(before, "new_code", target)),
        min(drop, _number(before, "drop", drop)),
        areas,
    )


def sources(diff: Diff) -> list[str]:
    """Return the Python files of the source that a change adds or edits."""
    return [path for path in diff.files if path.endswith(".py") and not _is_of_tests(path)]


def _settings_before(diff: Diff) -> settings.Settings:
    text = diff.read(settings.WHERE)
    try:
        return settings.parse(text)
    except UserError:
        return settings.Settings(text, {})


def _number(rules: Mapping[str, Any], key: str, default: float) -> float:
    """Return a percentage of a policy."""
    given = rules.get("coverage", {}).get(key, default)
    if not isinstance(given, int | float) or not 0 <= given < 100:
        raise UserError(f"{POLICY}: [coverage] {key} must be a number from 0 to 99, got {given!r}")
    return given


class _Changed:
    """The statements of a file that are new or edited.

    Attributes:
        path: of the file.
        measured: what ran of it.
        first: the first line of the statement that each line belongs to.
        lines: the first lines of the new and edited statements.
        inside: the first lines of all statements in functions.
        left_out: the first lines of new and edited statements that coverage does not count.
    """

    def __init__(self, root: Path, file: FileDiff, measured: Measured) -> None:
        self.path, self.measured = file.path, measured
        source = (root / file.path).read_bytes()
        tree = _parse(file.path, source)
        found = [*spans(tree)]
        self.first = {line: span.start for span, _ in found for line in span}
        self.inside = {span.start for span, is_inside in found if is_inside}
        self._tree = tree
        # Of a statement of several lines, some may be deleted.
        cut = {span.start for span, _ in found if file.cuts & {*span[:-1]}}
        new = {self.first.get(line, line) for line in file.lines - _remarks(source, file.lines)}
        self.lines = (new | cut) & measured.lines.keys()
        self.left_out = (new & {*self.first.values()} - _texts(tree)) - measured.lines.keys()

    def judged(self) -> JudgedFile:
        """Return how many of the statements and their branches ran."""
        new = [self.measured.lines[line] for line in self.lines]
        new += [taken for line, taken in self.measured.branches if line in self.lines]
        return JudgedFile(self.path, len(new), sum(new), self.measured.percent)

    @cached_property
    def heads(self) -> dict[int, range]:
        """Return the lines of the body of a function, by the lines of its `def` and decorators."""
        return _heads(self._tree)

    @property
    def not_run(self) -> set[int]:
        """Return the lines that did not run."""
        return self.lines & self.measured.missing

    @property
    def partly_run(self) -> set[int]:
        """Return the lines that ran, and of which a branch was not taken."""
        partly = {line for line, taken in self.measured.branches if not taken}
        return (self.lines & partly) - self.measured.missing

    def is_declared(self, line: int) -> bool:
        """Return whether a line is in a class at the top that has no function, or states a field.

        A field is `name: int`, or the value of a call such as `mapped_column()`: a model that has a
        `__repr__` too is still used through its fields.
        """
        for node in self._tree.body:
            if isinstance(node, ast.ClassDef) and line in _range(node):
                fields = (each for each in node.body if _is_field(each))
                has_function = any(isinstance(each, Function) for each in ast.walk(node))
                return not has_function or any(line in _range(each) for each in fields)
        return False

    def run_by(self, contexts: AbstractSet[str]) -> set[int]:
        """Return the first lines of the statements that ran in some contexts."""
        known = self.measured.contexts.items()
        ran = (line for line, names in known if not contexts.isdisjoint(names))
        return {self.first.get(line, line) for line in ran}

    def tests_near(self, lines: Collection[int]) -> list[str]:
        """Return the tests that ran the statements nearest to some lines."""
        known = self.measured.contexts.items()
        near = min(
            (line for line, names in known if any(names)),
            key=lambda line: min(abs(line - other) for other in lines),
            default=0,
        )
        names = self.measured.contexts.get(near, ())
        return sorted({name.rpartition("|")[0] for name in names if name})


def _coverage(file: JudgedFile, changed: _Changed, target: float) -> Iterator[Finding]:
    if file.new_percent <= target and file.new:
        missing, partly = sorted(changed.not_run), sorted(changed.partly_run)
        what = [f"no test runs {_lines(missing)}"] if missing else []
        what += [f"no test takes each branch of {_lines(partly)}"] if partly else []
        lines = sorted([*missing, *partly])
        yield Finding(
            file.path,
            lines[0],
            1,
            f"{file.new_percent:.0f} % of the new code is covered, and the policy demands more than "
            f"{target:g} %: {', and '.join(what)}{_near(changed, lines)}",
            "TPG601",
        )
    old = changed.measured.missing - changed.lines
    if file.percent <= target and (old or file.new_percent > target or not file.new):
        lines = sorted(changed.measured.missing) or [1]
        yield Finding(
            file.path,
            lines[0],
            1,
            f"{file.percent:.0f} % of this file is covered, and the policy demands more than "
            f"{target:g} % of each file that a change touches: no test runs {_lines(lines)}",
            "TPG602",
        )


def _integration(changed: _Changed, passed: AbstractSet[str], area: str) -> Iterator[Finding]:
    # What runs only while the module is imported has no test of its own. It counts if a test runs
    # a function of the module, or if the module has no function.
    ran = changed.run_by(passed)
    # Such as those of a function that makes the app: a module calls it.
    while_imported = {line for line, names in changed.measured.contexts.items() if "" in names}
    inside = (changed.inside & changed.measured.lines.keys()) - while_imported
    outside = changed.lines - inside - changed.measured.missing
    # So does a class without a function, and a field, such as those of a model.
    declared = {line for line in outside if changed.is_declared(line)}
    imported = outside if ran & inside or not inside else declared
    # A function whose body is only a docstring has no line that could run.
    bodies = {line: {*body} & inside for line, body in changed.heads.items()}
    imported = {line for line in imported if not bodies.get(line) or ran & bodies[line]}
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
    now = facts.percent
    if base is not None and now is not None and base - now > allowed:
        yield Finding(
            "pyproject.toml",
            1,
            1,
            f"the coverage drops from {base:.2f} % to {now:.2f} %, and the policy allows {allowed:g} "
            "points: cover the new code, and restore deleted and failed tests; generated files belong "
            "in `omit`, in a pull request of their own; if the coverage of the base is older than the "
            "commit where this change begins, measure it again there",
            "TPG603",
        )


def _lines(lines: Sequence[int]) -> str:
    return f"line{'s' * (len(lines) > 1)} {shortened(lines)}"


def _near(changed: _Changed, lines: Sequence[int]) -> str:
    tests = changed.tests_near(lines)
    return f"; {text.shortened(tests, SHOWN)} ran the lines around them" if tests else ""


def _is_of_tests(path: str) -> bool:
    *folders, name = path.split("/")
    return bool({"tests", "test"} & {*folders}) or name == "conftest.py"


def _area(path: str, packages: Sequence[str], areas: Mapping[str, Sequence[str]]) -> str:
    """Return the area that a file belongs to; empty if it is in none."""
    for package in packages:
        inner = path.removeprefix(f"{package}/")
        for name, patterns in areas.items():
            if inner != path and any(matches(inner, pattern) for pattern in patterns):
                return name
    return ""


def _passed(facts: Facts, layers: Collection[str]) -> set[str]:
    """Return the contexts of the passing tests in some layers, as pytest-cov names them."""
    return {
        f"{name}|{phase}"
        for name, test in facts.tests.items()
        if test["layer"] in layers
        for phase in ("setup", "run", "teardown")
        if test["outcome"] == "passed"
    }


def _remarks(source: bytes, lines: Collection[int]) -> set[int]:
    """Return those of some lines of a module that hold a comment or nothing."""
    texts = source.splitlines()
    if all(texts[line - 1].strip()[:1] not in (b"", b"#") for line in lines if line <= len(texts)):
        return set()
    code: set[int] = set()
    remarks: set[int] = set()
    for token in tokenize.tokenize(BytesIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL):
            remarks.add(token.start[0])
        else:
            code |= {*range(token.start[0], token.end[0] + 1)}
    return remarks - code


def _texts(tree: ast.Module) -> set[int]:
    """Return the lines of the docstrings and other texts that are statements."""
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def _parse(path: str, source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        version = ".".join(map(str, sys.version_info[:2]))
        raise UserError(
            f"{path}:{getattr(error, 'lineno', 1)} can't be read as Python {version}, which tpgen "
            "runs on: correct it, or install tpgen with the Python of the service"
        ) from None


def _is_field(node: ast.stmt) -> bool:
    is_call = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    return is_call or isinstance(node, ast.AnnAssign)


def _range(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _heads(tree: ast.Module) -> dict[int, range]:
    return {
        head.lineno: range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(tree)
        if isinstance(node, Function)
        for head in (node, *node.decorator_list)
    }


def spans(node: ast.AST, *, is_inside: bool = False) -> Iterator[tuple[range, bool]]:
    """Yield the lines of each statement that coverage counts, and whether it is in a function.

    Those of a statement with a body are the lines before the body. An inner statement comes after
    the statement that holds it.
    """
    for child in _statements(node):
        for decorator in getattr(child, "decorator_list", ()):
            yield range(decorator.lineno, (decorator.end_lineno or 0) + 1), is_inside
        start = child.pattern.lineno if isinstance(child, ast.match_case) else child.lineno
        body = getattr(child, "body", None)
        end = max(body[0].lineno - 1, start) if body else (getattr(child, "end_lineno", 0) or start)
        yield range(start, end + 1), is_inside
        is_function = isinstance(child, Function)
        yield from spans(child, is_inside=is_inside or is_function)


def _statements(node: ast.AST) -> Iterator[Statement]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        children = getattr(node, name, ())
        yield from children if isinstance(children, list) else ()
