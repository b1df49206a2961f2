"""TPG205: a test that waits a fixed time."""

import ast
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import dotted, full_name, imported
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.source.trees import Function, is_fixture, last_name

SLEEPS = {
    f"{module}.sleep" for module in ("time", "asyncio", "anyio", "trio", "gevent", "eventlet")
}
# A loop with one of them ends when a condition holds.
LEAVES = (ast.While, ast.Break, ast.Return)
# How the functions begin that pytest and unittest call before and after the tests.
SETUPS = ("setup", "teardown", "asyncsetup", "asyncteardown")
# Of Playwright's page.
METHOD = "wait_for_timeout"


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each pause of a test or a fixture, unless it waits for a condition."""
    for call in file.nodes(ast.Call):
        if _is_pause(file, call) and _is_of_test(file, call):
            yield file.finding(
                call,
                "the test sleeps: wait for what it needs (an event, a row, a state) with a "
                "deadline, or pass the code a clock",
            )


def _is_pause(file: File, call: ast.Call) -> bool:
    # The module must be imported: `time` may also be a fake clock.
    is_imported = dotted(call.func).split(".")[0] in imported(file)
    is_sleep = is_imported and full_name(file, call.func) in SLEEPS
    if not is_sleep and last_name(call.func) != METHOD:
        return False
    # `asyncio.sleep(0)` lets other tasks run; a sleep that is passed on is a slow fake.
    is_zero = bool(call.args) and ast.unparse(call.args[0]) in ("0", "0.0")
    return not is_zero and isinstance(file.parents[call], ast.Expr | ast.Await)


def _is_of_test(file: File, call: ast.Call) -> bool:
    """Return whether a test, fixture or setup makes a call, and not in a loop that it leaves."""
    node: ast.AST = call
    while node is not file.tree:
        node = file.parents[node]
        is_loop = isinstance(node, ast.While | ast.For | ast.AsyncFor)
        if is_loop and any(isinstance(part, LEAVES) for part in ast.walk(node)):
            return False
        if isinstance(node, Function):
            # Another function may be a fake that is slow on purpose.
            is_test = any(test.function is node for test in tests.of(file))
            return is_test or is_fixture(node) or node.name.lower().startswith(SETUPS)
    return False


SLEEPING = """\
import time


def test_finishes(worker):
    time.sleep(2)
    assert worker.done
"""
FINISHED = "def test_finishes(worker):\n    assert worker.finished.wait(timeout=5)\n"
RULE = FileRule(
    code="TPG205",
    name="sleep-in-test",
    section="Flakes: we tolerate zero flakes in main; fix the root cause",
    why="A pause is too short on a busy machine, which is a flake, and too long on every other.",
    fix="Wait for the condition itself with a deadline, or give the code under test a clock. Fine "
    "are a short pause in a loop that ends, such as `while time.monotonic() < deadline`, "
    "`asyncio.sleep(0)`, and a fake that is slow on purpose.",
    applies=is_test_python,
    triggers=(b"sleep", METHOD.encode()),
    check=check,
    bad={"tests/unit/test_worker.py": SLEEPING},
    good={"tests/unit/test_worker.py": FINISHED},
)
