"""The members of a test class: which values they state, and which ones are missing."""

import ast
import re
from collections.abc import Collection, Mapping, Sequence

from tpgen.source.suites import PLACEHOLDERS
from tpgen.source.trees import Function, last_name, names

# In the placeholders of a component that is not built.
BUILD = "# build "
# What a line of code states, in the text of a placeholder.
STATES = re.compile(r"^ *((?:(?:async )?def (\w+)|(\w+) *(?::[^=\n]+)?=(?!=)).*)", re.MULTILINE)


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


def stated(member: ast.stmt) -> list[str]:
    """Return the names that a member of a class gives a value, and those of its placeholder."""
    is_named = isinstance(member, ast.ClassDef | Function)
    # An `if` states what is below it.
    parts = [member] if is_named else ast.walk(member)
    found = [name for part in parts if isinstance(part, ast.stmt) for name in names(part)]
    return [*found, *_lines(member)]


def missing(
    owner: ast.ClassDef,
    inherited: Sequence[ast.stmt],
    template: ast.ClassDef,
    required: Mapping[str, frozenset[str]],
) -> tuple[dict[ast.stmt, ast.stmt | None], list[str]]:
    """Return the rendered members to add to a class, each with the placeholder that it replaces.

    The second value holds lines with placeholders, for names that one rendered placeholder covers
    with others.

    Args:
        inherited: the members of the bases.
        required: each name that must have a value, and the names that may have one instead.
    """
    replaceable = [member for member in owner.body if placeholder_of(member) is not None]
    still_open = {name: member for member in replaceable for name in stated(member)}
    closed = [*inherited, *(member for member in owner.body if member not in replaceable)]
    filled = {name for member in closed for name in stated(member)}
    known = filled | still_open.keys()
    groups = [{fact, *others} for fact, others in required.items()]
    found: dict[ast.stmt, ast.stmt | None] = {}
    for member in template.body:
        enough = set().union(*(group for group in groups if group & set(stated(member))))
        old = next((still_open[name] for name in sorted(enough & still_open.keys())), None)
        is_news = old is None or placeholder_of(member) is None
        if enough and not enough & filled and is_news:
            found[member] = old
    # A class that is older than its component can't have stated what was not known then.
    is_older = any(old and BUILD in (placeholder_of(old) or "") for old in found.values())
    optional = [each for each in template.body if stated(each) and not known & set(stated(each))]
    waiting = list(found)
    for member in waiting:
        for other in optional:
            if other not in found and (is_older or _mentions(member, stated(other))):
                found[other] = None
                waiting.append(other)
    lines = [
        f"{name} = placeholder({line!r})"
        for member in template.body
        if member not in found
        for name, line in _lines(member).items()
        if name in required and not {name, *required[name]} & known
    ]
    return {member: found[member] for member in template.body if member in found}, lines


def _mentions(member: ast.stmt, names: Collection[str]) -> bool:
    """Return whether a member uses an attribute or fixture of its own class."""
    parts = [vars(part) for part in ast.walk(member)]
    return any(part.get(key) in names for part in parts for key in ("arg", "id", "attr"))


def _lines(member: ast.stmt) -> dict[str, str]:
    """Return the lines of code in the text of a placeholder, by the names that they state."""
    matches = STATES.finditer(placeholder_of(member) or "")
    return {match[2] or match[3]: match[1] for match in matches}
