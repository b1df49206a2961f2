"""TPG202: a flaky test that is skipped for too long."""

import ast
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

from . import flaky_skip_without_issue

DAYS = 14


def check(file: File) -> Iterator[Finding]:
    git, skipped = file.project.git, _skipped(file)
    if not skipped or not git or not git.has_commits:
        return
    days = file.project.number("flaky", "days", DAYS)
    commit = _commit_before(git, days)
    for skip, function in skipped:
        if commit and _was_skipped(file, git, commit, function):
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


def _was_skipped(file: File, git: Git, commit: str, function: str) -> bool:
    """Return whether a function, or a whole file, was skipped as flaky in a commit."""
    paths, definition = [file.path], f"def {function}("
    if function:
        found = git.grep("-F", "-e", definition, commit, "--", "*.py")
        defining = [name.partition(":")[2] for name in found]
        if file.path not in defining:
            # It was moved here from a file that no longer defines it.
            now = [(path, file.project.file(path)) for path in defining]
            paths = [path for path, left in now if not left or definition not in left.text]
    for path in paths:
        then = File(path, git.show(commit, path) or b"", file.project)
        try:
            if function in (skipped for _, skipped in _skipped(then)):
                return True
        except Unreadable:
            continue
    return False


def _skipped(file: File) -> list[tuple[skips.Skip, str]]:
    """Return the flaky skips of a file, each with its function; "" if it is for the whole file."""
    found = []
    for skip in filter(lambda skip: skip.is_flaky, skips.of(file)):
        node: ast.AST | None = skip.node
        while node is not None and not isinstance(node, Function):
            node = file.parents.get(node)
        found.append((skip, node.name if node else ""))
    return found


PATH = "tests/integration/test_audit.py"
SKIPPED = {PATH: flaky_skip_without_issue.SKIPPED.format(issue=", see #123")}
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
    before=SKIPPED,
    days_ago=20,
    bad=SKIPPED,
    good={PATH: SKIPPED[PATH].replace("test_writes", "test_counts")},
)
