"""TPG202: a flaky test that is skipped for too long."""

import ast
import re
import time
from collections.abc import Iterator
from functools import lru_cache

from tpgen.check import skips
from tpgen.check.file import File, Unreadable
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.core.git import Git
from tpgen.source.trees import Function

DAYS = 14


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each flaky skip that is older than the policy allows."""
    git = file.project.git
    flaky = [skip for skip in skips.of(file) if skip.is_flaky]
    if not flaky or not git or not git.has_commits:
        return
    days = file.project.number("flaky", "days", DAYS)
    commit = _commit_before(git, days)
    for skip in flaky:
        if commit and _was_skipped(file, git, _function(file, skip.node), commit):
            yield file.finding(
                skip.node,
                f"this flaky test is skipped for more than the {days} days that the policy allows: "
                "fix the test or remove it",
            )
        elif git.is_shallow:
            yield file.finding(
                skip.node,
                "the age of this skip is unknown, because the clone is shallow: fetch the whole "
                "history (in CI with `fetch-depth: 0`)",
                level="note",
            )


@lru_cache(maxsize=2)
def _commit_before(git: Git, days: float) -> str:
    """Return the newest commit that is at least so many days old; "" if history is shorter."""
    since = int(time.time() - days * 24 * 60 * 60)
    return git.run("rev-list", "-1", f"--before={since}", "HEAD").decode().strip()


def _was_skipped(file: File, git: Git, function: str, commit: str) -> bool:
    """Return whether a function, or a whole file, was skipped as flaky in a commit."""
    then = _read(file, git, commit, file.path)
    if then and (not function or _defines(then, function)):
        return function in _skipped(then)
    return bool(function) and any(
        function in _skipped(moved) for moved in _elsewhere(file, git, function, commit)
    )


def _elsewhere(file: File, git: Git, function: str, commit: str) -> Iterator[File]:
    """Yield the files that defined a function in a commit, and define it no longer."""
    found = git.grep("-E", "-e", rf"def {function} *\(", commit, "--", "*.py")
    for path in (name.partition(":")[2] for name in found):
        now = file.project.file(path) if path in file.project.paths else None
        then = _read(file, git, commit, path)
        if then and not (now and _defines(now, function)):
            yield then


def _read(file: File, git: Git, commit: str, path: str) -> File | None:
    data = git.show(commit, path)
    return None if data is None else File(path, data, file.project)


def _defines(file: File, function: str) -> bool:
    return re.search(rf"\bdef {function}\b".encode(), file.data) is not None


def _skipped(file: File) -> set[str]:
    """Return the functions of a file that are skipped as flaky; "" if all are."""
    try:
        return {_function(file, skip.node) for skip in skips.of(file) if skip.is_flaky}
    except Unreadable:
        return set()


def _function(file: File, node: ast.AST) -> str:
    """Return the name of the function that a node is in or decorates, or ""."""
    above: ast.AST | None = node
    while above is not None and not isinstance(above, Function):
        above = file.parents.get(above)
    return getattr(above, "name", "")


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
    reads_project=True,
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
