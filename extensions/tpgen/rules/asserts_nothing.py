"""TPG301: a test in which nothing can fail."""

import ast
from collections.abc import Iterable, Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.source.trees import callee, last_name

# Calls that only wait or print.
WAITS = {"sleep", "wait_for_timeout", "print"}
SWALLOWED = {"AssertionError", "Exception", "BaseException"}
# Statements and expressions that run other code.
RUNS = (
    *(ast.Call, ast.Raise, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.Yield),
    *(ast.YieldFrom, ast.Import, ast.ImportFrom),
)


def applies(path: str) -> bool:
    """Return whether pytest finds tests in a file."""
    return is_test_file(path) and not is_policy(path)


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each test whose statements can't fail."""
    for test in tests.of(file):
        if not _is_decorated(file, test) and not _can_fail(test.function.body):
            yield file.finding(
                test.function,
                f"{test.function.name} asserts nothing that can fail: assert what must be true "
                "after it",
            )


def _is_decorated(file: File, test: tests.Test) -> bool:
    """Return whether a decorator skips the test, or may assert by itself."""
    names = {full_name(file, callee(decorator)) for decorator in test.decorators}
    return any(name == "pytest.mark.skip" or "pytest.mark." not in name for name in names)


def _can_fail(nodes: Iterable[ast.AST]) -> bool:
    """Return whether any of some nodes asserts, raises, or runs code that may do so."""
    return any(map(_node_can_fail, nodes))


def _node_can_fail(node: ast.AST) -> bool:
    match node:
        case ast.Assert(test=condition):
            return not _is_constant(condition) or _can_fail([condition])
        case ast.With(items=items) if any(map(_suppresses, items)):
            return False
        case ast.Call() if last_name(node.func) in WAITS:
            return False
        # A function that nothing calls or decorates does not run.
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(node.decorator_list)
        case ast.Lambda():
            return False
        case ast.ClassDef() if node.bases or node.keywords or node.decorator_list:
            return True
    return isinstance(node, RUNS) or _can_fail(ast.iter_child_nodes(node))


def _is_constant(condition: ast.expr) -> bool:
    """Return whether a condition is always true: `True`, `(x, "why")`, `f"{x}"`, `x or True`."""
    match condition:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=elements):
            return bool(elements)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(isinstance(value, ast.Constant) and value.value for value in values)
        case ast.JoinedStr() | ast.Lambda():
            return True
        case ast.Compare(left=ast.Constant() as left, ops=[ast.Eq()], comparators=[right]):
            return ast.dump(left) == ast.dump(right)
    return False


def _suppresses(item: ast.withitem) -> bool:
    """Return whether it is `suppress(AssertionError)`: no assertion in its block can fail."""
    call = item.context_expr
    if not isinstance(call, ast.Call) or last_name(call.func) != "suppress":
        return False
    return any(last_name(argument) in SWALLOWED for argument in call.args)


RULE = FileRule(
    code="TPG301",
    name="asserts-nothing",
    section="Required test cases: the step returns the right Detection[]; 200 with expected shape",
    why="It passes whatever the code does.",
    fix="Assert what must be true afterwards. A test that calls something is not reported, since a "
    "helper may assert: `pytest --census` counts the assertions that a test executed.",
    applies=applies,
    triggers=(b"def test",),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
import time


def test_asks(client):
    ...  # The client asks for the first page.


def test_answers(client):
    time.sleep(3)
    assert client.is_open or True
"""
    },
    good={
        "tests/unit/test_client.py": """\
def test_asks(client):
    assert client.ask("hello") == "hello back"
"""
    },
)
