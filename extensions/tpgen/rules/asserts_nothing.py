"""TPG301: a test that cannot fail, but by an error."""

import ast
from collections.abc import Iterator

from tpgen.check import asserting, skim, tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding


def applies(path: str) -> bool:
    """The files that pytest finds tests in."""
    return is_test_file(path) and not is_policy(path)


def check(file: File) -> Iterator[Finding]:
    """Each test without an assertion that can fail."""
    doubtful = skim.doubtful(file)
    # Its file is of benchmarks where a test measures.
    if not doubtful or b"mark.benchmark" in file.data:
        return
    part = skim.skimmed(file)
    for test in tests.of(part):
        if (
            test.function.lineno in doubtful
            and not _is_left_out(part, test)
            and not asserting.asserts(part, test)
        ):
            yield file.finding(
                test.function,
                f"{test.function.name} asserts nothing that can fail: say what must be true after it",
            )


def _is_left_out(file: File, test: tests.Test) -> bool:
    """Whether a test is switched off."""
    for holder in (*test.classes, test.function):
        for one in holder.decorator_list:
            called = one.func if isinstance(one, ast.Call) else one
            if full_name(file, called) in {"pytest.mark.skip", "unittest.skip"}:
                return True
    return False


RULE = FileRule(
    code="TPG301",
    name="asserts-nothing",
    section="Required test cases: the step returns the right Detection[]; 200 with expected shape",
    why="It covers lines and proves nothing but that they raise no error: it stays green when the "
    "answer is wrong.",
    fix="Assert what must be true afterwards. Helpers and fixtures that assert are seen, where they "
    "are the project's own or are named so (`check_…`, `assert_…`).",
    applies=applies,
    triggers=(b"def test",),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
def test_asks(client):
    client.ask()


def test_answers(client):
    assert client.ask() or True
"""
    },
    good={
        "tests/unit/test_client.py": """\
def has_answered(client):
    assert client.answers == ["hello"]


def test_asks(client):
    client.ask()
    has_answered(client)
"""
    },
)
