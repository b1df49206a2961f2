"""TPG303: a placeholder that `tpgen` wrote in a test file and nobody has replaced."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import full_name
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

ENGINE = "pytest_tpgen.suites"
REPLACE = "a placeholder is left: replace it with the lines that it shows"
MESSAGES = {
    f"{ENGINE}.placeholder": REPLACE,
    f"{ENGINE}.fill_in": REPLACE,
    f"{ENGINE}.to_build": "the component is not built yet: build it, and let the test use it",
}


def check(file: File) -> Iterator[Finding]:
    """Yield each call of `placeholder`, `fill_in` or `to_build` of the engine."""
    for call in file.nodes(ast.Call):
        if message := MESSAGES.get(full_name(file, call.func)):
            yield file.finding(call, message)


RULE = FileRule(
    code="TPG303",
    name="placeholder-left",
    section="What to test: the required cases of a step, a route, a vault provider",
    why="`tpgen` knows the required cases, and some facts of a component only a person knows. The "
    "cases that need a fact fail until it is stated.",
    fix="Replace the placeholder by the lines that it shows, with the facts of your component.",
    applies=is_test_python,
    triggers=(ENGINE.encode(),),
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
