"""The imports of a module, and where one more goes."""

import sys
from collections.abc import Iterator, Sequence

import libcst as cst

from .statements import BLANK_LINE, Statement, is_docstring_line, led


def imported_names(
    module: cst.Module,
) -> Iterator[tuple[cst.Import | cst.ImportFrom, cst.ImportAlias]]:
    """Each name that a module imports at its top, with its statement."""
    for line in module.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, cst.Import | cst.ImportFrom):
                for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
                    yield node, alias


def place_of(
    body: Sequence[Statement], wanted: cst.Import | cst.ImportFrom
) -> tuple[int, Statement | None]:
    """Where an import goes: into a line that is given too, near its kin, or with its group."""
    top, above, kin = None, None, None
    for at, line in enumerate(body):
        if isinstance(line, cst.FunctionDef | cst.ClassDef):
            break
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        if extended := _extended(line, wanted):
            return at, extended
        packages = {_package(one) for one in line.body}
        if packages == {""}:
            continue
        top = at if top is None else top
        above = at + 1 if min(map(_group, packages)) <= _group(_package(wanted)) else above
        kin = at + 1 if _package(wanted) in packages else kin
    start = 1 if body and is_docstring_line(body[0]) else 0
    return kin or above or (start if top is None else top), None


def insert(body: list[Statement], at: int, wanted: cst.Import | cst.ImportFrom) -> None:
    """Put an import in its place, a line apart from a docstring and from other groups."""
    line: Statement = cst.SimpleStatementLine([wanted])
    above, below = body[max(at - 1, 0) : at], body[at : at + 1]
    if any(is_docstring_line(one) or _groups(one) - _groups(line) for one in above):
        line = led(line, [BLANK_LINE])
    if any(_groups(one) - _groups(line) and not one.leading_lines for one in below):
        body[at] = led(body[at], [BLANK_LINE])
    body.insert(at, line)


def _groups(line: Statement) -> set[int]:
    """The groups of the imports of a line; none where it holds none."""
    parts = line.body if isinstance(line, cst.SimpleStatementLine) else []
    return {_group(package) for one in parts if (package := _package(one))}


def _group(package: str) -> int:
    """The group of isort: `__future__`, the standard library, all others, the service's tests."""
    known = {"__future__": 0, "tests": 3, ".": 4}
    return known.get(package, 1 if package in sys.stdlib_module_names else 2)


def _package(node: cst.CSTNode) -> str:
    """The first part of what an import statement names; nothing for another statement."""
    if isinstance(node, cst.Import):
        return node.names[0].evaluated_name.partition(".")[0]
    if isinstance(node, cst.ImportFrom):
        return _module_of(node).partition(".")[0] or "."
    return ""


def _module_of(node: cst.ImportFrom) -> str:
    name = cst.Module([]).code_for_node(node.module) if node.module else ""
    return "." * len(node.relative) + name


def _extended(
    line: cst.SimpleStatementLine, wanted: cst.Import | cst.ImportFrom
) -> cst.SimpleStatementLine | None:
    """The line with one name more, in its own layout, if it imports from the same module."""
    [given, *others] = line.body
    if others or not isinstance(given, cst.ImportFrom) or not isinstance(wanted, cst.ImportFrom):
        return None
    if isinstance(given.names, cst.ImportStar) or _module_of(given) != _module_of(wanted):
        return None
    assert not isinstance(wanted.names, cst.ImportStar)
    *before, last = given.names
    between, closing = _layout(given, before, last)
    new = wanted.names[0]
    if isinstance(last.comma, cst.Comma):
        new = new.with_changes(comma=cst.Comma(whitespace_after=closing))
    elif given.rpar:
        given = given.with_changes(rpar=cst.RightParen(whitespace_before=closing))
    last = last.with_changes(comma=cst.Comma(whitespace_after=between))
    return line.with_changes(body=[given.with_changes(names=[*before, last, new])])


def _layout(
    given: cst.ImportFrom, before: Sequence[cst.ImportAlias], last: cst.ImportAlias
) -> tuple[cst.BaseParenthesizableWhitespace, cst.BaseParenthesizableWhitespace]:
    """What stands between the last name and one more, and after that one."""
    commas = [one.comma.whitespace_after for one in before if isinstance(one.comma, cst.Comma)]
    opening = [given.lpar.whitespace_after] if given.lpar else []
    broken = [one for one in [*opening, *commas] if isinstance(one, cst.ParenthesizedWhitespace)]
    end: cst.BaseParenthesizableWhitespace = cst.SimpleWhitespace("")
    if isinstance(last.comma, cst.Comma):
        end = last.comma.whitespace_after
    elif given.rpar:
        end = given.rpar.whitespace_before
    if isinstance(end, cst.ParenthesizedWhitespace):
        indentation = broken[0].last_line if broken else cst.SimpleWhitespace("    ")
        bare = cst.ParenthesizedWhitespace(indent=end.indent, last_line=end.last_line)
        return end.with_changes(last_line=indentation), bare
    if broken:
        return cst.ParenthesizedWhitespace(indent=True, last_line=broken[-1].last_line), end
    return (commas or [cst.SimpleWhitespace(" ")])[-1], end
