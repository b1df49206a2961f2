"""Syntax trees of Python: what a class, a method or a type looks like, by itself."""

import ast
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
NOT_COMPONENTS = {
    *("ABC", "BaseModel", "Enum", "Flag", "IntEnum", "NamedTuple", "Protocol", "StrEnum"),
    *("BaseException", "Exception", "TypedDict"),
}
# The decorators of dataclasses and attrs.
DATACLASSES = {"dataclass", "define", "frozen"}
# What says more about a type than which one it is: `Annotated[X, …]` is an `X`.
WRAPPERS = {"Annotated", "ClassVar", "Final", "InitVar", "Optional", "Union"}


def tree_of(file: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it does not exist or can't be read."""
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def lines(text: str) -> list[str]:
    """Return lines with their ends, as Python counts them.

    `str.splitlines` also ends a line at a form feed, at U+2028 and at others.
    """
    return list(io.StringIO(text, newline=""))


def last_name(expression: ast.expr | None) -> str:
    """Return `C` of `a.b.C`, also if it is written as a text; empty for other expressions."""
    if isinstance(expression, ast.Constant):
        return str(expression.value).rpartition(".")[2]
    return str(getattr(expression, "attr", "") or getattr(expression, "id", ""))


def callee(expression: ast.expr) -> ast.expr:
    """Return what is called, or the expression itself if it is not a call: `x` of `x` and `x(…)`."""
    return expression.func if isinstance(expression, ast.Call) else expression


def called(expression: ast.expr | None) -> str:
    """Return the last name of what is called, or of the expression itself if it is not a call."""
    return last_name(expression and callee(expression))


def unsubscripted(expression: ast.expr) -> ast.expr:
    """Return `X` of `X[…]`."""
    return expression.value if isinstance(expression, ast.Subscript) else expression


def inner(subscript: ast.expr | None) -> list[ast.expr]:
    """Return `A` and `B` of `X[A, B]`; nothing without brackets."""
    if not isinstance(subscript, ast.Subscript):
        return []
    inside = subscript.slice
    return inside.elts if isinstance(inside, ast.Tuple) else [inside]


def names(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    if isinstance(node, ast.ClassDef | Function):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    alias = getattr(node, "name", None)  # Of a `type X = …`.
    return [target.id for target in [*targets, alias] if isinstance(target, ast.Name)]


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, also those below an `if` or a `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from statements([*node.body, *node.orelse])


def classes(node: ast.Module | ast.ClassDef) -> list[ast.ClassDef]:
    return [member for member in node.body if isinstance(member, ast.ClassDef)]


def methods(node: ast.stmt) -> dict[str, Function]:
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {member.name: member for member in body if isinstance(member, Function)}


def base_names(node: ast.stmt) -> list[str]:
    return [called(unsubscripted(base)) for base in getattr(node, "bases", [])]


def model_of(owner: ast.ClassDef) -> str:
    """Return the model of a factory, by its `class Meta: model = X`; else nothing."""
    for meta in classes(owner):
        for line in meta.body if meta.name == "Meta" else ():
            if isinstance(line, ast.Assign) and "model" in names(line):
                return last_name(line.value)
    return ""


def is_component(node: ast.stmt) -> bool:
    """Return whether a class may be a component: concrete, and not an error, enum or model."""
    if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
        return False
    bases = base_names(node)
    is_error = any(name.endswith(("Error", "Exception")) for name in [node.name, *bases])
    is_abstract = any("abstractmethod" in _decorators(method) for method in methods(node).values())
    return not is_error and not is_abstract and NOT_COMPONENTS.isdisjoint(bases)


def _decorators(node: ast.ClassDef | Function) -> list[str]:
    return [called(decorator) for decorator in node.decorator_list]


def is_fixture(node: Function) -> bool:
    """Return whether a function is decorated as a fixture, by pytest or pytest-asyncio."""
    return "fixture" in _decorators(node)


def is_enum(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and "Enum" in "".join(base_names(node))


def fields(node: ast.stmt) -> Iterator[tuple[ast.AnnAssign, bool]]:
    """Yield the fields that the constructor of a dataclass takes, and whether each has a default."""
    is_dataclass = isinstance(node, ast.ClassDef) and not DATACLASSES.isdisjoint(_decorators(node))
    for member in getattr(node, "body", []) if is_dataclass else ():
        if not isinstance(member, ast.AnnAssign):
            continue
        has_default, is_taken = member.value is not None, True
        if isinstance(member.value, ast.Call) and called(member.value) == "field":
            options = {keyword.arg: keyword.value for keyword in member.value.keywords}
            has_default = not options.keys().isdisjoint({"default", "default_factory", "factory"})
            is_taken = getattr(options.get("init"), "value", True) is not False
        if is_taken and last_name(unsubscripted(member.annotation)) != "ClassVar":
            yield member, has_default


def is_called_on_objects(node: Function) -> bool:
    """Return whether a method is called on an object: not a property or a class method."""
    others = {"property", "cached_property", "staticmethod", "classmethod"}
    return others.isdisjoint(_decorators(node))


def is_generator(node: Function) -> bool:
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node))


def plain(annotation: ast.expr | None) -> ast.expr | None:
    """Return a type without its wrappers: `X` of `"X"`, `X | None`, `Annotated[X, …]` and such."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        parsed = _parsed(annotation.value)
        return plain(parsed) if parsed else annotation
    if isinstance(annotation, ast.BinOp):
        return _first([annotation.left, annotation.right])
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) in WRAPPERS:
        return _first(inner(annotation))
    return annotation


def _first(parts: list[ast.expr]) -> ast.expr | None:
    """Return the first part of a union that is not None, without its wrappers."""
    return plain(next((part for part in parts if getattr(part, "value", part) is not None), None))


def is_literal(annotation: ast.expr | None) -> bool:
    """Return whether a type is a `Literal[…]`: its texts are not types."""
    return isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Literal"


def unquoted(annotation: ast.expr) -> ast.expr:
    """Return a type without quotes, so that its imports can be seen; one with a Literal stays."""
    text = ast.unparse(annotation)
    return annotation if "Literal" in text else _parsed(text.replace("'", "")) or annotation


@cache
def _parsed(text: str) -> ast.expr | None:
    """Return a type that is written as a text; the same node for the same text."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
