"""TPG201: a flake that is skipped, and that nobody will come back to."""

from collections.abc import Iterator

from tpgen.check import skips
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.core.finding import Finding


def check(file: File) -> Iterator[Finding]:
    """Each skip whose reason tells of a flake, or that gives none, and no issue."""
    if not skips.may_skip(file):
        return
    for skip in skips.of(skimmed(file)):
        if skip.is_silent:
            yield file.finding(skip.node, f"this {skip.kind} gives no reason: say it, and {ISSUE}")
        elif skip.says_flaky and not skip.names_issue:
            yield file.finding(
                skip.node, f"a flake is skipped without an issue: open one, and {ISSUE}"
            )


ISSUE = 'name it: reason="flaky, see #123"'

RULE = FileRule(
    code="TPG201",
    name="flaky-skip-without-issue",
    section='Flakes: Skip it with @pytest.mark.skip(reason="flaky, see #issue") — open an issue',
    why="A skip without an issue is forgotten: the fault that made the test flaky stays. A skip "
    "without any reason, or an xfail with strict=False and none, may be one.",
    fix="Open an issue and name it in the reason: #123, ABC-123 or an address. An `xfail` is not "
    "looked at unless its reason tells of a flake, or it says `strict=False` and no reason.",
    applies=is_test_python,
    triggers=skips.TRIGGERS,
    check=check,
    bad={
        "tests/integration/test_audit.py": """\
import pytest


@pytest.mark.skip(reason="flaky on a busy machine")
async def test_writes(db):
    assert await db.get("row")
"""
    },
    good={
        "tests/integration/test_audit.py": """\
import pytest


@pytest.mark.skip(reason="flaky on a busy machine, see #123")
async def test_writes(db):
    assert await db.get("row")
"""
    },
)
