"""What the statements of a module are, state and look like, as LibCST has them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import libcst as cst

from tpgen.source.suites import PLACEHOLDERS

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Test = cst.ClassDef | cst.FunctionDef
BLANK_LINE = cst.EmptyLine(indent=False)
# What a line of code states, in the text of a placeholder.
STATES = re.compile(r"^\s*(?:(?:async\s+)?def\s+(\w+)|(\w+)\s*(?::[^=\n]+)?=(?!=))", re.MULTILINE)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all that is in it, in order."""
    yield node
    for child in node.children:
        yield from walk(child)


def last_name(node: cst.BaseExpression) -> str:
    """`StepSuite` of `StepSuite`, of `suites.step.StepSuite` and of `StepSuite[Model]`."""
    if isinstance(node, cst.Subscript):
        return last_name(node.value)
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def text_of(node: cst.CSTNode) -> str:
    """The text of a literal; nothing for another node."""
    if not isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        return ""
    value = node.evaluated_value
    return value if isinstance(value, str) else ""


def body_of(found: cst.ClassDef | cst.FunctionDef) -> list[Statement]:
    """The statements of a class or function."""
    if isinstance(found.body, cst.IndentedBlock):
        return cast("list[Statement]", list(found.body.body))
    assert isinstance(found.body, cst.SimpleStatementSuite)
    return [cst.SimpleStatementLine(found.body.body, (), found.body.trailing_whitespace)]


def names_of(node: cst.CSTNode) -> list[str]:
    """Return the names that a statement binds, and those in the text of a placeholder."""
    if isinstance(node, cst.FunctionDef):
        fixture = [text for one in node.decorators for part in walk(one) if (text := text_of(part))]
        names = [node.name.value, *fixture]
    elif isinstance(node, cst.ClassDef):
        names = [node.name.value]
    else:
        names = [name for part in walk(node) for name in _targets(part)]
    states = STATES.findall(placeholder_of(node) or "")
    return [*names, *(function or name for function, name in states)]


def _targets(part: cst.CSTNode) -> list[str]:
    if isinstance(part, cst.Assign):
        targets: Iterable[cst.CSTNode] = [one.target for one in part.targets]
    elif isinstance(part, cst.AnnAssign) and part.value:
        targets = [part.target]
    elif isinstance(part, cst.TypeAlias | cst.FunctionDef):
        targets = [part.name]
    else:
        return []
    return [name.value for one in targets for name in walk(one) if isinstance(name, cst.Name)]


def placeholder_of(node: cst.CSTNode) -> str | None:
    """Return the text of `name = placeholder("…")`, or of a function that only calls `fill_in`."""
    lines = body_of(node) if isinstance(node, cst.FunctionDef) else [node]
    parts = [part for line in lines for part in _parts(line) if not _is_docstring(part)]
    value = getattr(parts[0], "value", None) if len(parts) == 1 else None
    if not isinstance(value, cst.Call) or last_name(value.func) not in PLACEHOLDERS:
        return None
    return text_of(value.args[0].value) if value.args else ""


def _parts(line: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return line.body if isinstance(line, cst.SimpleStatementLine) else [line]


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and bool(text_of(node.value))


def is_line(node: cst.CSTNode) -> bool:
    """Whether it is one line, so no function, class or block."""
    return isinstance(node, cst.SimpleStatementLine)


def is_docstring_line(node: cst.CSTNode) -> bool:
    """Whether it is a docstring."""
    return isinstance(node, cst.SimpleStatementLine) and _is_docstring(node.body[0])


def spaced(member: Statement, previous: Statement) -> Statement:
    """A member as it stands below another one: facts together, all else a line apart."""
    facts = is_line(member) and is_line(previous) and not is_docstring_line(previous)
    return set_apart(member, 0 if facts else 1)


def set_apart(node: Statement, lines: int) -> Statement:
    """The statement below a number of blank lines; its comments stay with it."""
    comments = [line for line in node.leading_lines if line.comment]
    return node.with_changes(leading_lines=[*lines * [BLANK_LINE], *comments])


def led(node: Statement, lines: Sequence[cst.EmptyLine]) -> Statement:
    """The statement below these lines as well as its own."""
    return node.with_changes(leading_lines=[*lines, *node.leading_lines])


def bare_code(node: Statement) -> str:
    """Its code, without what stands above it."""
    return cst.Module([set_apart(node, 0)]).code.strip()
