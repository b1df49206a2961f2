"""Whether a test asserts anything, in its own lines or in what it calls."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tpgen.source.trees import Function

from . import tests
from .file import File, Unreadable
from .places import is_test_path
from .qualified import full_name, imported, last_name, text, written
from .tests import Test

# A call, a fixture or a decorator with one of these words asserts.
ASSERTING = re.compile(
    r"assert|raises|warns|deprecated_call|check|verif|expect|ensure|should|snapshot|benchmark"
    r"|match|compare|validat|^fail|_fail|must|^given$|approx|regression|no_warnings|roundtrip"
    r"|^doctest|wait_for_|wait_until|eventually|^equals?$|^eq_?$|^ok_?$|^hypothesis|^throws",
    re.IGNORECASE,
)
DEEPEST = 4
# Methods of so many classes that their name does not tell which one is meant.
COMMON = {"close", "connect", "start", "stop", "get", "set", "read", "write", "send", "run"}
# Run after each test of a class.
ENDING = {"tearDown", "asyncTearDown", "teardown_method"}


def asserts(file: File, test: Test) -> bool:
    """Whether something could fail in a test other than by chance."""
    look = _Look(file, test.classes)
    return look.holds(test.function) or look.ends() or _asks_for_asserting(file, test)


class _Look:
    """A look at functions of a file that call each other."""

    def __init__(self, file: File, classes: Sequence[ast.ClassDef], depth: int = 0) -> None:
        self.file, self.classes, self.depth = file, classes, depth
        self.seen: set[ast.AST] = set()

    def holds(self, function: Function) -> bool:
        """Whether a function asserts."""
        if function in self.seen or len(self.seen) > 50 or self.depth > DEEPEST:
            return False
        self.seen.add(function)
        decorators = [
            *function.decorator_list,
            *(d for c in self.classes for d in c.decorator_list),
        ]
        if any(self._says(one) for one in decorators):
            return True
        return any(self._is_assertion(node) for node in reachable(function.body))

    def ends(self) -> bool:
        """Whether what runs after each test of the classes asserts by itself."""
        return any(
            isinstance(one, tests.FUNCTIONS)
            and one.name in ENDING
            and any(_is_plain(node) for node in reachable(one.body))
            for owner in self.classes
            for one in owner.body
        )

    def _says(self, decorator: ast.expr) -> bool:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if full_name(self.file, called) == "pytest.mark.filterwarnings":
            return isinstance(decorator, ast.Call) and any(
                (text(self.file, one) or "").startswith("error") for one in decorator.args
            )
        name = last_name(called)
        return bool(ASSERTING.search(name)) and not full_name(self.file, called).startswith(
            "pytest.mark."
        )

    def _is_assertion(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Assert):
            return not is_constant(node.test)
        if isinstance(node, ast.Raise):
            return not _is_skip(node)
        return isinstance(node, ast.Call) and self._call_asserts(node)

    def _call_asserts(self, call: ast.Call) -> bool:
        name = last_name(call.func)
        if not name and isinstance(call.func, ast.Call | ast.Subscript):
            return False
        if ASSERTING.search(name) or (
            name in {"simplefilter", "filterwarnings"} and _is_error(call)
        ):
            return True
        handed = [one for one in call.args if isinstance(one, ast.Name | ast.Attribute)]
        return any(self._target_asserts(one) for one in [call.func, *handed])

    def _target_asserts(self, target: ast.expr) -> bool:
        whole = written(target)
        if whole.startswith(("self.", "cls.")) or _is_super(target):
            return self._method_asserts(last_name(target))
        if isinstance(target, ast.Name):
            own = tests.functions_by_name(self.file).get(target.id, [])
            if own:
                return any(self.holds(one) for one in own)
        return self._imported_asserts(target) or self._object_asserts(target)

    def _object_asserts(self, target: ast.expr) -> bool:
        """Whether a method of that name asserts, of a class of the file or of its helpers.

        That it raises proves nothing: a double raises what the test is about.
        """
        if not isinstance(target, ast.Attribute) or target.attr in COMMON:
            return False
        return any(
            isinstance(node, ast.Assert) and not is_constant(node.test)
            for one in [self.file, *_helpers(self.file)]
            for method in tests.methods(one).get(target.attr, [])
            for node in ast.walk(method)
        )

    def _method_asserts(self, name: str) -> bool:
        found = tests.functions_by_name(self.file).get(name, [])
        if found:
            return any(self.holds(one) for one in found)
        # A helper of a base class that is elsewhere: who writes one shares what is asserted.
        bases = [last_name(base) for node in self.classes for base in node.bases]
        return bool(set(bases) - {"TestCase", "object", "IsolatedAsyncioTestCase"})

    def _imported_asserts(self, target: ast.expr) -> bool:
        whole = written(target)
        if not whole or whole.split(".")[0] not in imported(self.file):
            return False
        module, _, name = full_name(self.file, target).rpartition(".")
        if not name or not (found := own_module(self.file, module)):
            return False
        try:
            functions = tests.functions_by_name(found).get(name, [])
            look = _Look(found, (), self.depth + 1)
            return any(look.holds(one) for one in functions)
        except Unreadable:
            return True


def _is_plain(node: ast.AST) -> bool:
    """Whether a node asserts, without a look at what it calls."""
    if isinstance(node, ast.Call):
        return ASSERTING.search(last_name(node.func)) is not None
    return isinstance(node, ast.Assert) and not is_constant(node.test)


@lru_cache(maxsize=4)
def _helpers(file: File) -> list[File]:
    """The files of the project's tests that a file imports from, or that define fixtures for it."""
    modules = {full.rpartition(".")[0] for full in imported(file).values()}
    modules |= set(imported(file).values())
    found = [own_module(file, one) for one in sorted(modules) if one.strip(".")]
    helpers = [one for one in found if one and is_test_path(one.path)]
    return [*helpers, *tests.conftests(file)]


def _is_error(call: ast.Call) -> bool:
    """Whether a warning becomes an error, so that its absence is what the test asserts."""
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == "error"


def own_module(file: File, module: str) -> File | None:
    """The file of the project that a module is, as an import of a file names it."""
    level = len(module) - len(module.lstrip("."))
    folder = file.path.split("/")[:-1]
    start = folder[: len(folder) - level + 1] if level else []
    path = "/".join([*start, *(part for part in module.lstrip(".").split(".") if part)])
    beside = "/".join([*folder, path]) if not level else path
    for one in (path, f"src/{path}", beside):
        for whole in (f"{one}.py", f"{one}/__init__.py"):
            if whole in file.project.paths:
                return file.project.file(whole)
    return None


def reachable(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of some statements that can run: nothing after a return, nor in `if False`.

    What stands in an `except` runs only where something failed, and is left out unless the `try`
    itself is bound to fail or to be seen (an `else`).
    """
    for statement in body:
        yield from _of_statement(statement)
        if isinstance(statement, ast.Return | ast.Continue | ast.Break):
            return


def _of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
        yield from reachable(node.body if node.test.value else node.orelse)
        return
    for name, value in ast.iter_fields(node):
        if name in {"handlers"}:
            yield from _of_handlers(value)
        elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from reachable(value)
        else:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    yield from _all(one)


def _of_handlers(handlers: list[ast.ExceptHandler]) -> Iterator[ast.AST]:
    """A handler that raises or fails makes an error a failure; one that only looks proves nothing."""
    for handler in handlers:
        for node in reachable(handler.body):
            if isinstance(node, ast.Raise) or (
                isinstance(node, ast.Call) and last_name(node.func) in {"fail", "failureException"}
            ):
                yield node


def _all(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
        return
    yield node
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        if name == "body" and values and isinstance(values[0], ast.stmt):
            yield from reachable(values)
        else:
            for one in values:
                if isinstance(one, ast.AST):
                    yield from _all(one)


def is_constant(node: ast.expr) -> bool:
    """Whether a condition is always the same and true: `True`, `1`, `(x, "why")`, `x or True`."""
    match node:
        case ast.Constant(value=value):
            # `assert False` always fails: it is how a line is told not to be reached.
            return bool(value)
        case ast.Tuple(elts=elements):
            return bool(elements)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(isinstance(one, ast.Constant) and bool(one.value) for one in values)
        case ast.JoinedStr() | ast.Lambda():
            return True
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            same = isinstance(left, ast.Constant) and ast.dump(left) == ast.dump(right)
            return same
    return False


def _is_skip(node: ast.Raise) -> bool:
    called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return called is not None and "Skip" in last_name(called)


def _is_super(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and written(node.value.func) == "super"
    )


def _asks_for_asserting(file: File, test: Test) -> bool:
    names = tests.asked_for(file, test)
    if any(ASSERTING.search(name) for name in names):
        return True
    return any(
        _fixture_asserts(one, name)
        for one in [file, *tests.conftests(file)]
        for name in _wanted(one, names)
    )


def _wanted(file: File, names: set[str]) -> Iterator[str]:
    """The fixtures of a file that a test gets: those it asks for, and those for every test."""
    for name in _fixtures(file):
        if name in names or _is_for_all(_fixtures(file)[name]):
            yield name


@lru_cache(maxsize=64)
def _fixtures(file: File) -> dict[str, Function]:
    try:
        return tests.fixtures(file)
    except Unreadable:
        return {}


def _is_for_all(function: Function) -> bool:
    given = [
        one
        for call in function.decorator_list
        if isinstance(call, ast.Call)
        for one in call.keywords
    ]
    return any(one.arg == "autouse" for one in given)


def _fixture_asserts(file: File, name: str) -> bool:
    return _Look(file, ()).holds(_fixtures(file)[name])
