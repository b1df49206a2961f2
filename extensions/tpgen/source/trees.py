"""Syntax trees of Python: what a class, a method or a type looks like, by itself."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import cast

Function = ast.FunctionDef | ast.AsyncFunctionDef
NOT_COMPONENTS = {
    *("ABC", "BaseModel", "Enum", "Flag", "IntEnum", "NamedTuple", "Protocol", "StrEnum"),
    *("BaseException", "Exception", "TypedDict"),
}
# What says more of a type than which one it is: `Annotated[X, …]` is an `X`.
AROUND = {"Annotated", "ClassVar", "Final", "InitVar", "Optional", "Union"}


def tree_of(file: Path) -> ast.Module:
    """The syntax tree of a file; an empty one where there is none, or it can't be read."""
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def is_fixture(node: Function) -> bool:
    """Return whether a function is decorated as a fixture, by pytest or pytest-asyncio."""
    called = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return any(last_name(name) == "fixture" for name in called)


def last_name(expression: ast.expr | None) -> str:
    """`C` of `a.b.C`, also where it is written as text; nothing where it is no name."""
    if isinstance(expression, ast.Constant):
        return str(expression.value).rpartition(".")[2]
    return str(getattr(expression, "attr", "") or getattr(expression, "id", ""))


def base_names(node: ast.ClassDef) -> list[str]:
    """The last part of the name of each base."""
    return [last_name(unsubscripted(base)) for base in node.bases]


def model_of(owner: ast.ClassDef) -> str:
    """The model that a factory makes rows of, by its `class Meta: model = X`; else nothing."""
    for meta in owner.body:
        if isinstance(meta, ast.ClassDef) and meta.name == "Meta":
            for line in meta.body:
                if isinstance(line, ast.Assign) and "model" in names(line):
                    return last_name(line.value)
    return ""


def is_component(node: ast.stmt) -> bool:
    """Whether a class may be a component: concrete, and neither an error, an enum nor a model."""
    if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
        return False
    if any(name.endswith(("Error", "Exception")) for name in [node.name, *base_names(node)]):
        return False
    return not NOT_COMPONENTS & set(base_names(node)) and not _is_abstract(node)


def is_enum(node: ast.stmt) -> bool:
    """Whether a class is an Enum of any sort."""
    return isinstance(node, ast.ClassDef) and "Enum" in "".join(base_names(node))


def is_dataclass(node: ast.stmt) -> bool:
    """Whether a class is one of dataclasses or attrs."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef) else []
    calls = (one.func if isinstance(one, ast.Call) else one for one in decorators)
    return any(last_name(one) in {"dataclass", "define", "frozen"} for one in calls)


def is_field(node: ast.stmt) -> bool:
    """Whether a statement makes a parameter: no ClassVar, and no `field(init=False)`."""
    if not isinstance(node, ast.AnnAssign):
        return False
    keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
    outside = [one for one in keywords if one.arg == "init" and not getattr(one.value, "value", 1)]
    return not outside and last_name(unsubscripted(node.annotation)) != "ClassVar"


def has_default(value: ast.expr | None) -> bool:
    """Whether what a field is set to is a default."""
    if isinstance(value, ast.Call) and last_name(value.func) in {"field", "Factory"}:
        return bool({one.arg for one in value.keywords} & {"default", "default_factory", "factory"})
    return value is not None


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements at the top, also those below an `if` or a `try`."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, ast.If | ast.Try):
            waiting[:0] = [*node.body, *node.orelse]


def names(node: ast.stmt) -> list[str]:
    """The names that a statement defines."""
    if isinstance(node, ast.ClassDef | Function):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    alias = getattr(node, "name", None)  # Of a `type X = …`.
    return [t.id for t in [*targets, alias] if isinstance(t, ast.Name)]


def methods(node: ast.stmt) -> dict[str, Function]:
    """The methods in the body of a class."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {one.name: one for one in body if isinstance(one, Function)}


def is_called_on_objects(node: Function) -> bool:
    """Whether a method is called as such: no property, and none of the class."""
    others = {"property", "cached_property", "staticmethod", "classmethod"}
    return not any(last_name(one) in others for one in node.decorator_list)


def is_generator(node: Function) -> bool:
    """Whether a function has a `yield` of its own."""
    return any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))


def members(node: ast.stmt) -> list[str]:
    """The values of an Enum that are texts; none where a class is no Enum."""
    if not isinstance(node, ast.ClassDef) or not is_enum(node):
        return []
    found = []
    for one in (one for one in node.body if isinstance(one, ast.Assign)):
        if isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
            found.append(one.value.value)
        elif isinstance(one.value, ast.Call) and last_name(one.value.func) == "auto":
            found += [name.lower() for name in names(one) if "StrEnum" in base_names(node)]
    return found


def aliased(node: ast.stmt) -> ast.expr | None:
    """The type that a statement gives a name to: of `X = …`, and the bound of a TypeVar."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call):
        is_variable = last_name(value.func) == "TypeVar"
        bounds = [one.value for one in value.keywords if one.arg == "bound"]
        return bounds[0] if is_variable and bounds else None
    return value if isinstance(value, ast.expr) else None


def plain(annotation: ast.expr | None) -> ast.expr | None:
    """A type without what is around it: `X` of `"X"`, `X | None`, `Annotated[X, …]` and such."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        parsed = _parsed(annotation.value)
        return plain(parsed) if parsed else annotation
    if isinstance(annotation, ast.BinOp):
        return plain(annotation.right if is_none(annotation.left) else annotation.left)
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) in AROUND:
        return plain(next((one for one in inner(annotation) if not is_none(one)), None))
    return annotation


def inner(subscript: ast.expr | None) -> list[ast.expr]:
    """`A` and `B` of `X[A, B]`; nothing where there are no brackets."""
    if not isinstance(subscript, ast.Subscript):
        return []
    inside = subscript.slice
    return inside.elts if isinstance(inside, ast.Tuple) else [inside]


def is_literal(annotation: ast.expr | None) -> bool:
    """Whether a type is a `Literal[…]`: its texts are no types."""
    return isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Literal"


def type_variables(node: ast.stmt) -> list[str]:
    """`A` and `B` of a class that is a `Generic[A, B]`."""
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    generic = [one for one in bases if last_name(unsubscripted(one)) in {"Generic", "Protocol"}]
    return [last_name(one) for base in generic for one in inner(base)]


def is_none(expression: ast.expr | None) -> bool:
    """Whether an expression is `None`."""
    return isinstance(expression, ast.Constant) and expression.value is None


def unsubscripted(expression: ast.expr) -> ast.expr:
    """`X` of `X[…]`."""
    return expression.value if isinstance(expression, ast.Subscript) else expression


def unquoted(annotation: ast.expr) -> ast.expr:
    """A type as code: where it is written as text, no one sees which imports it needs."""
    return cast(ast.expr, _Unquoted().visit(deepcopy(annotation)))


class _Unquoted(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Leave the texts of a Literal alone, and what is said of a type in an Annotated."""
        if is_literal(node):
            return node
        if last_name(node.value) == "Annotated":
            return cast(ast.expr, self.visit(inner(node)[0]))
        return ast.Subscript(node.value, self.visit(node.slice), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A text is a type."""
        return (isinstance(node.value, str) and _parsed(node.value)) or node


@cache
def _parsed(text: str) -> ast.expr | None:
    """A type that is written as text; the same node for the same text."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _is_abstract(node: ast.ClassDef) -> bool:
    decorators = [one for method in methods(node).values() for one in method.decorator_list]
    return any(last_name(one) == "abstractmethod" for one in decorators)
