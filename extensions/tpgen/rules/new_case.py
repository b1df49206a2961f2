"""TPG307: a new required case, and what a test class must state for it."""

import ast
from collections.abc import Iterator, Mapping

from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.check.test_classes import TestClass, TestClasses
from tpgen.core.finding import Finding, Level
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code, Definition
from tpgen.source.suites import asks, members

from .component_without_suite import POLICY


def check(project: Project) -> Iterator[Finding]:
    """Yield each new case that a class has before its date, and what a class lacks for it."""
    tests = project.root / "tests"
    if not project.is_service or not cases.has_days(tests):
        return
    code, test_classes = Code([tests]), TestClasses(project)
    subclasses = cases.subclasses(code)
    for case in (case for case in cases.read(code) if case.required_from):
        inheriting = test_classes.inheriting(subclasses[case.suite])
        if inheriting and case.is_future:
            yield _announced(case, len(inheriting))
        for test_class in inheriting:
            if missing := _missing(project, code, case, test_class):
                yield _finding(case, test_class, missing)


def _announced(case: Case, number: int) -> Finding:
    assert case.required_from
    classes = f"{number} test class{'es have' if number > 1 else ' has'} it"
    message = (
        f"{case.suite}: {case.words} is required from {cases.until(case.required_from)}; "
        f"{classes}, and `uv run pytest -k {case.name}` shows which still fail"
    )
    return Finding(case.path, case.line, 1, message, level="warning")


def _finding(case: Case, test_class: TestClass, missing: list[str]) -> Finding:
    assert case.required_from
    message = (
        f'{test_class.name} lacks {", ".join(missing)}, for the case "{case.words}" of '
        f"{case.suite}, required from {cases.until(case.required_from)}"
    )
    level: Level = "warning" if case.is_future else "error"
    return Finding(test_class.path, test_class.line, 1, message, level=level)


def _missing(project: Project, code: Code, case: Case, test_class: TestClass) -> list[str]:
    """Return the facts that a case reads and that a class does not state."""
    module = code.module(project.root / test_class.path, project.root)
    node = module.definitions.get(test_class.name)
    if not isinstance(node, ast.ClassDef):
        return []
    known = dict(members(code, [Definition(module, node)]))
    return [f"`{name}`" for name in _placeholders(known, case.name)]


def _placeholders(known: Mapping[str, ast.stmt], case: str) -> list[str]:
    """Return the placeholders that a case reads, directly or through other members."""
    found: dict[str, bool] = {}
    waiting = [case]
    for name in waiting:
        node = known.get(name)
        if node is None or name in found:
            continue
        found[name] = name != case and asks(node)
        waiting += _used(node)
    return [name for name, is_placeholder in found.items() if is_placeholder]


def _used(node: ast.stmt) -> Iterator[str]:
    """Yield the attributes and the fixtures that a function uses."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.arg):
            yield part.arg


SUITE = """\
import pytest
from pytest_tpgen.suites import Suite, placeholder


class StepSuite(Suite):
    message = placeholder('message = "write to jane@example.com"')
    harmless = placeholder('harmless = "a message that it leaves alone"')

    def test_detects(self, run):
        assert run(self.message)

    @pytest.mark.required_from("2026-01-15")
    def test_leaves_others_alone(self, run):
        assert not run(self.harmless)
"""
TEST = """\
from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    message = "write to jane@example.com"
"""
SERVICE = {
    "tests/policy/policy.toml": POLICY,
    "tests/policy/suites/step.py": SUITE,
}
RULE = ProjectRule(
    code="TPG307",
    name="new-case",
    section="What to test: the required cases of a step, a route, a vault provider",
    why="Every test class inherits a new case. If the case needs a fact that the class does not "
    "state, it fails. Until the date of the case this is a warning; then it is an error.",
    fix="State the fact that the finding names: the case fails with the lines to write. Or run "
    "`tpgen KIND NAME` for the component again, which adds the missing facts.",
    check=check,
    bad={**SERVICE, "tests/unit/pipeline/steps/test_detect_pii.py": TEST},
    good={
        **SERVICE,
        "tests/unit/pipeline/steps/test_detect_pii.py": TEST + '    harmless = "good morning"\n',
    },
)
