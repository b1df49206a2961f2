"""TPG204: more reruns than the policy allows."""

from collections.abc import Iterator

from tpgen.check import reruns
from tpgen.check.places import is_test_python
from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding

from .rerun_without_reason import REASON, RERUN

RERUNS = 3
TESTS = 3


def check(project: Project) -> Iterator[Finding]:
    configurations = [path for path in project.checked if reruns.is_configuration(path)]
    if not configurations and not any(map(is_test_python, project.checked)):
        return
    most = project.number("flaky", "reruns", RERUNS)
    most_tests = project.number("flaky", "tests", TESTS)
    message = (
        "{} reruns of a failing test, and the policy allows {}: fix the cause, and lower the number"
    )
    for file in filter(None, map(project.file, configurations)):
        for number, times in reruns.configured(file):
            if times is not None and times > most:
                yield file.finding(number, message.format(times, most))
    marks = [(file, mark) for file in reruns.marked_files(project) for mark in reruns.of(file)]
    marks.sort(key=lambda pair: (pair[0].path, pair[1].node.lineno))
    total, counted = sum(mark.tests for _, mark in marks), 0
    for file, mark in marks:
        counted += mark.tests
        if mark.times is not None and mark.times > most:
            yield file.finding(mark.node, message.format(mark.times, most))
        elif counted > most_tests:
            yield file.finding(
                mark.node,
                f"{total} tests of the project are run again until they pass, where {most_tests} "
                "are allowed: fix the causes",
            )


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
    bad={"tests/contract/test_openai.py": RERUN.format(times=10, reason=REASON)},
    good={"tests/contract/test_openai.py": RERUN.format(times=3, reason=REASON)},
)
