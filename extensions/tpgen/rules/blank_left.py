"""TPG303: a blank that `tpgen` left in a test file, and nobody has filled."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.classes.trees import last_name

OURS = "tests.policy.suites"


def check(file: File) -> Iterator[Finding]:
    """Each call of `blank` or `to_build` that comes from the suites of the policy."""
    if OURS.encode() not in file.data:
        return
    file = skimmed(file)
    lines = [node for node in file.nodes(ast.ImportFrom) if (node.module or "").startswith(OURS)]
    taken = [one for node in lines for one in node.names if one.name in MESSAGES]
    names = {one.asname or one.name: one.name for one in taken}
    for call in file.nodes(ast.Call):
        if name := names.get(last_name(call.func)):
            yield file.finding(call, MESSAGES[name])


MESSAGES = {
    "blank": "a blank is left: write the lines that it shows in its place",
    "to_build": "the component is still to be built: build it, and let the test use it",
}
RULE = FileRule(
    code="TPG303",
    name="blank-left",
    section="What to test: the required cases of a step, a route, a vault provider",
    why="A scaffold knows the cases, not the facts of your component. Where a fact is left blank, "
    "its cases prove nothing; they fail until it is said.",
    fix="Write the lines that the blank shows in its place, with the facts of your component.",
    applies=is_test_python,
    triggers=(b"blank(", b"to_build("),
    check=check,
    bad={
        "tests/unit/pipeline/steps/test_detect_pii.py": """\
from tests.policy.suites import blank
from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    triggering = blank('triggering = "a message that it reacts to"')
"""
    },
    good={
        "tests/unit/pipeline/steps/test_detect_pii.py": """\
from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    triggering = "write to jane@example.com"
"""
    },
)
