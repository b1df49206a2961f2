"""Add to a test module what it is missing, compared with a rendered one.

The module changes by whole lines: new ones are inserted, and only those of placeholders, of a lone
`pass` and of a class that holds nothing but placeholders are replaced.
"""

import ast
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.source.comments import CASES, HEADER
from tpgen.source.suites import Suite
from tpgen.source.trees import Function, last_name, names, unsubscripted

from .lines import Source, Test, comments_in, decode, encode, first_line
from .members import BUILD, INDENT, Body, is_docstring, missing_members, placeholder_of, stated

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]


@dataclass(frozen=True)
class Merged:
    """A module with what it was missing.

    Attributes:
        text: the whole file.
        added: the classes and members that were added; empty if nothing was missing.
    """

    text: bytes
    added: tuple[str, ...]


def name_of_tests(_module: ast.Module, owner: ast.ClassDef) -> str | None:
    """Return the name of a class that holds tests: its identity, if nothing better is known."""
    return owner.name if owner.name.startswith("Test") else None


def merge(
    mine: bytes,
    rendered: str,
    suite: Suite,
    identity: Identity = name_of_tests,
    path: Path = Path("test_module.py"),
) -> Merged:
    """Add to a module what a rendered one has: classes, required members and tests.

    Args:
        mine: the file of a person.
        rendered: the module that a skeleton gives for one component.
        suite: what the rendered classes inherit.
        identity: returns which component a class is about; None for a helper. A test class for
            which it returns None is known by its name.
        path: of the file, relative to the service.

    Raises:
        UserError: the file can't be read as Python, or uses a needed name for another thing.
    """
    text, encoding = decode(mine, path)
    merger = _Merger(
        Source(mine, text, path, suite.code),
        Source(rendered.encode(), rendered, path, suite.code),
        suite,
        identity,
    )
    for node in merger.ours.tree.body:
        if isinstance(node, ast.ClassDef):
            merger.merge_class(node)
        elif isinstance(node, Function) and node.name.startswith("test"):
            merger.merge_function(node)
    if not merger.added:
        return Merged(mine, ())
    after = merger.text()
    try:
        ast.parse(after)
    except SyntaxError as error:
        raise AssertionError(f"{path} would be broken, so nothing was written: {error}") from error
    return Merged(encode(after, encoding, path), tuple(merger.added))


class _Merger:
    """Collects what a module is missing, as edits of its lines."""

    def __init__(self, yours: Source, ours: Source, suite: Suite, identity: Identity) -> None:
        self.yours, self.ours, self.suite, self.identity = yours, ours, suite, identity
        self.added: list[str] = []
        self._edits: list[tuple[int, int, list[str]]] = []
        self._appended: list[tuple[Test, str]] = []
        self._used: set[str] = set()

    def merge_class(self, template: ast.ClassDef) -> None:
        """Add what the module is missing of a rendered class."""
        wanted = self.identity(self.ours.tree, template)
        if wanted is None and name_of_tests(self.ours.tree, template) is None:
            return
        matches = [owner for owner in self.yours.classes if self._matches(template, wanted, owner)]
        if wanted == template.name:
            matches = matches or self._renamed(template)
        subclasses = [owner for owner in matches if self._inherits(template, owner)]
        untouched = [owner for owner in matches if self._is_untouched(owner, template)]
        if untouched and not _is_same(untouched[0], template):
            self._replace(untouched[0], template)
        elif subclasses:
            self._complete(subclasses[0], template)
        elif not matches:
            self._append(template, template.name)
        elif not any(self.suite.accepted & self.yours.base_names(owner) for owner in matches):
            self._append(template, f"{template.name}Required")

    def merge_function(self, template: Function) -> None:
        """Add a rendered test function, unless there is one of its name."""
        nodes = (node for node in ast.walk(self.yours.tree) if isinstance(node, Function))
        if template.name not in {node.name for node in nodes}:
            self._append(template, template.name)

    def text(self) -> str:
        """Return the text with all that was added."""
        end = len(self.yours.lines)
        tail: list[str] = []
        for template, name in self._appended:
            tail += [*self._helpers([template]), "", "", *self.ours.code_of(template, name=name)]
        return self.yours.replace([(end, end, tail), *self._edits, self._imports()])

    def _matches(self, template: ast.ClassDef, wanted: Hashable, owner: ast.ClassDef) -> bool:
        """Return whether a class is about the component of the rendered one."""
        # This name was given to a class that was added beside one without a suite.
        if owner.name == f"{template.name}Required" and self._inherits(template, owner):
            return True
        theirs = self.identity(self.yours.tree, owner)
        if wanted is None or theirs is None:
            return template.name == owner.name
        return wanted == theirs

    def _inherits(self, template: ast.ClassDef, owner: ast.ClassDef) -> bool:
        """Return whether a class inherits what the rendered one does."""
        bases = {last_name(unsubscripted(base)) for base in template.bases}
        return bool(bases & self.yours.base_names(owner))

    def _renamed(self, template: ast.ClassDef) -> list[ast.ClassDef]:
        """Return the test classes of another name that inherit the suite and use the component."""
        name = template.name.removeprefix("Test")
        targets = {used for used in self.ours.uses([template]) if name.startswith(used)}
        return [
            owner
            for owner in self.yours.classes
            if owner.name.startswith("Test") and self._inherits(template, owner)
            if any(_mentions(base.node, targets) for base in self.yours.lineage(owner))
        ]

    def _append(self, template: Test, name: str) -> None:
        free, number = name, 1
        classes = {owner.name for owner in self.yours.classes}
        while free in self.yours.bound or free in self.added:
            if free not in classes and free not in self.added:
                raise UserError(
                    f"{self.yours.path} uses the name {free} for something that is no test, and "
                    "the tests to add need it: rename yours"
                )
            number += 1
            free = f"{name}{number}"
        self._appended.append((template, free))
        self.added.append(free)

    def _is_untouched(self, owner: ast.ClassDef, template: ast.ClassDef) -> bool:
        """Return whether a class of what was not built holds placeholders, and no own line."""
        given = {ast.dump(member) for member in template.body}
        others = [member for member in owner.body if ast.dump(member) not in given]
        lines = self.yours.lines[first_line(owner) : self.yours.end(owner)]
        return (
            all(placeholder_of(member) is not None for member in others)
            and any(BUILD in (placeholder_of(member) or "") for member in owner.body)
            and all(
                HEADER.fullmatch(comment) or CASES.fullmatch(comment)
                for comment in comments_in(lines)
            )
        )

    def _replace(self, owner: ast.ClassDef, template: ast.ClassDef) -> None:
        """Write a class again that consists of placeholders, under the name that it has."""
        code = self.ours.code_of(template, comments=False, name=owner.name)
        self._insert_helpers(owner, [template])
        self._edits.append((first_line(owner), self.yours.end(owner), code))
        self.added.append(owner.name)

    def _complete(self, owner: ast.ClassDef, template: ast.ClassDef) -> None:
        """Add the missing members to a class: instead of placeholders, or below its facts."""
        body = Body(self.yours, owner)
        bases = self.yours.lineage(owner)[1:]
        inherited = [member for base in bases for member in getattr(base.node, "body", [])]
        pairs, placeholders = missing_members(
            [*inherited, *body.closed], body.placeholders, template, self.suite.required
        )
        made = [(ast.parse(line).body[0], [INDENT + line]) for line in placeholders]
        new = [(member, self.ours.code_of(member)) for member, old in pairs if old is None]
        for old in dict.fromkeys(old for _, old in pairs if old):
            fillers = [member for member, place in pairs if place is old]
            # The comments of the placeholder replace those of the first member.
            codes = [
                (member, self.ours.code_of(member, comments=member is not fillers[0]))
                for member in fillers
            ]
            self._edits.append(body.fill(old, codes))
        if new or made:
            self._edits += body.insert([*new, *made])
        members = [*(member for member, _ in pairs), *(member for member, _ in made)]
        if members:
            self._insert_helpers(owner, members)
        self.added += [f"{owner.name}.{stated(member)[0]}" for member in members]

    def _insert_helpers(self, owner: ast.ClassDef, members: Sequence[ast.stmt]) -> None:
        """Insert what some members use above their class."""
        at = self.yours.start(owner)
        if helpers := self._helpers(members)[2:]:
            is_crowded = at > 0 and self.yours.lines[at - 1].strip()
            self._edits.append((at, at, [*(["", ""] if is_crowded else []), *helpers, "", ""]))

    def _helpers(self, nodes: Sequence[ast.stmt]) -> list[str]:
        """Return the code of the helpers that these use and that are not there yet."""
        fresh = self._needed(nodes) - self._used
        self._used |= fresh
        for name in sorted(fresh & self.yours.bound.keys()):
            self._refuse_another_constant(name)
        wanted = fresh - self.yours.bound.keys()
        appended = [template for template, _ in self._appended]
        helpers = (
            node
            for node in self.ours.tree.body
            if not wanted.isdisjoint(names(node)) and node not in appended
        )
        return [line for node in helpers for line in ("", "", *self.ours.code_of(node))]

    def _needed(self, nodes: Iterable[ast.stmt]) -> set[str]:
        """Return the names that these use, themselves or through helpers."""
        needed: set[str] = set()
        todo = list(nodes)
        for node in todo:
            fresh = self.ours.uses([node]) - needed
            needed |= fresh
            for name in sorted(fresh - self.yours.bound.keys()):
                todo += [helper for helper in self.ours.tree.body if name in names(helper)]
        return needed

    def _refuse_another_constant(self, name: str) -> None:
        ours, yours = (source.module.definitions.get(name) for source in (self.ours, self.yours))
        is_constant = isinstance(ours, ast.Assign | ast.AnnAssign)
        if ours and is_constant and (yours is None or ast.dump(yours) != ast.dump(ours)):
            raise UserError(
                f"{self.yours.path} gives {name} another value than the tests to add need, "
                f"`{ast.unparse(ours)}`: rename yours"
            )

    def _imports(self) -> tuple[int, int, list[str]]:
        """Return the edit that imports what is used and not bound yet."""
        lines = []
        for node in self.ours.tree.body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            aliases = [alias for alias in node.names if self._must_import(alias)]
            if aliases:
                lines.append(ast.unparse(type(node)(**{**vars(node), "names": aliases})))
        body = self.yours.tree.body
        tests = (at for at, node in enumerate(body) if isinstance(node, Test))
        top = body[: next(tests, len(body))]
        above = [node for node in top if isinstance(node, ast.Import | ast.ImportFrom)]
        if above:
            at = above[-1].end_lineno or 0
        elif body and is_docstring(body[0]):
            at = body[0].end_lineno or 0
            lines = ["", *lines] if lines else []
        else:
            # Below the comments at the top, such as a licence.
            at = first_line(body[0]) if body else len(self.yours.lines)
        return at, at, lines

    def _must_import(self, alias: ast.alias) -> bool:
        """Return whether an import is used, and the module does not bind the name to the same."""
        name = alias.asname or alias.name.partition(".")[0]
        if name not in self._used or name not in self.yours.bound:
            return name in self._used
        origin, bound = self.ours.bound[name], self.yours.bound[name]
        if origin == bound:
            return False
        other = "something of its own" if name == bound else bound
        raise UserError(
            f"{self.yours.path} uses the name {name} for {other}, and the tests to add need it "
            f"for {origin}: rename yours"
        )


def _is_same(owner: ast.ClassDef, template: ast.ClassDef) -> bool:
    """Return whether two classes have the same bases and members."""
    bases = [[last_name(unsubscripted(base)) for base in cls.bases] for cls in (owner, template)]
    members = [[ast.dump(member) for member in cls.body] for cls in (owner, template)]
    return bases[0] == bases[1] and members[0] == members[1]


def _mentions(node: ast.stmt, targets: set[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in targets for part in ast.walk(node))
