"""TPG202: a flaky test that is skipped for too long."""

from collections.abc import Iterator

from tpgen.check import ages, skips
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

DAYS = 14


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each flaky skip that is older than the policy allows."""
    git = file.project.git
    flaky = [skip for skip in skips.of(file) if skip.is_flaky]
    if not flaky or not git or not git.has_commits:
        return
    days = file.project.number("flaky", "days", DAYS)
    commit = ages.commit_before(git, days)
    for skip in flaky:
        function = ages.function_around(file, skip.node)
        if commit and ages.was_so(file, function, commit, _skipped):
            yield file.finding(
                skip.node,
                f"this flaky test is skipped for more than {days} days, which the policy allows: "
                "fix the test or remove it",
            )
        elif git.is_shallow:
            yield file.finding(
                skip.node,
                "the age of this skip is unknown, because the clone is shallow: fetch the whole "
                "history (in CI with `fetch-depth: 0`)",
                level="note",
            )


def _skipped(file: File) -> set[str]:
    """Return the functions of a file that are skipped as flaky; "" if all are."""
    return {ages.function_around(file, skip.node) for skip in skips.of(file) if skip.is_flaky}


SKIPPED = """\
import pytest


@pytest.mark.skip(reason="flaky on a busy machine, see #123")
async def test_writes(db):
    assert await db.get("row")
"""


RULE = FileRule(
    code="TPG202",
    name="old-flaky-skip",
    section="Flakes: Target: flakes fixed or removed within two weeks",
    why="A test that is skipped for months guards nothing, and everybody believes that it does.",
    fix="Fix the cause, or remove the test. The rule reads in Git whether the test was skipped as "
    "flaky so many days ago: moving, indenting or rewording the skip does not make it younger. "
    "`[flaky] days` of the policy sets the number of days.",
    applies=is_test_python,
    triggers=skips.TRIGGERS,
    check=check,
    before={"tests/integration/test_audit.py": SKIPPED},
    days_ago=20,
    bad={"tests/integration/test_audit.py": SKIPPED},
    good={
        "tests/integration/test_audit.py": """\
async def test_writes(db):
    assert await db.get("row")
""",
        "tests/integration/test_usage.py": SKIPPED.replace("test_writes", "test_counts"),
    },
)
