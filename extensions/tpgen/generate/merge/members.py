"""The members that a class lacks, and their places in it."""

from collections.abc import Mapping, Sequence
from textwrap import dedent

import libcst as cst

from .statements import (
    STATES,
    Statement,
    body_of,
    is_line,
    led,
    names_of,
    placeholder_of,
    spaced,
    walk,
)

# In the placeholders of a component that is not built.
BUILD = "# build "


def lacking_members(
    lineage: Sequence[cst.ClassDef],
    template: cst.ClassDef,
    required: Mapping[str, frozenset[str]],
) -> list[tuple[Statement, Statement | None]]:
    """The members to add to a class, each with the placeholder that it replaces."""
    own = body_of(lineage[0])
    inherited = [member for base in lineage[1:] for member in body_of(base)]
    stating = [*inherited, *(member for member in own if placeholder_of(member) is None)]
    filled = {name for member in stating for name in names_of(member)}
    placeholders = {
        name: member
        for member in own
        if placeholder_of(member) is not None
        for name in names_of(member)
    }
    found: dict[int, Statement | None] = {}
    for member in body_of(template):
        names = set(names_of(member))
        facts = [{fact, *others} for fact, others in required.items()]
        enough = {name for fact in facts if names & fact for name in fact}
        old = next((placeholders[name] for name in sorted(enough & placeholders.keys())), None)
        if enough and not enough & filled and not (old and placeholder_of(member) is not None):
            found[id(member)] = old
    if any(old and BUILD in (placeholder_of(old) or "") for old in found.values()):
        # The class is older than what it is about: it can't have said what was not known then.
        said = filled | placeholders.keys()
        for member in body_of(template):
            if id(member) not in found and names_of(member) and not said & set(names_of(member)):
                found[id(member)] = None
    _add_mentioned(found, template, filled | placeholders.keys())
    left = {id(one) for one in body_of(template)} - found.keys()
    rest = _left_open(template, left, required, filled | placeholders.keys())
    return [(one, found[id(one)]) for one in body_of(template) if id(one) in found] + rest


def _left_open(
    template: cst.ClassDef, left: set[int], required: Mapping[str, frozenset[str]], stated: set[str]
) -> list[tuple[Statement, Statement | None]]:
    """Return a placeholder for each missing fact of those that one rendered placeholder covers."""
    return [
        (cst.parse_statement(f"{line.partition('=')[0].strip()} = placeholder({line!r})"), None)
        for member in body_of(template)
        if id(member) in left
        for line in dedent(placeholder_of(member) or "").strip().splitlines()
        if (states := STATES.match(line)) and (name := states[2])
        if name in required and not {name, *required[name]} & stated
    ]


def _add_mentioned(
    found: dict[int, Statement | None], template: cst.ClassDef, stated: set[str]
) -> None:
    """Add what the members mention of their own class, such as the fixtures that they ask for."""
    members = body_of(template)
    todo = [member for member in members if id(member) in found]
    for one in todo:
        mentioned = {node.value for node in walk(one) if isinstance(node, cst.Name)} - stated
        for member in members:
            if id(member) not in found and mentioned.intersection(names_of(member)):
                found[id(member)] = None
                todo.append(member)


def with_members(
    found: cst.ClassDef, lacking: Sequence[tuple[Statement, Statement | None]]
) -> cst.ClassDef:
    """The class with its members: instead of placeholders, after the facts, or at its end."""
    body: list[Statement] = []
    for node in [one for one in body_of(found) if not says_nothing(one)]:
        fillers = [member for member, old in lacking if old is node]
        body += _in_place(node, fillers) if fillers else [node]
    new = [member for member, old in lacking if old is None]
    block = found.body if isinstance(found.body, cst.IndentedBlock) else cst.IndentedBlock([])
    at = next((at for at, one in enumerate(body) if not is_line(one)), len(body))
    at = at or len(body)
    start = at
    for member in new:
        body.insert(at, spaced(member, body[at - 1]) if at else member)
        at += 1
    if new and at == len(body):
        body[start] = led(body[start], block.footer)
        block = block.with_changes(footer=())
    return found.with_changes(body=block.with_changes(body=body))


def says_nothing(node: Statement) -> bool:
    """Whether it is a lone `pass` or `...`, without a comment."""
    if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
        return False
    if any(isinstance(part, cst.Comment) for part in walk(node)):
        return False
    part = node.body[0]
    return isinstance(part, cst.Pass) or (
        isinstance(part, cst.Expr) and isinstance(part.value, cst.Ellipsis)
    )


def _in_place(old: Statement, members: Sequence[Statement]) -> list[Statement]:
    """Return the members that replace a placeholder, below its comments."""
    above = list(old.leading_lines)
    inside = [node for node in walk(old) if isinstance(node, cst.Comment)]
    inside = [one for one in inside if all(one is not line.comment for line in above)]
    above += [cst.EmptyLine(comment=one) for one in inside]
    body: list[Statement] = [members[0].with_changes(leading_lines=above)]
    for member in members[1:]:
        body.append(spaced(member, body[-1]))
    return body
