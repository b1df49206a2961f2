"""TPG205: a test that waits by the clock."""

import ast
import re
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import full_name, imported, last_name
from tpgen.check.rule import FileRule
from tpgen.check.skim import skimmed
from tpgen.core.finding import Finding

BLOCKING = {"time.sleep", "gevent.sleep", "eventlet.sleep"}
AWAITED = {"asyncio.sleep", "anyio.sleep", "trio.sleep"}
CALLED = re.compile(rb"\bsleep\b\s*\(|\bsleep as\b|=\s*(?:time\.)?sleep\b|getattr\(time")
LIMITS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def check(file: File) -> Iterator[Finding]:
    """Each pause of a fixed time, unless it is between two looks at what is waited for."""
    if not CALLED.search(file.data):
        return
    file = skimmed(file)
    called = {name for name, full in imported(file).items() if full.endswith(".sleep")} | {"sleep"}
    for call in file.nodes(ast.Call):
        if last_name(call.func) not in called:
            continue
        name = full_name(file, call.func)
        waits = name in BLOCKING or (name in AWAITED and _is_fixed(call) and _is_own(file, call))
        if waits and not _is_nothing(call) and not _polls(file, call):
            yield file.finding(
                call,
                "the test sleeps: wait for what it needs (an event, a row, a state) with a "
                "deadline, or hand the code a clock",
            )


def _is_own(file: File, call: ast.Call) -> bool:
    """Whether a test itself awaits a call: a handler in it may well be slow on purpose."""
    node: ast.AST = file.parents[call]
    if not isinstance(node, ast.Await):
        return False
    while not isinstance(node, (*tests.FUNCTIONS, ast.Lambda, ast.ClassDef, ast.Module)):
        node = file.parents[node]
    return any(test.function is node for test in tests.of(file))


def _is_fixed(call: ast.Call) -> bool:
    given = [*call.args, *(one.value for one in call.keywords)]
    return bool(given) and isinstance(given[0], ast.Constant)


def _is_nothing(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def _polls(file: File, call: ast.Call) -> bool:
    """Whether a call stands in a loop that ends when something is so, or when time is up.

    A lambda that sleeps is handed to somebody, as something slow.
    """
    node: ast.AST = call
    while (above := file.parents.get(node)) is not None and not isinstance(node, tests.FUNCTIONS):
        node = above
        if isinstance(node, ast.Lambda):
            return True
        if isinstance(node, ast.For | ast.AsyncFor) and _leaves(node):
            return True
        if isinstance(node, ast.While) and _has_limit(node):
            return True
    return False


def _leaves(loop: ast.For | ast.AsyncFor) -> bool:
    kinds = (ast.Break, ast.Return, ast.Raise)
    return any(isinstance(inner, kinds) for inner in ast.walk(loop))


def _has_limit(loop: ast.While) -> bool:
    for inner in ast.walk(loop):
        if isinstance(inner, ast.Raise | ast.Assert):
            return True
        if isinstance(inner, ast.Compare) and isinstance(inner.ops[0], LIMITS):
            return True
    return False


RULE = FileRule(
    code="TPG205",
    name="sleep-in-test",
    section="Flakes: we tolerate zero flakes in main; fix the root cause",
    why="A pause is too short on a busy machine, which is a flake, and too long on every other.",
    fix="Wait for the fact itself with a deadline, or give the code under test a clock. A short "
    "pause between two looks is fine, in a loop that ends: `while time.monotonic() < deadline`. "
    "So are `asyncio.sleep(0)`, and a fake that is slow on purpose with `asyncio.sleep`.",
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
