"""Adds to a person's test module what it lacks of a rendered one, and takes nothing away."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from tpgen.core.errors import Misuse
from tpgen.source.comments import CASES, HEADER
from tpgen.source.suites import Suite

from .bindings import Source
from .imports import imported_names, insert, place_of
from .members import BUILD, lacking_members, says_nothing, with_members
from .parsing import decode, encode, keep_lines, parse
from .statements import (
    BLANK_LINE,
    Statement,
    Test,
    bare_code,
    body_of,
    is_line,
    last_name,
    led,
    names_of,
    placeholder_of,
    set_apart,
    walk,
)

Identity = Callable[[cst.Module, cst.ClassDef], Hashable | None]


@dataclass(frozen=True)
class Merged:
    """A person's module with what it lacked.

    Attributes:
        text: the whole file.
        added: the classes and members that were added; none where nothing lacked.
    """

    text: bytes
    added: tuple[str, ...]


def name_of_tests(module: cst.Module, found: cst.ClassDef) -> str | None:
    """The identity of a class where nothing better is known: its name, if it holds tests."""
    return found.name.value if found.name.value.startswith("Test") else None


def merge(
    mine: bytes,
    rendered: str,
    suite: Suite,
    identity: Identity = name_of_tests,
    path: Path = Path("the test module"),
) -> Merged:
    """Add to a module what it lacks of a rendered one: classes, required members, cases, tests.

    Args:
        mine: the person's file.
        rendered: the module that a skeleton gives for one component.
        suite: what the rendered classes inherit.
        identity: what tells which component a class is about; None for a helper. A class for
            tests for which it gives None is known by its name.
        path: where the file lies, for the errors.

    Raises:
        Misuse: the file can't be read as Python, or uses a name that is needed for another thing.
    """
    text, encoding = decode(mine, path)
    yours = Source(parse(text, path), path, suite.code)
    ours = Source(cst.parse_module(rendered), path)
    addition = _Addition(yours, ours)
    for node in ours.module.body:
        if isinstance(node, cst.ClassDef):
            addition.consider(node, suite, identity)
        elif isinstance(node, cst.FunctionDef) and node.name.value.startswith("test"):
            addition.consider_function(node)
    if not addition.added:
        return Merged(mine, ())
    after = addition.module().code
    parse(after, path)
    keep_lines(text, after, addition.replaced, path)
    return Merged(encode(after, encoding, path), tuple(addition.added))


class _Addition:
    """What is to be added to a module, and the module with it."""

    def __init__(self, yours: Source, ours: Source) -> None:
        self.yours, self.ours = yours, ours
        self.added: list[str] = []
        self.replaced: list[str] = []
        self._changed: dict[int, tuple[Statement, Sequence[Statement]]] = {}
        self._appended: list[tuple[Test, Test]] = []

    def consider(self, template: cst.ClassDef, suite: Suite, identity: Identity) -> None:
        """Add of a rendered class what the module lacks."""
        wanted = identity(self.ours.module, template)
        if wanted is None and name_of_tests(self.ours.module, template) is None:
            return
        matches = [
            one
            for one in self.yours.classes.values()
            if self._is_beside(template, one)
            or _same(wanted, identity(self.yours.module, one), template, one)
        ]
        if wanted == template.name.value:
            matches = matches or self._renamed(template)
        subclasses = [one for one in matches if self._inherits(template, one)]
        untouched = [one for one in matches if _is_untouched(one, template)]
        if untouched and not _is_same(untouched[0], template):
            self._replace(untouched[0], template)
        elif subclasses:
            self._complete(subclasses[0], template, suite)
        elif not matches:
            self._append(template, template.name.value)
        elif not any(suite.accepted & self.yours.base_names(one) for one in matches):
            self._append(template, f"{template.name.value}Required")

    def consider_function(self, template: cst.FunctionDef) -> None:
        """Add a rendered test that is a plain function, unless one of its name is there."""
        name = template.name.value
        nodes = (node for node in walk(self.yours.module) if isinstance(node, cst.FunctionDef))
        if name not in {node.name.value for node in nodes}:
            self._append(template, name)

    def _inherits(self, template: cst.ClassDef, one: cst.ClassDef) -> bool:
        """Return whether a class inherits what the rendered one does."""
        bases = {last_name(arg.value) for arg in template.bases}
        return bool(bases & self.yours.base_names(one))

    def _renamed(self, template: cst.ClassDef) -> list[cst.ClassDef]:
        """The classes of another name that inherit the suite and speak of the component."""
        name = template.name.value.removeprefix("Test")
        used = self.ours.uses(template)
        subjects = {one for one in used & self.ours.bound.keys() if name.startswith(one)}
        tests = [one for one in self.yours.classes.values() if one.name.value.startswith("Test")]
        return [
            one
            for one in tests
            if any(_mentions(base, subjects) for base in self.yours.lineage(one))
            and self._inherits(template, one)
        ]

    def _is_beside(self, template: cst.ClassDef, one: cst.ClassDef) -> bool:
        """Return whether a class was added because a person's class has no suite."""
        return one.name.value == f"{template.name.value}Required" and self._inherits(template, one)

    def _append(self, template: Test, name: str) -> None:
        free, number = name, 1
        while free in self.yours.bound or free in self.added:
            if free not in self.yours.classes and free not in self.added:
                raise Misuse(
                    f"{self.yours.path} uses the name {free} for something that is no test, and "
                    "the tests to add need it: rename yours"
                )
            number += 1
            free = f"{name}{number}"
        self._appended.append((template, template.with_changes(name=cst.Name(free))))
        self.added.append(free)

    def _complete(self, found: cst.ClassDef, template: cst.ClassDef, suite: Suite) -> None:
        lacking = lacking_members(self.yours.lineage(found), template, suite.required)
        if not lacking:
            return
        replaced = {id(old): old for _, old in lacking if old}
        code = self.yours.module.code_for_node
        self.replaced += [code(old) for old in replaced.values()]
        self.replaced += [code(one) for one in body_of(found) if says_nothing(one)]
        if isinstance(found.body, cst.SimpleStatementSuite):
            self.replaced.append(code(found))
        name = found.name.value
        members = [member for member, _ in lacking]
        self._changed[id(found)] = (with_members(found, lacking), members)
        self.added += [f"{name}.{names_of(member)[0]}" for member in members]

    def _replace(self, found: cst.ClassDef, template: cst.ClassDef) -> None:
        """Write a class again that consists of placeholders, under the name that it has."""
        written = template.with_changes(name=found.name, leading_lines=found.leading_lines)
        self.replaced.append(self.yours.module.code_for_node(found))
        self._changed[id(found)] = (written, [template])
        self.added.append(found.name.value)

    def module(self) -> cst.Module:
        """The module with all that was added."""
        body: list[Statement] = []
        given: set[str] = set()
        for node in self.yours.module.body:
            changed, members = self._changed.get(id(node), (node, ()))
            helpers = self._helpers(members, given)
            lead = node.leading_lines[:1] if helpers else ()
            crowded = helpers and not (lead and lead[0].comment is None)
            body += [*helpers, led(changed, 2 * [BLANK_LINE]) if crowded else changed]
        footer = self.yours.module.footer
        tail: list[Statement] = []
        for template, added in self._appended:
            tail += [*self._helpers([template], given), set_apart(added, 2)]
        if tail:
            body, footer = [*body, led(tail[0], footer), *tail[1:]], ()
        imports = self._imports(given)
        return self.yours.module.with_changes(body=self._import(imports, body), footer=footer)

    def _helpers(self, nodes: Sequence[Statement], given: set[str]) -> list[Statement]:
        """The helpers that these use and that are not there yet, in rendered order."""
        fresh = self._needed(nodes) - given
        given |= fresh
        for name in sorted(fresh & self.yours.bound.keys()):
            self._refuse_another_constant(name)
        appended = [template for template, _ in self._appended]
        return [
            set_apart(node, 2)
            for node in self.ours.module.body
            if fresh.intersection(names_of(node)) - self.yours.bound.keys() and node not in appended
        ]

    def _needed(self, nodes: Sequence[Statement]) -> set[str]:
        """The names that these use, themselves or through helpers."""
        needed: set[str] = set()
        todo = list(nodes)
        for node in todo:
            stated = (
                {"placeholder"} if is_line(node) and placeholder_of(node) is not None else set()
            )
            fresh = (self.ours.uses(node) | stated) - needed
            needed |= fresh
            for name in sorted(fresh - self.yours.bound.keys()):
                todo += self._helper(name)
        return needed

    def _helper(self, name: str) -> list[Statement]:
        return [node for node in self.ours.module.body if name in names_of(node)]

    def _refuse_another_constant(self, name: str) -> None:
        for node in self._helper(name):
            same = [yours for yours in self.yours.module.body if name in names_of(yours)]
            code = {bare_code(one) for one in same}
            if isinstance(node, cst.SimpleStatementLine) and code != {bare_code(node)}:
                raise Misuse(
                    f"{self.yours.path} gives {name} another value than the tests to add need, "
                    f"`{bare_code(node)}`: rename yours"
                )

    def _imports(self, used: set[str]) -> list[cst.Import | cst.ImportFrom]:
        """Imports of the names that are used and not bound yet, a statement for each."""
        wanted = []
        for statement, alias in imported_names(self.ours.module):
            name = alias.evaluated_alias or alias.evaluated_name
            if name in used and not self._has(name):
                names = [alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)]
                bare = {} if isinstance(statement, cst.Import) else {"lpar": None, "rpar": None}
                wanted.append(statement.with_changes(names=names, **bare))
        return wanted

    def _has(self, name: str) -> bool:
        """Whether the person's module binds a name to the same thing as the rendered one."""
        if name not in self.yours.bound:
            return False
        origin, bound = min(self.ours.bound[name]), self.yours.bound[name]
        # A relative import is taken for the same where it ends alike.
        relative = [one.lstrip(".") for one in bound if one.startswith(".")]
        if origin in bound or any(f".{origin}".endswith(f".{one}") for one in relative):
            return True
        other = "something of its own" if name in bound else min(bound)
        raise Misuse(
            f"{self.yours.path} uses the name {name} for {other}, and the tests to add need it "
            f"for {origin}: rename yours"
        )

    def _import(
        self, imports: Iterable[cst.Import | cst.ImportFrom], body: Sequence[Statement]
    ) -> list[Statement]:
        body = list(body)
        for wanted in imports:
            at, extended = place_of(body, wanted)
            if extended:
                self.replaced.append(self.yours.module.code_for_node(body[at]))
                body[at] = extended
            else:
                insert(body, at, wanted)
        return body


def _is_untouched(found: cst.ClassDef, template: cst.ClassDef) -> bool:
    """Return whether a class of what was not built has placeholders, and nothing of a person's."""
    given = {_code(member) for member in body_of(template)}
    open_members = [one for one in body_of(found) if _code(one) not in given]
    comments = (node.value for node in walk(found.body) if isinstance(node, cst.Comment))
    return (
        all(placeholder_of(one) is not None for one in open_members)
        and any(BUILD in (placeholder_of(one) or "") for one in body_of(found))
        and all(HEADER.fullmatch(text) or CASES.fullmatch(text) for text in comments)
    )


def _is_same(found: cst.ClassDef, template: cst.ClassDef) -> bool:
    """Return whether two classes have the same bases and members."""
    pairs = [[last_name(arg.value) for arg in one.bases] for one in (found, template)]
    members = [[_code(member) for member in body_of(one)] for one in (found, template)]
    return pairs[0] == pairs[1] and members[0] == members[1]


def _code(node: Statement) -> str:
    """Return the code of a member, without the comments above it."""
    return cst.Module([node.with_changes(leading_lines=())]).code.strip()


def _same(wanted: Hashable, theirs: Hashable, template: cst.ClassDef, one: cst.ClassDef) -> bool:
    if wanted is None or theirs is None:
        return template.name.value == one.name.value
    return wanted == theirs


def _mentions(node: cst.CSTNode, names: set[str]) -> bool:
    return any(isinstance(part, cst.Name) and part.value in names for part in walk(node))
