"""TPG202: a flake that is skipped for too long."""

from collections.abc import Iterator

from tpgen.check import ages, skips
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.core.finding import Finding
from tpgen.core.git import Git

DAYS = 14


def check(file: File) -> Iterator[Finding]:
    """Each skip for a flake that is older than the policy lets it be."""
    git = file.project.git
    if not git or not skips.tells_of_flake(file) or not git.has_commits:
        return
    file = skimmed(file)
    days = file.project.number("flaky", "days", DAYS)
    for skip in skips.of(file):
        if skip.says_flaky:
            yield from _judged(file, git, skip, days)


def _judged(file: File, git: Git, skip: skips.Skip, days: float) -> Iterator[Finding]:
    last = skip.node.end_lineno or skip.node.lineno
    age = ages.days_of_lines(git, file.path, skip.node.lineno, last)
    name = ages.function_around(file, skip.node)
    if age > days or ages.was_so(file, name, days, _skipped):
        since = f"{int(age)} days" if age > days else f"more than {days} days"
        yield file.finding(
            skip.node,
            f"this flake is skipped for {since}, where {days} are allowed: mend the test or "
            "remove it",
        )
    elif ages.is_shallow(git):
        yield file.finding(
            skip.node,
            "how long this flake is skipped can't be told, because the clone is shallow: fetch "
            "the whole history (in CI with `fetch-depth: 0`)",
            level="note",
        )


def _skipped(file: File) -> set[str]:
    """The functions of a file that are skipped for a flake; "" where all are."""
    return {ages.function_around(file, one.node) for one in skips.of(file) if one.says_flaky}


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
    fix="Mend the cause, or remove the test. The age is that of the skip by git: who moves, indents "
    "or words it anew does not make it younger. A new skip has the days that "
    "`[flaky] days` of the policy gives.",
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
