"""Rewrites the old names of a test file to the new ones, and leaves the rest as it is."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tpgen.core.finding import Edit
from tpgen.source.trees import Function, is_fixture

from .file import File
from .moved import Moved

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Place:
    """An old name in a file.

    Attributes:
        node: where it is.
        message: what it is called now.
        edits: what renames it, there and where the file uses it; None if only a person can.
    """

    node: ast.AST
    message: str
    edits: tuple[Edit, ...] | None


@dataclass(frozen=True)
class Name:
    """A name that an import binds, and what it stands for.

    Attributes:
        node: the import.
        local: the name in the file.
        full: what it stands for, as a dotted name.
        is_renamed: whether the import says `as`.
    """

    node: Import
    local: str
    full: str
    is_renamed: bool


@dataclass
class Renaming:
    """Finds the old names of one file.

    Attributes:
        file: a test file.
        moved: the table of its service.
    """

    file: File
    moved: Moved

    def places(self) -> Iterator[Place]:
        """Yield each old name."""
        for node in self._imports:
            if any(self.moved.new(name.full) for name in self._imported(node)):
                yield self._import(node)
        yield from self._attributes()
        yield from self._fixtures()

    def _import(self, node: Import) -> Place:
        statements: list[str] = []
        edits: list[Edit] = []
        new_names = []
        possible = not self._is_odd
        for name in self._imported(node):
            news = self._forms(name)
            keeps = len(news) == 1 and (name.is_renamed or self._must_keep(name, news[0]))
            if len(news) > 1 and any(self._must_keep(name, new) for new in news):
                possible = False
            new_names += [new for new in news if new != name.full]
            for new in news:
                statements.append(_statement(node, new, name.local if keeps else ""))
            if not keeps and isinstance(node, ast.ImportFrom):
                edits += self._uses(name)
        text = self._text(node, list(dict.fromkeys(statements)))
        edits.insert(0, Edit(*self._span(node), text.encode()))
        message = f"{self._old(node)} has moved: use {', '.join(dict.fromkeys(new_names))}"
        return Place(node, message, tuple(edits) if possible else None)

    def _forms(self, name: Name) -> list[str]:
        """The new names of an imported name, of which the file needs both if it uses both."""
        used = {self._is_in_function(node) for node in self._loads[name.local]} or {False}
        news = [self.moved.new(name.full, in_function=form) for form in sorted(used)]
        return list(dict.fromkeys(new or name.full for new in news))

    def _uses(self, name: Name) -> Iterator[Edit]:
        """Rename the uses of an imported name."""
        for node in self._loads[name.local]:
            new = self.moved.new(name.full, in_function=self._is_in_function(node))
            last = (new or name.full).rpartition(".")[2]
            if last != name.local and node not in self._inner:
                yield Edit(*self._span(node), last.encode())

    def _must_keep(self, name: Name, new: str) -> bool:
        """Whether the file needs the name that an import binds, whatever is imported."""
        last = new.rpartition(".")[2]
        if isinstance(name.node, ast.Import) or last == name.local:
            return False
        others = [one.full for one in self._names if one.local == last]
        taken = last in self._loads and not others
        is_other = any(full != new and self.moved.new(full) != new for full in others)
        return bool(self._bound[name.local] - 1 or self._bound[last] - len(others) or taken) or (
            is_other
        )

    def _attributes(self) -> Iterator[Place]:
        """Yield the old names that are attributes of an imported module, each whole."""
        for node in self.file.nodes(ast.Attribute):
            full = self._full(node)
            if full not in self.moved.names or node in self._inner:
                continue
            home = self._home(node)
            new = self.moved.names[full][self._is_in_function(node)]
            text, edits = self._attribute(home, new), None
            if text is not None and not self._is_odd:
                edits = (Edit(*self._span(node), text.encode()), *self._added(new, text, home))
            yield Place(node, f"{full} is {new} now", edits)

    def _attribute(self, home: Name, new: str) -> str | None:
        """What a file calls a new name that it reads from a module; None if that is taken."""
        if isinstance(home.node, ast.Import) and not home.is_renamed:
            return new
        origin = self.moved.new(home.full) or home.full
        if new.startswith(f"{origin}."):
            keeps = home.is_renamed or self._must_keep(home, origin)
            return (home.local if keeps else origin.rpartition(".")[2]) + new[len(origin) :]
        last = new.rpartition(".")[2]
        return None if self._bound[last] or last in self._loads else last

    def _added(self, new: str, text: str, home: Name) -> Iterator[Edit]:
        """Import what is now in another module."""
        origin = self.moved.new(home.full) or home.full
        module, _, last = new.rpartition(".")
        if text == new:
            known = {self.moved.new(one.full) or one.full for one in self._names}
            line = "" if module in known else f"import {module}"
        else:
            line = "" if new.startswith(f"{origin}.") else f"from {module} import {last}"
        if line:
            indent = " " * home.node.col_offset
            start = self._span(home.node)[0]
            yield Edit(start, start, f"{line}\n{indent}".encode())

    def _fixtures(self) -> Iterator[Place]:
        for old, new in self.moved.fixtures.items():
            if old.encode() not in self.file.data or _defines_both(self.file, old, new):
                continue
            for node in self._functions:
                if edits := tuple(self._fixture(node, old, new)):
                    taken = any(self._is_named(part, new) for part in ast.walk(node))
                    message = f"the fixture {old} is {new} now"
                    yield Place(node, message, None if taken or self._is_odd else edits)

    def _fixture(self, node: Function, old: str, new: str) -> Iterator[Edit]:
        if node.name == old and is_fixture(node):
            yield self._in(node, rb"def\s+(" + old.encode() + rb")\b", new)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if (is_fixture(node) or node.name.startswith("test")) and old in {
            one.arg for one in arguments
        }:
            for part in ast.walk(node):
                if self._is_named(part, old):
                    start = self._span(part)[0]
                    yield Edit(start, start + len(old.encode()), new.encode())
        for part in (part for one in [*node.decorator_list, *node.body] for part in ast.walk(one)):
            if isinstance(part, ast.Call):
                for text in [*part.args, *(one.value for one in part.keywords)]:
                    if isinstance(text, ast.Constant) and text.value == old:
                        yield self._in(text, rb"(" + old.encode() + rb")", new)

    def _in(self, node: ast.AST, pattern: bytes, new: str) -> Edit:
        start, end = self._span(node)
        found = re.search(pattern, self.file.data[start:end])
        assert found
        return Edit(start + found.start(1), start + found.end(1), new.encode())

    @staticmethod
    def _is_named(node: ast.AST, name: str) -> bool:
        return name in (getattr(node, "id", None), getattr(node, "arg", None)) and isinstance(
            node, ast.Name | ast.arg
        )

    def _old(self, node: Import) -> str:
        """What an import says, as an absolute name."""
        if isinstance(node, ast.ImportFrom):
            return self._module(node)
        return ", ".join(one.name for one in node.names if self.moved.new(one.name))

    def _text(self, node: Import, statements: Sequence[str]) -> str:
        """The statements that replace an import, those of a module together, and its comments."""
        start, end = self._span(node)
        by_module: dict[str, list[str]] = defaultdict(list)
        for statement in statements:
            module, _, name = statement.partition(" import ")
            by_module[module].append(name)
        lines = [f"{one} import {', '.join(n)}" if n[0] else one for one, n in by_module.items()]
        before = self.file.data[:start].rpartition(b"\n")[2]
        after = self.file.data[end:].partition(b"\n")[0].strip()
        if before.strip() or after.startswith(b";"):
            return "; ".join(lines)
        comments = re.findall(rb"#[^\n\r]*", self.file.data[start:end])
        indent = before.decode()
        return f"\n{indent}".join([*(one.decode() for one in comments), *lines])

    def _full(self, node: ast.expr) -> str:
        """The dotted name that an expression stands for; empty if it isn't imported."""
        if isinstance(node, ast.Attribute):
            above = self._full(node.value)
            return f"{above}.{node.attr}" if above else ""
        if not isinstance(node, ast.Name):
            return ""
        return next((self._root(one) for one in self._names if one.local == node.id), "")

    @staticmethod
    def _root(name: Name) -> str:
        is_dotted = isinstance(name.node, ast.Import) and not name.is_renamed
        return name.local if is_dotted else name.full

    def _home(self, node: ast.expr) -> Name:
        """The import that binds the first part of a dotted name."""
        while isinstance(node, ast.Attribute):
            node = node.value
        assert isinstance(node, ast.Name)
        return next(one for one in self._names if one.local == node.id)

    @cached_property
    def _inner(self) -> set[ast.AST]:
        """The parts of longer dotted names that are in the table themselves."""
        whole = [one for one in self.file.nodes(ast.Attribute) if self._is_moved(one)]
        return {part for node in whole for part in ast.walk(node) if part is not node}

    def _is_moved(self, node: ast.Attribute) -> bool:
        return self._full(node) in self.moved.names

    @cached_property
    def _names(self) -> list[Name]:
        return [name for node in self._imports for name in self._imported(node)]

    @property
    def _imports(self) -> list[Import]:
        return [*self.file.nodes(ast.ImportFrom), *self.file.nodes(ast.Import)]

    @property
    def _functions(self) -> list[Function]:
        return [*self.file.nodes(ast.FunctionDef), *self.file.nodes(ast.AsyncFunctionDef)]

    def _imported(self, node: Import) -> Iterator[Name]:
        for alias in node.names:
            full = alias.name
            if isinstance(node, ast.ImportFrom):
                full = f"{self._module(node)}.{alias.name}".removesuffix(".*")
            local = alias.asname or alias.name
            if isinstance(node, ast.Import) and not alias.asname:
                local = alias.name.partition(".")[0]
            yield Name(node, local, full, bool(alias.asname))

    def _module(self, node: ast.ImportFrom) -> str:
        return absolute(self.file.path, node)

    @cached_property
    def _loads(self) -> Mapping[str, list[ast.Name]]:
        found: dict[str, list[ast.Name]] = defaultdict(list)
        for node in self.file.nodes(ast.Name):
            if isinstance(node.ctx, ast.Load):
                found[node.id].append(node)
        return found

    @cached_property
    def _bound(self) -> Mapping[str, int]:
        """How often a file binds each name, anywhere; a text in `__all__` counts too."""
        found: dict[str, int] = defaultdict(int)
        for node in ast.walk(self.file.tree):
            for name in _bindings(node):
                found[name] += 1
        for imported in self._names:
            found[imported.local] += 1
        return found

    def _is_in_function(self, node: ast.AST) -> bool:
        """Whether an expression is evaluated when a function is called."""
        inner, around = node, self.file.parents.get(node)
        while around is not None and not (
            isinstance(around, ast.ClassDef) and inner in around.body
        ):
            body = around.body if isinstance(around, Function | ast.Lambda) else None
            if inner is body or (isinstance(body, list) and inner in body):
                return True
            inner, around = around, self.file.parents.get(around)
        return False

    @cached_property
    def _is_odd(self) -> bool:
        """Whether positions in the tree are not those in the bytes."""
        data = self.file.data
        return data.startswith(b"\xef\xbb\xbf") or b"\r" in data.replace(b"\r\n", b"")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(rb"\n", self.file.data))]

    def _span(self, node: ast.AST) -> tuple[int, int]:
        place: ast.expr = node  # type: ignore[assignment]
        assert place.end_lineno is not None and place.end_col_offset is not None
        return (
            self._starts[place.lineno - 1] + place.col_offset,
            self._starts[place.end_lineno - 1] + place.end_col_offset,
        )


def absolute(path: str, node: ast.ImportFrom) -> str:
    """Return the module that an import is from, also if it is relative."""
    named = node.module.split(".") if node.module else []
    return ".".join([*path.split("/")[: -node.level], *named] if node.level else named)


def _statement(node: Import, new: str, local: str) -> str:
    """The import of one name, which the file calls `local`."""
    if isinstance(node, ast.Import):
        return f"import {new} as {local}" if local else f"import {new}"
    if any(one.name == "*" for one in node.names):
        return f"from {new} import *"
    module, _, name = new.rpartition(".")
    return f"from {module} import {name}" + (f" as {local}" if local and local != name else "")


def _bindings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.Assign) and "__all__" in (getattr(t, "id", "") for t in node.targets):
        for part in ast.walk(node.value):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _defines_both(file: File, old: str, new: str) -> bool:
    """Whether the conftest has a fixture of the old name beside one of the new name."""
    conftest = file.project.file("tests/conftest.py")
    if conftest is None:
        return False
    return {old, new} <= {getattr(node, "name", "") for node in conftest.tree.body}
