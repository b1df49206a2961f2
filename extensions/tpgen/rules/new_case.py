"""TPG307: a new required case, and what a test class must state for it."""

import ast
from collections.abc import Iterator, Mapping

from tpgen.check.inheritance import TestClass, TestClasses
from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding, Level
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code, Definition
from tpgen.source.suites import asks, members

from .component_without_suite import POLICY


def check(project: Project) -> Iterator[Finding]:
    """Yield each new case that a class has before its date, and each fact that a class must state."""
    tests = project.root / "tests"
    if not project.is_service or not cases.has_days(tests):
        return
    code, classes = Code([tests]), TestClasses(project)
    heirs = cases.subclasses(code)
    dated = [one for one in cases.read(code) if one.required_from]
    for case in dated:
        having = classes.inheriting(heirs[case.suite])
        if having and case.is_future:
            yield _announced(case, len(having))
        for one in having:
            if reason := _reason(project, code, case, one):
                yield _finding(case, one, reason)


def _announced(case: Case, number: int) -> Finding:
    assert case.required_from
    classes = f"{number} test class{'es have' if number > 1 else ' has'} it"
    message = (
        f"{case.suite}: {case.words} is required from {cases.until(case.required_from)}; "
        f"{classes}, and `uv run pytest -k {case.name}` tells which still fail"
    )
    return Finding(case.path, case.line, 1, message, level="warning")


def _finding(case: Case, one: TestClass, reason: str) -> Finding:
    assert case.required_from
    when = f"required from {cases.until(case.required_from)}"
    message = f'{one.name} {reason} the case "{case.words}" of {case.suite}, {when}'
    level: Level = "warning" if case.is_future else "error"
    return Finding(one.path, one.line, 1, message, level=level)


def _reason(project: Project, code: Code, case: Case, one: TestClass) -> str:
    """Return what a class lacks for a case; empty if it has all."""
    module = code.module(project.root / one.path, project.root)
    node = module.definitions.get(one.name)
    if not isinstance(node, ast.ClassDef):
        return ""
    known = dict(members(code, [Definition(module, node)]))
    facts = [f"`{name}`" for name in _unstated(known, case.name)]
    return f"lacks {', '.join(facts)}, for" if facts else ""


def _unstated(known: Mapping[str, ast.stmt], case: str) -> list[str]:
    """Return the placeholders that a case reads, itself or through other members."""
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
    """The attributes and the fixtures that a function uses."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute):
            yield one.attr
        elif isinstance(one, ast.arg):
            yield one.arg


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
