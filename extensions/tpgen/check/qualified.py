"""The full names of what a file imports, as its import lines state them."""

import ast
from collections.abc import Mapping
from functools import lru_cache

from .file import File


@lru_cache(maxsize=4)
def imported(file: File) -> Mapping[str, str]:
    """Return the names that a file imports, each with its full name.

    `from unittest import mock as m` is `{"m": "unittest.mock"}`; a relative import keeps its dots.
    """
    found = {}
    for node in file.nodes(ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            found[alias.asname or top] = alias.name if alias.asname else top
    for line in file.nodes(ast.ImportFrom):
        module = "." * line.level + (line.module or "")
        start = f"{module}." if line.module else module
        for alias in line.names:
            found[alias.asname or alias.name] = start + alias.name
    return found


def full_name(file: File, node: ast.AST) -> str:
    """Return what an expression such as `m.patch.object` names: "unittest.mock.patch.object".

    A name that is not imported stays as it is; "" if the expression is not names and dots.
    """
    first, dot, rest = dotted(node).partition(".")
    return imported(file).get(first, first) + dot + rest


def dotted(node: ast.AST) -> str:
    """Return an expression of names and dots as it is written, or ""."""
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return node.id if isinstance(node, ast.Name) else ""


def literal(node: ast.AST | None) -> str | None:
    """Return the text of a string literal; None for any other expression."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
