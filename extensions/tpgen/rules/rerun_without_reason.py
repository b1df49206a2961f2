"""TPG203: a test is run again until it passes, and nobody says why."""

from collections.abc import Iterator

from tpgen.check import reruns
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

FIX = "fix the cause, or say in a comment on the same line why it can only be flaky"


def applies(path: str) -> bool:
    """Return whether a file is a test, or may configure how pytest runs."""
    return is_test_python(path) or reruns.is_configuration(path)


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each rerun without a comment that says why."""
    if not is_test_python(file.path):
        for number, _ in reruns.configured(file):
            if not reruns.has_reason(file, number, number):
                yield file.finding(number, f"every test is run again until it passes: {FIX}")
        return
    for node in (rerun.node for rerun in reruns.of(file)):
        if not reruns.has_reason(file, node.lineno, node.end_lineno or node.lineno):
            yield file.finding(node, f"this test is run again until it passes: {FIX}")


RULE = FileRule(
    code="TPG203",
    name="rerun-without-reason",
    section="Flakes: Do not sprinkle retries; fix the root cause",
    why="A rerun turns a fault that shows up once in five runs into a pass, and the report into "
    "two passes.",
    fix="Fix the cause. If a test can only be flaky, say why in a comment on the line of the mark or "
    "directly above: at least three words, or an issue such as #123. In a configuration, a comment "
    "above counts only if it is about reruns. `pytest-rerunfailures` ignores a `reason=` of its mark.",
    applies=applies,
    triggers=reruns.TRIGGERS,
    check=check,
    bad={
        "tests/contract/test_openai.py": """\
import pytest


@pytest.mark.flaky(reruns=3)
async def test_answers(openai):
    assert await openai.chat("hello")
"""
    },
    good={
        "tests/contract/test_openai.py": """\
import pytest


@pytest.mark.flaky(reruns=3)  # the provider drops one call in a hundred, see #123
async def test_answers(openai):
    assert await openai.chat("hello")
"""
    },
)
