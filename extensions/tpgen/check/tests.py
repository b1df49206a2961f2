"""The tests of a file, as pytest would find them, and the fixtures that it defines."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from tpgen.source.trees import Function

from .file import File, Unreadable
from .qualified import full_name, last_name, text

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, eq=False)
class Test:
    """A test of a file.

    Attributes:
        function: what runs.
        classes: those around it, the outermost first.
    """

    __test__ = False

    function: Function
    classes: tuple[ast.ClassDef, ...] = ()

    @property
    def first_line(self) -> int:
        """Where it begins, with its decorators."""
        return min(one.lineno for one in [self.function, *self.function.decorator_list])


@lru_cache(maxsize=4)
def of(file: File) -> list[Test]:
    """The tests of a file: functions `test*`, and such methods of `Test*` and of test cases."""
    return list(_in_body(file, file.tree.body, ()))


def functions(file: File) -> Iterator[Function]:
    """All functions of a file, also those within others."""
    yield from file.nodes(ast.FunctionDef)
    yield from file.nodes(ast.AsyncFunctionDef)


@lru_cache(maxsize=16)
def functions_by_name(file: File) -> dict[str, list[Function]]:
    """The functions of a file, by name."""
    found: dict[str, list[Function]] = {}
    for function in functions(file):
        found.setdefault(function.name, []).append(function)
    return found


@lru_cache(maxsize=16)
def methods(file: File) -> dict[str, list[Function]]:
    """The methods of the classes of a file that hold no tests, by name; none where it is broken."""
    found: dict[str, list[Function]] = {}
    try:
        owners = [one for one in file.nodes(ast.ClassDef) if not is_test_class(one)]
    except Unreadable:
        owners = []
    for one in (one for owner in owners for one in owner.body):
        if isinstance(one, FUNCTIONS):
            found.setdefault(one.name, []).append(one)
    return found


def parameters(function: Function) -> list[ast.arg]:
    """The parameters of a function: of a test, the fixtures that it asks for."""
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def asked_for(file: File, test: Test) -> set[str]:
    """The fixtures that a test asks for, by parameter, `usefixtures` or `getfixturevalue`."""
    found = {one.arg for one in parameters(test.function)}
    if b"usefixtures" not in file.data and b"getfixturevalue" not in file.data:
        return found
    holders = [*test.classes, test.function]
    given = [one for holder in holders for one in holder.decorator_list]
    for call in (one for node in [*given, test.function] for one in ast.walk(node)):
        if isinstance(call, ast.Call) and last_name(call.func) in {
            "usefixtures",
            "getfixturevalue",
        }:
            found |= {text(file, one) or "" for one in call.args}
    return found


def is_fixture(file: File, function: Function) -> bool:
    """Whether a function is a fixture, by its decorators."""
    for one in function.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        if full_name(file, called) in {"pytest.fixture", "pytest_asyncio.fixture"}:
            return True
    return False


@lru_cache(maxsize=16)
def fixtures(file: File) -> dict[str, Function]:
    """The fixtures that a file defines, by the name they are asked for."""
    found = {}
    for function in functions(file):
        if is_fixture(file, function):
            found[_fixture_name(file, function)] = function
    return found


def _fixture_name(file: File, function: Function) -> str:
    for one in function.decorator_list:
        for given in one.keywords if isinstance(one, ast.Call) else ():
            if given.arg == "name":
                return text(file, given.value) or function.name
    return function.name


def conftests(file: File) -> Iterator[File]:
    """The `conftest.py` files of the folders above a file, the nearest first."""
    for folder in PurePosixPath(file.path).parents:
        path = (folder / "conftest.py").as_posix()
        if path != file.path and (found := file.project.file(path)):
            yield found


def defines_fixture(file: File, name: str) -> bool:
    """Whether a fixture is the project's own: of this file or of a `conftest.py` above it."""
    sign = f"def {name}(".encode()
    return sign in file.data or any(sign in one.data for one in conftests(file))


def is_test_case(node: ast.ClassDef) -> bool:
    """Whether a class is a test case of unittest, by the name of what it inherits from."""
    return any(last_name(base).endswith("TestCase") for base in node.bases)


def is_test_class(node: ast.ClassDef) -> bool:
    """Whether a class holds tests, by its name or by what it inherits from."""
    return node.name.startswith("Test") or is_test_case(node)


def _in_body(file: File, body: list[ast.stmt], classes: tuple[ast.ClassDef, ...]) -> Iterator[Test]:
    for node in body:
        if isinstance(node, FUNCTIONS):
            if node.name.startswith("test") and not is_fixture(file, node):
                yield Test(node, classes)
        elif isinstance(node, ast.ClassDef) and _is_collected(node):
            yield from _in_body(file, node.body, (*classes, node))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _in_body(file, [*node.body, *getattr(node, "orelse", [])], classes)


def _is_collected(node: ast.ClassDef) -> bool:
    if is_test_case(node):
        return True
    made = any(isinstance(one, FUNCTIONS) and one.name == "__init__" for one in node.body)
    return node.name.startswith(("Test", "test_")) and not made and not _is_switched_off(node)


def _is_switched_off(node: ast.ClassDef) -> bool:
    for one in node.body:
        match one:
            case ast.Assign(targets=[ast.Name(id="__test__")], value=ast.Constant(value=False)):
                return True
    return False
