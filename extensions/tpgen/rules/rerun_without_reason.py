"""TPG203: a test is run again until it passes, and nobody says why."""

from collections.abc import Iterator

from tpgen.check import reruns
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.core.finding import Finding


def applies(path: str) -> bool:
    """Test files, and whatever runs pytest."""
    return is_test_python(path) or reruns.CONFIGURATION.fullmatch(path) is not None


def check(file: File) -> Iterator[Finding]:
    """Each rerun without a comment that says why."""
    if is_test_python(file.path):
        for rerun in reruns.of(skimmed(file)) if reruns.may_rerun(file) else ():
            node = rerun.node
            if not reruns.reason(file, node.lineno, node.end_lineno or node.lineno):
                yield file.finding(node, f"this test is run again until it passes: {MEND}")
        return
    for number, _ in reruns.configured(file):
        if not reruns.reason(file, number, number):
            yield file.finding(number, f"every test is run again until it passes: {MEND}")


MEND = "mend the cause, or say in a comment beside it why it can only be flaky (better: an issue)"

RULE = FileRule(
    code="TPG203",
    name="rerun-without-reason",
    section="Flakes: Do not sprinkle retries; fix the root cause",
    why="A rerun turns a fault that shows up once in five runs into a pass, and the report into "
    "two passes.",
    fix="Mend the cause. Where a test can only be flaky, say why in a comment in the lines of the "
    "mark or right above: at least three words, or an issue such as #123. "
    "The mark of `pytest-rerunfailures` takes `reruns`, `reruns_delay`, `only_rerun`, `rerun_except` "
    "and `condition`; a `reason=` is passed over without a word, so that nobody reads it.",
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
