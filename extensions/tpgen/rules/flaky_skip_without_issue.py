"""TPG201: a flaky test is skipped, and no issue is named."""

from collections.abc import Iterator

from tpgen.check import skips
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding


def check(file: File) -> Iterator[Finding]:
    for skip in skips.of(file):
        message = ""
        if skip.is_unconditional and skip.reason == "":
            message = 'this skip has no reason: add one, such as reason="needs a GPU"'
        elif skip.is_flaky and not skip.names_issue:
            message = (
                "a flaky test is skipped without an issue: open one, and name it: "
                'reason="flaky, see #123"'
            )
        if message:
            yield file.finding(skip.node, message)


SKIPPED = """\
import pytest


@pytest.mark.skip(reason="flaky on a busy machine{issue}")
async def test_writes(db):
    assert await db.get("row")
"""
RULE = FileRule(
    code="TPG201",
    name="flaky-skip-without-issue",
    section='Flakes: Skip it with @pytest.mark.skip(reason="flaky, see #issue") — open an issue',
    why="A skip without an issue is forgotten: the fault that made the test flaky stays. A skip "
    "without a reason may be one, and so may an xfail with strict=False and without a reason.",
    fix="Open an issue and name it in the reason: #123, ABC-123 or an address. An `xfail` counts "
    "only if its reason tells of a flake, or if it has `strict=False` and no reason.",
    applies=is_test_python,
    triggers=skips.TRIGGERS,
    check=check,
    bad={"tests/integration/test_audit.py": SKIPPED.format(issue="")},
    good={"tests/integration/test_audit.py": SKIPPED.format(issue=", see #123")},
)
