"""TPG303: a placeholder that `tpgen` wrote in a test file and nobody has replaced."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.core.finding import Finding
from tpgen.source.trees import last_name

ENGINE = "pytest_tpgen.suites"


def check(file: File) -> Iterator[Finding]:
    """Yield each call of `placeholder`, `fill_in` or `to_build` of the engine."""
    if ENGINE.encode() not in file.data:
        return
    file = skimmed(file)
    lines = [node for node in file.nodes(ast.ImportFrom) if node.module == ENGINE]
    imported = [alias for node in lines for alias in node.names if alias.name in MESSAGES]
    names = {alias.asname or alias.name: alias.name for alias in imported}
    for call in file.nodes(ast.Call):
        if name := names.get(last_name(call.func)):
            yield file.finding(call, MESSAGES[name])


REPLACE = "a placeholder is left: replace it by the lines that it shows"
MESSAGES = {
    "placeholder": REPLACE,
    "fill_in": REPLACE,
    "to_build": "the component is not built yet: build it, and let the test use it",
}
RULE = FileRule(
    code="TPG303",
    name="placeholder-left",
    section="What to test: the required cases of a step, a route, a vault provider",
    why="`tpgen` knows the required cases, and some facts of a component only a person knows. The "
    "cases that need a fact fail until it is stated.",
    fix="Replace the placeholder by the lines that it shows, with the facts of your component.",
    applies=is_test_python,
    triggers=(b"placeholder(", b"fill_in(", b"to_build("),
    check=check,
    bad={
        "tests/unit/pipeline/steps/test_detect_pii.py": """\
from pytest_tpgen.suites import placeholder

from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    message = placeholder('message = "write to jane@example.com"')
"""
    },
    good={
        "tests/unit/pipeline/steps/test_detect_pii.py": """\
from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    message = "write to jane@example.com"
"""
    },
)
