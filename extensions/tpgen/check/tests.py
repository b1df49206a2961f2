"""The tests of a file, and the fixtures that they ask for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from tpgen.source.trees import Function, is_fixture, last_name

from .file import File
from .qualified import literal


@dataclass(frozen=True, eq=False)
class Test:
    """A test of a file, and the classes around it, the outermost first."""

    __test__ = False

    function: Function
    classes: tuple[ast.ClassDef, ...] = ()

    @property
    def first_line(self) -> int:
        """Return the line where it begins, with its decorators."""
        return min(node.lineno for node in [self.function, *self.function.decorator_list])

    @property
    def decorators(self) -> list[ast.expr]:
        """Return its decorators, and those of its classes."""
        holders = [*self.classes, self.function]
        return [decorator for holder in holders for decorator in holder.decorator_list]


@lru_cache(maxsize=4)
def of(file: File) -> list[Test]:
    """Return the tests of a file: functions and methods called `test*`, in classes of any name."""
    return list(_in_body(file.tree.body, ()))


def functions(file: File) -> Iterator[Function]:
    """Yield all functions of a file, also those within others."""
    yield from file.nodes(ast.FunctionDef)
    yield from file.nodes(ast.AsyncFunctionDef)


def parameters(function: Function) -> list[ast.arg]:
    """Return the parameters of a function: of a test, the fixtures that it asks for."""
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def fixtures_of(test: Test) -> set[str]:
    """Return the fixtures that a test asks for, by parameter or by `usefixtures`."""
    found = {parameter.arg for parameter in parameters(test.function)}
    for call in test.decorators:
        if isinstance(call, ast.Call) and last_name(call.func) == "usefixtures":
            found |= {literal(argument) or "" for argument in call.args}
    return found


def marks(file: File, test: Test) -> list[ast.expr]:
    """Return the marks of a test: its decorators, and each `pytestmark` around it."""
    bodies = [file.tree.body, *(holder.body for holder in test.classes)]
    statements = [node for body in bodies for node in body if isinstance(node, ast.Assign)]
    named = [node.value for node in statements if last_name(node.targets[0]) == "pytestmark"]
    for value in named:
        named += value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return [*test.decorators, *named]


def defines_fixture(file: File, name: str) -> bool:
    """Return whether a fixture is the project's own: of this file or of a `conftest.py` above."""
    sign = f"def {name}(".encode()
    folders = PurePosixPath(file.path).parents
    conftests = (file.project.file((folder / "conftest.py").as_posix()) for folder in folders)
    return any(sign in found.data for found in [file, *conftests] if found)


def _in_body(body: list[ast.stmt], classes: tuple[ast.ClassDef, ...]) -> Iterator[Test]:
    for node in body:
        if isinstance(node, Function):
            if node.name.startswith("test") and not is_fixture(node):
                yield Test(node, classes)
        elif isinstance(node, ast.ClassDef):
            yield from _in_body(node.body, (*classes, node))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _in_body([*node.body, *getattr(node, "orelse", [])], classes)
