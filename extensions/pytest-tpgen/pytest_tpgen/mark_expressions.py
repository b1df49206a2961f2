"""Evaluate an `-m` expression for one marker, before the tests are collected."""

import ast
from collections.abc import Iterator
from itertools import combinations


def allows(expression: str, mark: str) -> bool:
    """Return whether the expression could select a test that has the mark."""
    tree = _parsed(expression)
    return tree is None or any(_holds(tree, marks | {mark}) for marks in _combinations(tree))


def asks_for(expression: str, mark: str) -> bool:
    """Return whether the expression selects some test because it has the mark.

    `contract or slow` asks for `contract`; `slow or not contract` does not.
    """
    tree = _parsed(expression)
    return tree is not None and any(
        _holds(tree, marks | {mark}) and not _holds(tree, marks - {mark})
        for marks in _combinations(tree)
    )


def _parsed(expression: str) -> ast.expr | None:
    """Return the parsed expression, or None if pytest itself will report an error."""
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return None


def _combinations(tree: ast.expr) -> Iterator[set[str]]:
    """Yield each set of marks that can change the value of the expression."""
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
    for size in range(len(names) + 1):
        yield from map(set, combinations(names, size))


def _holds(node: ast.expr, marks: set[str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_holds(value, marks) for value in node.values)
        case ast.BoolOp():
            return any(_holds(value, marks) for value in node.values)
        case ast.UnaryOp():
            return not _holds(node.operand, marks)
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            return name in marks
    return False
