"""TPG203: a test is run again until it passes, and nobody says why."""

from collections.abc import Iterator

from tpgen.check import reruns
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding


def check(file: File) -> Iterator[Finding]:
    message = (
        "{} is run again until it passes: fix the cause, or say in a comment on the same line why "
        "it can only be flaky"
    )
    if is_test_python(file.path):
        for node in (rerun.node for rerun in reruns.of(file)):
            if not reruns.has_reason(file, node.lineno, node.end_lineno or node.lineno):
                yield file.finding(node, message.format("this test"))
        return
    for number, _ in reruns.configured(file):
        if not reruns.has_reason(file, number, number):
            yield file.finding(number, message.format("every test"))


RERUN = """\
import pytest


@pytest.mark.flaky(reruns={times}){reason}
async def test_answers(openai):
    assert await openai.chat("hello")
"""
REASON = "  # the provider drops one call in a hundred, see #123"
RULE = FileRule(
    code="TPG203",
    name="rerun-without-reason",
    section="Flakes: Do not sprinkle retries; fix the root cause",
    why="A rerun turns a fault that shows up once in five runs into a pass, and the report into "
    "two passes.",
    fix="Fix the cause. If a test can only be flaky, say why in a comment on the line of the mark or "
    "directly above: at least three words, or an issue such as #123. A `reason=` of the mark does not "
    "count: `pytest-rerunfailures` ignores it.",
    applies=lambda path: is_test_python(path) or reruns.is_configuration(path),
    triggers=reruns.TRIGGERS,
    check=check,
    bad={"tests/contract/test_openai.py": RERUN.format(times=3, reason="")},
    good={"tests/contract/test_openai.py": RERUN.format(times=3, reason=REASON)},
)
