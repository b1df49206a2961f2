"""What the names and the texts of a file stand for, as far as its own lines tell."""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from .file import File

# Stands in a text for what is only known when the code runs.
UNKNOWN = "0"
_DEEPEST = 20


@lru_cache(maxsize=4)
def imported(file: File) -> Mapping[str, str]:
    """The names that a file imports, or gives to what it imports, with their full names.

    `from unittest import mock as m` is `{"m": "unittest.mock"}`; a relative import keeps its dots.
    """
    found = {}
    for node in file.nodes(ast.Import):
        for one in node.names:
            top = one.name.split(".")[0]
            found[one.asname or top] = one.name if one.asname else top
    for line in file.nodes(ast.ImportFrom):
        module = "." * line.level + (line.module or "")
        for one in line.names:
            found[one.asname or one.name] = (
                f"{module}.{one.name}" if line.module else module + one.name
            )
    for name, value in _aliases(file):
        if (full := _joined(value, found)) and name not in found:
            found[name] = full
    return found


def full_name(file: File, node: ast.AST) -> str:
    """What an expression such as `m.patch.object` names: "unittest.mock.patch.object".

    Where its first name is not imported, it stays as written; "" where it is no such expression.
    """
    names = imported(file)
    return _joined(node, names) or written(node)


def written(node: ast.AST) -> str:
    """An expression of names and dots as it is written, or ""."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def last_name(node: ast.AST) -> str:
    """The last name of `a.b.c`, also where what stands before the dot is a call."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text(file: File, node: ast.AST | None, depth: int = 0) -> str | None:
    """The text that an expression gives, put together from constants; None where it gives none.

    What can't be told within a longer text is `UNKNOWN`.
    """
    if depth > _DEEPEST:
        return None
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr():
            parts = (text(file, one, depth + 1) for one in node.values)
            return "".join(UNKNOWN if part is None else part for part in parts)
        case ast.FormattedValue():
            return text(file, node.value, depth + 1)
        case ast.BinOp(op=ast.Add()):
            both = text(file, node.left, depth + 1), text(file, node.right, depth + 1)
            known = [UNKNOWN if one is None else one for one in both]
            return "".join(known) if any(one is not None for one in both) else None
        case ast.BinOp(op=ast.Mod()):
            return _formatted(file, node, depth)
        case ast.Subscript(slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp())):
            whole = text(file, node.value, depth + 1)
            return whole and whole[::-1]
        case ast.Name():
            return text(file, _constants(file).get(node.id), depth + 1)
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List() | ast.Tuple() as given]):
            joint = text(file, node.func.value, depth + 1)  # type: ignore[attr-defined]
            words = [text(file, one, depth + 1) or UNKNOWN for one in given.elts]
            return None if joint is None else joint.join(words)
        case ast.Call(func=ast.Attribute(attr="format", value=pattern)):
            return _filled(text(file, pattern, depth + 1), file, node.args, depth)
    return None


def _formatted(file: File, node: ast.BinOp, depth: int) -> str | None:
    given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    pattern = text(file, node.left, depth + 1)
    return _filled(pattern and pattern.replace("%s", "{}").replace("%d", "{}"), file, given, depth)


def _filled(pattern: str | None, file: File, given: list[ast.expr], depth: int) -> str | None:
    for one in given if pattern else ():
        pattern = pattern.replace("{}", text(file, one, depth + 1) or UNKNOWN, 1)  # type: ignore[union-attr]
    return pattern


def _joined(node: ast.AST, names: Mapping[str, str]) -> str:
    first, *rest = written(node).split(".")
    return ".".join([names[first], *rest]) if first in names else ""


def _aliases(file: File) -> Iterator[tuple[str, ast.expr]]:
    for node in file.nodes(ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Name | ast.Attribute):
            yield target.id, node.value


@lru_cache(maxsize=4)
def _constants(file: File) -> Mapping[str, ast.expr]:
    """The names that are given one value only, a text."""
    given: list[tuple[ast.expr, ast.expr | None]] = [
        (target, node.value) for node in file.nodes(ast.Assign) for target in node.targets
    ]
    given += [(node.target, node.value) for node in file.nodes(ast.AnnAssign)]
    found: dict[str, ast.expr] = {}
    twice = set()
    for target, value in given:
        if isinstance(target, ast.Name) and value is not None:
            twice |= {target.id} & set(found)
            found[target.id] = value
    return {name: value for name, value in found.items() if name not in twice}
