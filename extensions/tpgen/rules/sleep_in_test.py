"""TPG205: a test that waits by the clock."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule


def check(file: File) -> Iterator[Finding]:
    """Each call of `time.sleep`, by whatever name it was imported."""
    names = _names(file)
    for call in file.nodes(ast.Call):
        if ast.unparse(call.func) in names:
            yield file.finding(
                call,
                "the test sleeps: wait for what it needs (an event, a row, a state) with a "
                "deadline, or hand the code a clock",
            )


def _names(file: File) -> set[str]:
    """What `time.sleep` is called in a file."""
    imported = [one for node in file.nodes(ast.Import) for one in node.names]
    lines = [node for node in file.nodes(ast.ImportFrom) if node.module == "time"]
    taken = [one for node in lines for one in node.names]
    modules = {f"{one.asname or one.name}.sleep" for one in imported if one.name == "time"}
    return modules | {one.asname or one.name for one in taken if one.name == "sleep"}


RULE = FileRule(
    code="TPG205",
    name="sleep-in-test",
    section="Flakes: we tolerate zero flakes in main; fix the root cause",
    why="A pause is too short on a busy machine, which is a flake, and too long on every other.",
    fix="Wait for the fact itself with a deadline, or give the code under test a clock.",
    applies=is_test_python,
    triggers=(b"sleep",),
    check=check,
    bad={
        "tests/unit/test_worker.py": """\
import time


def test_finishes(worker):
    worker.start()
    time.sleep(2)
    assert worker.done
"""
    },
    good={
        "tests/unit/test_worker.py": """\
def test_finishes(worker):
    worker.start()
    assert worker.finished.wait(timeout=5)
"""
    },
)
