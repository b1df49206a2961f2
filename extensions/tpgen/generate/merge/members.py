"""The members of a test class: which ones are missing, and how they are added to its lines."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import dedent

from tpgen.source.suites import PLACEHOLDERS
from tpgen.source.trees import Function, last_name, names

from .lines import Source, comments_in, first_line

INDENT = "    "
# In the placeholders of a component that is not built.
BUILD = "# build "
# What a line of code states, in the text of a placeholder.
STATES = re.compile(r"^\s*(?:(?:async\s+)?def\s+(\w+)|(\w+)\s*(?::[^=\n]+)?=(?!=))", re.MULTILINE)


def stated(member: ast.stmt) -> list[str]:
    """Return the names that a member of a class gives a value, and those of its placeholder."""
    if isinstance(member, ast.ClassDef | Function):
        found = names(member)
        for decorator in member.decorator_list:
            constants = (part for part in ast.walk(decorator) if isinstance(part, ast.Constant))
            found += [part.value for part in constants if isinstance(part.value, str)]
    else:
        parts = (part for part in ast.walk(member) if isinstance(part, ast.stmt))
        found = [name for part in parts if _has_value(part) for name in names(part)]
    in_text = STATES.findall(placeholder_of(member) or "")
    return [*found, *(function or name for function, name in in_text)]


def _has_value(part: ast.stmt) -> bool:
    return not (isinstance(part, ast.AnnAssign) and part.value is None)


def placeholder_of(member: ast.stmt) -> str | None:
    """Return the text of `name = placeholder("…")`, or of a function that only calls `fill_in`."""
    parts = member.body if isinstance(member, Function) else [member]
    code = [part for part in parts if not is_docstring(part)]
    value = getattr(code[0], "value", None) if len(code) == 1 else None
    if not isinstance(value, ast.Call) or last_name(value.func) not in PLACEHOLDERS:
        return None
    text = getattr(value.args[0], "value", "") if value.args else ""
    return text if isinstance(text, str) else ""


def is_docstring(node: ast.stmt) -> bool:
    """Return whether a statement is a text alone."""
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def is_fact(node: ast.stmt) -> bool:
    """Return whether a statement is a simple one, so no function, class or block."""
    return not hasattr(node, "body")


def missing_members(
    closed: Sequence[ast.stmt],
    placeholders: Sequence[ast.stmt],
    template: ast.ClassDef,
    required: Mapping[str, frozenset[str]],
) -> tuple[list[tuple[ast.stmt, ast.stmt | None]], list[str]]:
    """Return what to add to a class.

    Args:
        closed: the members of the class and its bases that stay.
        placeholders: the members that may be replaced.
        template: the rendered class.
        required: each name that must have a value, and the names that may have one instead.

    Returns:
        the members of the rendered class to add, each with the placeholder that it replaces; and
        lines with placeholders, for names that one rendered placeholder covers with others.
    """
    filled = {name for member in closed for name in stated(member)}
    still_open = {name: member for member in placeholders for name in stated(member)}
    known = filled | still_open.keys()
    found: dict[ast.stmt, ast.stmt | None] = {}
    for member in template.body:
        enough = _instead_of(stated(member), required)
        old = next((still_open[name] for name in sorted(enough & still_open.keys())), None)
        is_news = old is None or placeholder_of(member) is None
        if enough and not enough & filled and is_news:
            found[member] = old
    if any(old and BUILD in (placeholder_of(old) or "") for old in found.values()):
        # The class is older than what it is about: it can't have said what was not known then.
        for member in template.body:
            if stated(member) and not known & set(stated(member)):
                found.setdefault(member, None)
    _add_mentioned(found, template, known)
    rest = [member for member in template.body if member not in found]
    pairs = [(member, found[member]) for member in template.body if member in found]
    return pairs, _placeholders(rest, required, known)


def _instead_of(given: Sequence[str], required: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the names of which one is enough, for some that a member gives."""
    return {
        name
        for fact, others in required.items()
        if not {fact, *others}.isdisjoint(given)
        for name in {fact, *others}
    }


def _placeholders(
    members: Sequence[ast.stmt], required: Mapping[str, frozenset[str]], known: set[str]
) -> list[str]:
    """Return a placeholder for each missing name of those that one rendered placeholder covers."""
    return [
        f"{line.partition('=')[0].strip()} = placeholder({line!r})"
        for member in members
        for line in dedent(placeholder_of(member) or "").strip().splitlines()
        if (states := STATES.match(line)) and (name := states[2])
        if name in required and not {name, *required[name]} & known
    ]


def _add_mentioned(
    found: dict[ast.stmt, ast.stmt | None], template: ast.ClassDef, known: set[str]
) -> None:
    """Add what the members mention of their own class, such as the fixtures that they ask for."""
    todo = list(found)
    for member in todo:
        mentioned = {getattr(part, "arg", getattr(part, "id", "")) for part in ast.walk(member)}
        mentioned |= {part.attr for part in ast.walk(member) if isinstance(part, ast.Attribute)}
        for other in template.body:
            if other not in found and not (mentioned - known).isdisjoint(stated(other)):
                found[other] = None
                todo.append(other)


class Body:
    """The body of a class, and the edits that complete it."""

    def __init__(self, source: Source, owner: ast.ClassDef) -> None:
        self.source, self.owner = source, owner
        first = owner.body[0]
        line = source.lines[first_line(first)].encode()
        self.header = line[: first.col_offset].decode()
        self.rest = line[first.col_offset :].decode().rstrip()
        self.is_inline = bool(self.header.strip())
        self.indent = INDENT if self.is_inline else self.header
        # What shares no line with other code can be replaced.
        alone = [] if self.is_inline else [node for node in owner.body if self._is_alone(node)]
        self.empty = [node for node in alone if self._says_nothing(node)]
        self.placeholders = [node for node in alone if placeholder_of(node) is not None]
        self.closed = [node for node in owner.body if node not in self.placeholders]

    def fill(
        self, old: ast.stmt, members: Sequence[tuple[ast.stmt, list[str]]]
    ) -> tuple[int, int, list[str]]:
        """Return the edit that replaces a placeholder by members, below its comments."""
        start, end = first_line(old), old.end_lineno or old.lineno
        new = [self.indent + comment for comment in comments_in(self.source.lines[start:end])]
        return start, end, new + self._spaced(members, None)

    def insert(
        self, members: Sequence[tuple[ast.stmt, list[str]]]
    ) -> Iterator[tuple[int, int, list[str]]]:
        """Yield the edits that insert members below the facts, or at the end of the class."""
        for node in self.empty:
            yield first_line(node), node.end_lineno or node.lineno, []
        if self.is_inline:
            rest = [] if self._says_nothing(self.owner.body[0]) else [self.indent + self.rest]
            at = first_line(self.owner.body[0])
            yield at, at + 1, [self.header.rstrip(), *rest]
        body = [node for node in self.owner.body if node not in self.empty]
        others = (at for at, node in enumerate(body) if not is_fact(node))
        facts = next(others, 0) or len(body)
        above = body[facts - 1 : facts]
        is_last = facts == len(body)
        at = self.source.end(self.owner) if is_last else above[0].end_lineno or 0
        yield at, at, self._spaced(members, next(iter(above), None))

    def _spaced(
        self, members: Sequence[tuple[ast.stmt, list[str]]], previous: ast.stmt | None
    ) -> list[str]:
        """Return the lines of members below another one: facts together, others set apart."""
        lines: list[str] = []
        for member, code in members:
            facts = (
                previous and is_fact(member) and is_fact(previous) and not is_docstring(previous)
            )
            lines += [""] if previous and not facts else []
            lines += [self._indented(line) for line in code]
            previous = member
        return lines

    def _indented(self, line: str) -> str:
        return self.indent + line.removeprefix(INDENT) if line.startswith(INDENT) else line

    def _is_alone(self, node: ast.stmt) -> bool:
        lines = {node.lineno, node.end_lineno}
        others = (other for other in self.owner.body if other is not node)
        return all(lines.isdisjoint({other.lineno, other.end_lineno}) for other in others)

    def _says_nothing(self, node: ast.stmt) -> bool:
        """Return whether a member is `pass` or `...`, without a comment."""
        is_dots = isinstance(node, ast.Expr) and getattr(node.value, "value", None) is ...
        is_empty = isinstance(node, ast.Pass) or is_dots
        return is_empty and "#" not in self.source.lines[node.lineno - 1]
