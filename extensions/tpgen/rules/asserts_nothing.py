"""TPG301: a test that cannot fail, but by an error."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tpgen.check import asserting, tests
from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.names import full_name
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.rule import FileRule

BEGINNING = re.compile(rb"^([ \t]*)(?:async[ \t]+)?def[ \t]+test\w*", re.MULTILINE)
SAYS = re.compile(
    rb"^[ \t]+assert\b|[\w)]\.assert|\bassert\w*\(|\.(?:raises|warns)\(|\bfail\(|snapshot|^[ \t]+raise\b"
    rb"|\b(?:check|verif|expect)\w*\(|fnmatch_lines",
    re.MULTILINE,
)
# What may hold an assertion back, or make it one that always holds.
DOUBTFUL = re.compile(
    rb"\bassert\s*(?:True|False|\d|\(|[\"'])|\bor True\b|\bor 1\b|\bexcept\b|\breturn\b"
    rb"|\bif (?:False|0|True|1)\b|raise .*Skip|\bassert (\w+) == \1$",
    re.MULTILINE,
)
SURE = re.compile(
    rb"^[ \t]+(?:self\.)?(?:assert [^(\"'\dT]|assert\w+\(|with .*raises)", re.MULTILINE
)


def applies(path: str) -> bool:
    """The files that pytest finds tests in."""
    return is_test_file(path) and not is_policy(path)


def check(file: File) -> Iterator[Finding]:
    """Each test without an assertion that can fail."""
    doubtful = set(_doubtful(file.data))
    if not doubtful:
        return
    for test in tests.of(file):
        if (
            test.function.lineno in doubtful
            and not _is_left_out(file, test)
            and not asserting.asserts(file, test)
        ):
            yield file.finding(
                test.function,
                f"{test.function.name} asserts nothing that can fail: say what must be true after it",
            )


def _doubtful(data: bytes) -> Iterator[int]:
    """The lines of the tests whose text alone does not tell that they assert."""
    line, counted = 1, 0
    for found in BEGINNING.finditer(data):
        end = _end(len(found[1])).search(data, found.end())
        if _is_doubtful(data[found.end() : end.start() if end else len(data)]):
            line += data.count(b"\n", counted, found.start())
            counted = found.start()
            yield line


@cache
def _end(indent: int) -> re.Pattern[bytes]:
    """What begins after a test: something that is not deeper than its own beginning."""
    return re.compile(rb"\n[ \t]{0,%d}[^\s)#]" % indent)


def _is_doubtful(block: bytes) -> bool:
    if not SAYS.search(block):
        return True
    doubt = DOUBTFUL.search(block)
    # A plain assertion in a line before it is enough.
    return doubt is not None and not SURE.search(block, 0, block.rfind(b"\n", 0, doubt.start()) + 1)


def _is_left_out(file: File, test: tests.Test) -> bool:
    """Whether a test is switched off, or measures: then its file is of benchmarks."""
    for holder in (*test.classes, test.function):
        for one in holder.decorator_list:
            called = one.func if isinstance(one, ast.Call) else one
            if full_name(file, called) in {"pytest.mark.skip", "unittest.skip"}:
                return True
    return b"mark.benchmark" in file.data


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
