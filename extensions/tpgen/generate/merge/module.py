"""Add to a test module what it is missing, compared with a rendered one.

The module changes by whole lines: new ones are inserted, and only those of placeholders and of a
class that holds nothing but placeholders are replaced.
"""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.source.code import Definition
from tpgen.source.comments import CASES, HEADER, is_suite
from tpgen.source.suites import Suite
from tpgen.source.trees import Function, base_names, names

from .lines import Edit, Source, comments_in, first_line
from .members import BUILD, is_docstring, missing, placeholder_of, stated

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]
Test = ast.ClassDef | Function


def name_of_tests(_module: ast.Module, owner: ast.ClassDef) -> str | None:
    """Return the name of a class that holds tests: its identity, if nothing better is known."""
    return owner.name if owner.name.startswith("Test") else None


def merge(
    mine: str,
    rendered: str,
    suite: Suite,
    identity: Identity = name_of_tests,
    path: Path = Path("test_module.py"),
) -> tuple[str, tuple[str, ...]]:
    """Add to a module what a rendered one has: tests, and required members of their classes.

    Args:
        mine: the file of a person.
        rendered: the module that a skeleton gives for one component.
        suite: what the rendered classes inherit.
        identity: returns which component a test class is about; its name counts, if it is None.
        path: of the file, relative to the service.

    Returns:
        the whole file, and the names of the classes and members that were added.

    Raises:
        UserError: the file can't be read as Python, or a person must edit it first.
    """
    yours, ours = (Source(text, path, suite.code) for text in (mine, rendered))
    merger = _Merger(yours, ours, suite, identity)
    members = [node for node in ours.tree.body if isinstance(node, Test)]
    # A module of factories has no tests.
    tests = [node for node in members if node.name.lower().startswith("test")]
    for node in tests or ours.classes:
        merger.add(node)
    if not merger.added:
        return mine, ()
    after = merger.text()
    try:
        ast.parse(after)
    except SyntaxError as error:
        raise AssertionError(f"{path} would be broken, so nothing was written: {error}") from error
    return after, tuple(merger.added)


class _Merger:
    """Collects what a module is missing, as edits of its lines."""

    def __init__(self, yours: Source, ours: Source, suite: Suite, identity: Identity) -> None:
        self.yours, self.ours, self.suite, self.identity = yours, ours, suite, identity
        self.added: list[str] = []
        self._edits: list[Edit] = []
        self._appended: list[Test] = []
        self._nodes: list[ast.stmt] = []

    def add(self, template: Test) -> None:
        """Add a rendered class or function, or what the module is missing of it."""
        older = None
        if isinstance(template, Function):
            nodes = (node for node in ast.walk(self.yours.tree) if isinstance(node, Function))
            if template.name in {node.name for node in nodes}:
                return
        elif template.name.startswith("Test") and (owners := self._about_the_same(template)):
            untouched = (owner for owner in owners if self._is_untouched(owner, template))
            older = next(untouched, None)
            if older is None:
                self._extend(owners, template)
                return
        if template.name in self.yours.bound and not (older and older.name == template.name):
            raise self._clash(template.name, "the tests to add")
        if older:
            place = first_line(older), self.yours.end(older)
            self._edits.append((*place, self.ours.code_of(template)))
        else:
            self._appended.append(template)
        self.added.append(template.name)
        self._nodes.append(template)

    def text(self) -> str:
        """Return the text with all that was added."""
        end = len(self.yours.lines)
        tail = [
            line for template in self._appended for line in ("", "", *self.ours.code_of(template))
        ]
        return self.yours.replace([(end, end, tail), *self._edits, self._top()])

    def _about_the_same(self, template: ast.ClassDef) -> list[ast.ClassDef]:
        """Return the classes about the component of the rendered one."""
        wanted = self.identity(self.ours.tree, template)
        found = []
        for owner in self.yours.classes:
            theirs = self.identity(self.yours.tree, owner)
            is_known = wanted is not None and theirs is not None
            if (theirs == wanted) if is_known else (owner.name == template.name):
                found.append(owner)
        if found or wanted != template.name:
            return found
        # The file is about one component, so its class of this suite was renamed.
        tests = (owner for owner in self.yours.classes if owner.name.startswith("Test"))
        return [owner for owner in tests if self._inherits(owner, frozenset(base_names(template)))]

    def _inherits(self, owner: ast.ClassDef, suites: frozenset[str]) -> bool:
        return not suites.isdisjoint(self.yours.base_names(owner))

    def _extend(self, owners: list[ast.ClassDef], template: ast.ClassDef) -> None:
        """Add what one of the classes about a component is missing."""
        suites = frozenset(base_names(template))
        heirs = [owner for owner in owners if self._inherits(owner, suites)]
        if heirs:
            self._complete(heirs[0], template)
        elif suites and not any(self._inherits(owner, self.suite.accepted) for owner in owners):
            suite = " and ".join(self.ours.bound.get(name, name) for name in sorted(suites))
            raise UserError(
                f"{self.yours.path}:{owners[0].lineno}: {owners[0].name} does not inherit from "
                f"{suite}: add this base, or rename the class, and run the command again"
            )

    def _is_untouched(self, owner: ast.ClassDef, template: ast.ClassDef) -> bool:
        """Return whether a class of what was not built holds placeholders, and no own line."""
        given = {ast.dump(member) for member in template.body}
        others = [placeholder_of(part) for part in owner.body if ast.dump(part) not in given]
        comments = comments_in(self.yours.lines[first_line(owner) : self.yours.end(owner)])
        return (
            None not in others
            and any(BUILD in text for text in others if text)
            and all(HEADER.fullmatch(line) or CASES.fullmatch(line) for line in comments)
        )

    def _complete(self, owner: ast.ClassDef, template: ast.ClassDef) -> None:
        """Add the missing members to a class: instead of placeholders, or at its end."""
        lineage = self.yours.code.lineage(Definition(self.yours.module, owner))
        bases = [base.node for base in lineage[1:] if not is_suite(base)]
        inherited = [member for base in bases for member in getattr(base, "body", [])]
        found, lines = missing(owner, inherited, template, self.suite.required)
        made = [ast.parse(line).body[0] for line in lines]
        if not found and not made:
            return
        indent = self._indentation(owner, template)
        for old in dict.fromkeys(filter(None, found.values())):
            start, end = first_line(old), old.end_lineno or old.lineno
            kept = [indent + comment for comment in comments_in(self.yours.lines[start:end])]
            # The comments above the placeholder are there already.
            members = [member for member in template.body if found.get(member) is old]
            codes = [(member, self.ours.code_of(member, comments=False)) for member in members]
            self._edits.append((start, end, [*kept, *_spaced(codes)]))
        members = [member for member in template.body if member in found and not found[member]]
        codes = [(member, self.ours.code_of(member)) for member in members]
        codes += [(member, [indent + line]) for member, line in zip(made, lines, strict=True)]
        end = self.yours.end(owner)
        self._edits.append((end, end, list(_spaced(codes, owner.body[-1]))))
        self._nodes += [*found, *made]
        self.added += [f"{owner.name}.{stated(member)[0]}" for member in [*found, *made]]

    def _indentation(self, owner: ast.ClassDef, template: ast.ClassDef) -> str:
        """Return what is in front of each member of two classes."""
        starts = {
            source.lines[first_line(member)].encode()[: member.col_offset].decode()
            for source, cls in ((self.ours, template), (self.yours, owner))
            for member in cls.body
        }
        if len(starts) == 1:
            return starts.pop()
        raise UserError(
            f"{self.yours.path}:{owner.lineno}: {owner.name} is missing values, and its lines are "
            f"not laid out as by ruff: run `ruff format {self.yours.path}`, then this command again"
        )

    def _top(self) -> Edit:
        """Return the edit that adds imports and helpers, below the imports."""
        needed = self._needed()
        lines = []
        for node in self.ours.imports:
            aliases = [alias for alias in node.names if self._must_import(alias, needed)]
            if aliases:
                lines.append(ast.unparse(type(node)(**{**vars(node), "names": aliases})))
        helpers = needed - self.yours.bound.keys() - {test.name for test in self._appended}
        for helper in self.ours.tree.body:
            if not helpers.isdisjoint(names(helper)):
                lines += ["", "", *self.ours.code_of(helper)]
        body = self.yours.tree.body
        tests = (at for at, node in enumerate(body) if isinstance(node, Test))
        top = body[: next(tests, None)]
        above = [node for node in top if node in self.yours.imports or is_docstring(node)]
        if above:
            at = above[-1].end_lineno or 0
        else:
            # Below the comments at the top, such as a licence.
            at = first_line(body[0]) if body else len(self.yours.lines)
        return at, at, lines

    def _needed(self) -> set[str]:
        """Return the names that the added code uses, itself or through helpers to add."""
        needed: set[str] = set()
        waiting = [*self._nodes]
        for node in waiting:
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            fresh = (used & self.ours.bound.keys()) - needed
            needed |= fresh
            helpers = fresh - self.yours.bound.keys()
            waiting += [each for each in self.ours.tree.body if helpers & set(names(each))]
        return needed

    def _must_import(self, alias: ast.alias, needed: set[str]) -> bool:
        """Return whether an import is used, and the module does not bind the name to the same."""
        name = alias.asname or alias.name.partition(".")[0]
        if name not in needed or name not in self.yours.bound:
            return name in needed
        if self.ours.bound[name] == self.yours.bound[name]:
            return False
        raise self._clash(name, self.ours.bound[name])

    def _clash(self, name: str, meaning: str) -> UserError:
        return UserError(
            f"{self.yours.path} uses the name {name} for something else than {meaning}: rename "
            "yours, and run the command again"
        )


def _spaced(
    members: Iterable[tuple[ast.stmt, list[str]]], previous: ast.stmt | None = None
) -> Iterator[str]:
    """Yield the lines of members below another one: values together, others set apart."""
    for member, code in members:
        values = [isinstance(each, ast.Assign | ast.AnnAssign) for each in (previous, member)]
        if previous and not all(values):
            yield ""
        yield from code
        previous = member
