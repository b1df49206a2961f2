"""TPG306: a required case that a subclass switches off."""

import ast
import re
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.classes.trees import base_names, is_none

OFF = re.compile(rb"test\w*\s*[:=]\s*[^\n]*\bNone\b")


def check(file: File) -> Iterator[Finding]:
    """Each `test_… = None` in a class that inherits from a suite."""
    if not OFF.search(file.data):
        return
    for owner in skimmed(file).nodes(ast.ClassDef):
        if any(name.endswith("Suite") for name in base_names(owner)):
            yield from (_finding(file, owner, line) for line in owner.body if _is_off(line))


def _is_off(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Assign | ast.AnnAssign) and bool(_name(line)) and is_none(line.value)
    )


def _name(line: ast.stmt) -> str:
    target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
    return target.id if isinstance(target, ast.Name) and target.id.startswith("test") else ""


def _finding(file: File, owner: ast.ClassDef, line: ast.stmt) -> Finding:
    message = f"{owner.name} switches the required case {_name(line)} off: mend the component"
    return file.finding(line, f"{message}, or exempt the file with a reason and an end")


RULE = FileRule(
    code="TPG306",
    name="switched-off-case",
    section="What to test: the required cases of a step, a route, a vault provider",
    why="A case that is switched off looks like one that passes: nobody sees what is not proved.",
    fix="Mend what the case finds. Where the case can't hold for this component, exempt the file: "
    "an exemption says why, and ends.",
    applies=is_test_python,
    triggers=(b"Suite",),
    check=check,
    bad={
        "tests/unit/pipeline/steps/test_detect_pii.py": """\
from tests.policy.suites.step import StepSuite


class TestDetectPII(StepSuite):
    triggering = "write to jane@example.com"
    test_redacts = None
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
