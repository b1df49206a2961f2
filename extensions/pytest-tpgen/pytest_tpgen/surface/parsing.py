"""Read a stub, which a person may have edited."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import expressions
from .model import Kind, Member, MemberKind, Parameter, Signature, Surface, SurfaceError

if TYPE_CHECKING:
    import griffe

# Griffe knows a decorator by its import, and that the text in a `Literal` is not a type.
IMPORTS = """\
import abc, contextlib, functools, typing
from abc import abstractmethod
from functools import cached_property
from typing import Literal, overload
"""
KINDS: dict[str, Kind] = {
    "positional-only": "positional-only",
    "positional or keyword": "positional",
    "variadic positional": "variadic",
    "keyword-only": "keyword-only",
    "variadic keyword": "keywords",
}
DECORATORS = ("contextmanager", "asynccontextmanager")


def parse(stub: str) -> Surface:
    """Return the surface that a stub states.

    Raises:
        SurfaceError: it is not the text of one class.
    """
    text = stub.strip() + "\n"
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SurfaceError(f"the stub is not Python: line {error.lineno}: {error.msg}") from None
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.ClassDef):
        raise SurfaceError("the stub must be one class: `class Agent:` and its members")
    return _surface(visit(IMPORTS + text).classes[tree.body[0].name])


def visit(text: str) -> griffe.Module:
    """Return the classes and functions of a module.

    Raises:
        SurfaceError: griffe is not installed.
    """
    try:
        import griffe
    except ModuleNotFoundError:
        raise SurfaceError(
            "griffe is not installed: add `pytest-tpgen[sdk]` to the development dependencies"
        ) from None
    return griffe.visit("surface", Path("surface.py"), text)


def lines_of(stub: str) -> dict[str, list[tuple[int, int]]]:
    """Return the lines of each member in a stub: first and last, counted from 1."""
    [owner] = ast.parse(stub).body
    found: dict[str, list[tuple[int, int]]] = {}
    for node in getattr(owner, "body", []):
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        for name in _names(node):
            found.setdefault(name, []).append((start, node.end_lineno))
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign | ast.Assign):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _surface(node: griffe.Class) -> Surface:
    bases = tuple(expressions.annotation(str(base)) for base in node.bases)
    overloads = {name: found for name, found in node.overloads.items() if found}
    members: dict[str, Member] = {}
    for name in dict.fromkeys([*node.members, *overloads]):
        if name in overloads:
            members[name] = _method(name, overloads[name])
            continue
        member: Any = node.members[name]
        if member.is_class:
            members[name] = Member(name, "class", nested=_surface(member))
        elif member.is_function:
            members[name] = _method(name, [member])
        elif "property" in member.labels:
            members[name] = _property(name, member)
        else:
            value = None if member.value is None else expressions.default(str(member.value))
            kind = _annotation(member.annotation)
            if kind and "instance-attribute" not in member.labels and "ClassVar" not in kind:
                kind = f"ClassVar[{kind}]"  # griffe takes it off
            has_default = bool(kind and value and not kind.startswith("ClassVar"))
            # `name = ...` states no type.
            value = None if value == "..." or kind else value
            members[name] = Member(
                name, "attribute", type=kind, value=value, has_default=has_default
            )
    is_final = any(str(each.value).rpartition(".")[2] == "final" for each in node.decorators)
    return Surface(node.name, bases, members, is_final)


def _property(name: str, member: Any) -> Member:
    setter = None
    if member.setter is not None:
        given = list(member.setter.parameters)[1:]
        setter = _annotation(given[0].annotation) if given else None
    kind: MemberKind = "cached property" if "cached" in member.labels else "property"
    return Member(
        name,
        kind,
        type=_annotation(member.annotation),
        setter=setter,
        has_setter=member.setter is not None,
        decorators=("abstractmethod",) if "abstractmethod" in member.labels else (),
    )


def _method(name: str, functions: list[griffe.Function]) -> Member:
    labels = functions[0].labels
    kind: MemberKind = "constructor" if name == "__init__" else "method"
    for label in ("staticmethod", "classmethod"):
        if label in labels:
            kind = label.replace("method", " method")  # type: ignore[assignment]
    decorators = ["abstractmethod"] if "abstractmethod" in labels else []
    for decorator in functions[0].decorators:
        text = str(decorator.value).rpartition(".")[2]
        decorators += [text] if text in DECORATORS else []
    is_bound = kind != "static method"
    signatures = tuple(_signature(function, is_bound) for function in functions)
    return Member(name, kind, signatures, decorators=tuple(decorators))


def _signature(function: griffe.Function, is_bound: bool) -> Signature:
    parameters = tuple(_parameters(function))
    if is_bound and parameters and not parameters[0].is_variadic:
        parameters = parameters[1:]
    return Signature(parameters, _annotation(function.returns), "async" in function.labels)


def _parameters(function: griffe.Function) -> Iterator[Parameter]:
    for each in function.parameters:
        kind = KINDS[each.kind.value if each.kind else ""]
        default = None
        if each.default is not None and kind not in ("variadic", "keywords"):
            default = expressions.default(str(each.default))
        yield Parameter(each.name, kind, _annotation(each.annotation), default)


def _annotation(found: object) -> str | None:
    return None if found is None else expressions.annotation(str(found))
