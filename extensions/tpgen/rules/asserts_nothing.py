"""TPG301: a test in which nothing can fail."""

import ast
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.source.trees import called, callee

# Calls that only wait or print.
WAITS = {"sleep", "wait_for_timeout", "print"}
# Statements and expressions that run other code.
RUNS = (
    *(ast.Call, ast.Raise, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.Yield),
    *(ast.YieldFrom, ast.Import, ast.ImportFrom),
)


def check(file: File) -> Iterator[Finding]:
    for test in tests.of(file):
        decorators = {full_name(file, callee(decorator)) for decorator in test.decorators}
        # One that is not a mark may assert by itself.
        is_exempt = any("pytest.mark." not in name for name in decorators)
        if is_exempt or "pytest.mark.skip" in decorators:
            continue
        if not any(map(_can_fail, test.function.body)):
            yield file.finding(
                test.function,
                f"{test.function.name} asserts nothing that can fail: assert what must be true "
                "after it",
            )


def _can_fail(node: ast.AST) -> bool:
    """Return whether a statement asserts, raises, or runs code that may do so."""
    match node:
        case ast.Assert(test=condition):
            return not _is_true(condition) or _can_fail(condition)
        case ast.Call() if called(node) in WAITS:
            return False
        # A function that nothing calls or decorates does not run.
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(node.decorator_list)
        case ast.Lambda():
            return False
        case ast.ClassDef() if node.bases or node.keywords or node.decorator_list:
            return True
    return isinstance(node, RUNS) or any(map(_can_fail, ast.iter_child_nodes(node)))


def _is_true(condition: ast.expr) -> bool:
    """Return whether a condition is always true: `True`, `(x, "why")`, `x or True`."""
    match condition:
        case ast.Constant(value=value):
            return bool(value)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(_is_true, values))
    return bool(getattr(condition, "elts", ()))


RULE = FileRule(
    code="TPG301",
    name="asserts-nothing",
    section="Required test cases: the step returns the right Detection[]; 200 with expected shape",
    why="It passes whatever the code does.",
    fix="Assert what must be true afterwards. A test that calls something is not reported, since a "
    "helper may assert: `pytest --census` counts the assertions that a test executed.",
    applies=lambda path: is_test_file(path) and not is_policy(path),
    triggers=(b"def test",),
    check=check,
    bad={
        "tests/unit/test_client.py": "def test_asks(client):\n    ...  # It asks for the first page.\n\n\n"
        "def test_answers(client):\n    assert client.is_open or True\n"
    },
    good={
        "tests/unit/test_client.py": "def test_asks(client):\n    assert client.ask() == 'hello'\n"
    },
)
