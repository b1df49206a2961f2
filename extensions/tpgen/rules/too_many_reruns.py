"""TPG204: more reruns than the policy allows."""

from collections.abc import Iterator

from tpgen.check import reruns
from tpgen.check.places import is_test_python
from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding

RERUNS = 3
TESTS = 3


def check(project: Project) -> Iterator[Finding]:
    """Yield a finding for each rerun with too many attempts, and for each test too many."""
    if not any(is_test_python(path) or reruns.is_configuration(path) for path in project.checked):
        return
    most = project.number("flaky", "reruns", RERUNS)
    for path in filter(reruns.is_configuration, project.checked):
        file = project.file(path)
        for number, times in reruns.configured(file) if file else ():
            if file and times is not None and times > most:
                yield file.finding(number, _message(times, most))
    yield from _marks(project, most)


def _marks(project: Project, most: int) -> Iterator[Finding]:
    allowed = project.number("flaky", "tests", TESTS)
    marks = [(file, mark) for file in reruns.marked_files(project) for mark in reruns.of(file)]
    marks.sort(key=lambda pair: (pair[0].path, pair[1].node.lineno))
    total, seen = sum(rerun.tests for _, rerun in marks), 0
    for file, rerun in marks:
        seen += rerun.tests
        if rerun.times is not None and rerun.times > most:
            yield file.finding(rerun.node, _message(rerun.times, most))
        elif seen > allowed:
            yield file.finding(
                rerun.node,
                f"{total} tests of the project are run again until they pass, where {allowed} "
                "are allowed: fix the causes",
            )


def _message(times: int, most: int) -> str:
    return f"{times} reruns, where {most} are allowed: fix the cause"


RULE = ProjectRule(
    code="TPG204",
    name="too-many-reruns",
    section="Flakes: Do not sprinkle retries; @pytest.mark.flaky(reruns=3) # for genuinely "
    "flaky-by-design (rare)",
    why="What is rare stays rare only where somebody counts: with ten reruns a test passes that "
    "fails two times in three.",
    fix="Fix the cause. `[flaky]` of the policy says how many reruns a test may have, and how many "
    "tests may have any.",
    check=check,
    bad={
        "tests/contract/test_openai.py": """\
import pytest


@pytest.mark.flaky(reruns=10)  # the provider drops one call in a hundred, see #123
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
