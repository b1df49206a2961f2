"""Rename what `moved.toml` lists in a test file: names that it imports, and fixtures."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from tpgen.core.finding import Edit
from tpgen.core.formatting import as_before
from tpgen.source.trees import Function

from .file import File
from .moved import Moved

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class OldName:
    """An old name in a file.

    Attributes:
        where: the import, or the line.
        message: the new name.
        edits: what renames it everywhere in the file; None if a person must do that.
    """

    where: Import | int
    message: str
    edits: Sequence[Edit] | None


@dataclass
class Renaming:
    """The old names in a test file.

    `from MODULE import NAME` is rewritten, which is how the templates of all releases import; other
    forms are left to a person. A name that the file defines too keeps its old name, by `as`.
    """

    file: File
    moved: Moved

    def old_names(self) -> Iterator[OldName]:
        """Yield each import of old names, and each old fixture."""
        for node in imports(self.file):
            new_names = list(filter(None, map(self.moved.new, imported(self.file.path, node))))
            if new_names:
                message = f"{_module(self.file.path, node)} has moved: use {', '.join(new_names)}"
                yield OldName(node, message, self._import(node))
        yield from self._fixtures()

    def _import(self, node: Import) -> list[Edit] | None:
        """Return the edits of an import and of the uses of its names."""
        start, end = self._span(node)
        if isinstance(node, ast.Import) or b"#" in self.file.data[start:end]:
            return None
        statements: dict[str, list[str]] = defaultdict(list)
        edits: list[Edit] = []
        for alias, old in zip(node.names, imported(self.file.path, node), strict=True):
            uses = self._uses(alias.asname or alias.name)
            new_names = {self._new(old, use) for use in uses} or {self._new(old)}
            local = alias.asname or ("" if self._is_free(alias.name, new_names) else alias.name)
            if self._has_moved_members(alias, old) or (local and len(new_names) > 1):
                return None
            if not local:
                edits += [Edit(*self._span(use), _last(self._new(old, use))) for use in uses]
            for new in sorted(new_names):
                module, _, name = new.rpartition(".")
                is_same = local in ("", name)
                statements[module].append(name if is_same else f"{name} as {local}")
        indent = self.file.data[:start].rpartition(b"\n")[2].decode()
        separator = "; " if indent.strip() else f"\n{indent}"
        lines = [f"from {module} import {', '.join(each)}" for module, each in statements.items()]
        return [Edit(start, end, separator.join(lines).encode()), *edits]

    def _has_moved_members(self, alias: ast.alias, old: str) -> bool:
        return alias.name == "*" or any(name.startswith(f"{old}.") for name in self.moved.names)

    def _is_free(self, old: str, new_names: set[str]) -> bool:
        """Return whether the uses of an imported name can be renamed, else it needs an `as`."""
        changed = {new.rpartition(".")[2] for new in new_names} - {old}
        return not changed or (old not in self._bound and self._used.isdisjoint(changed))

    def _new(self, old: str, use: ast.Name | None = None) -> str:
        return self.moved.new(old, in_function=use in self._in_functions) or old

    def _uses(self, name: str) -> list[ast.Name]:
        return [node for node in self.file.nodes(ast.Name) if node.id == name]

    @cached_property
    def _functions(self) -> list[Function]:
        return [*self.file.nodes(ast.FunctionDef), *self.file.nodes(ast.AsyncFunctionDef)]

    @cached_property
    def _in_functions(self) -> set[ast.AST | None]:
        lines = (line for function in self._functions for line in function.body)
        return {node for line in lines for node in ast.walk(line)}

    @cached_property
    def _bound(self) -> set[str]:
        """Return the names that the file defines otherwise than by an import."""
        stored = (node for node in self.file.nodes(ast.Name) if isinstance(node.ctx, ast.Store))
        return {
            *(node.name for node in [*self._functions, *self.file.nodes(ast.ClassDef)]),
            *(node.arg for node in self.file.nodes(ast.arg)),
            *(node.id for node in stored),
        }

    @cached_property
    def _used(self) -> set[str]:
        """Return the names that the file uses for anything."""
        aliases = (alias for node in imports(self.file) for alias in node.names)
        imported = {alias.asname or alias.name for alias in aliases}
        return self._bound | imported | {node.id for node in self.file.nodes(ast.Name)}

    def _fixtures(self) -> Iterator[OldName]:
        """Yield the old fixtures: pytest finds them by name, also in strings."""
        data, conftest = self.file.data, self.file.project.file("tests/conftest.py")
        for old, new in self.moved.fixtures.items():
            places = [*re.finditer(rf"\b{old}\b".encode(), data)]
            if not places or (conftest and {old, new} <= set(_words(conftest.data))):
                continue  # A conftest that has both means two different fixtures.
            edits = [Edit(*place.span(), new.encode()) for place in places]
            line = data.count(b"\n", 0, places[0].start()) + 1
            is_free = new not in _words(data)
            yield OldName(line, f"the fixture {old} is {new} now", edits if is_free else None)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.file.data.split(b"\n"))]

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )


def imports(file: File) -> list[Import]:
    """Return the import statements of a file."""
    return [*file.nodes(ast.ImportFrom), *file.nodes(ast.Import)]


def imported(path: str, node: Import) -> list[str]:
    """Return the dotted names that a statement imports, those of a relative import in full.

    Args:
        path: the file, relative to the service.
        node: the statement.
    """
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = _module(path, node)
    return [f"{module}.{alias.name}".removesuffix(".*") for alias in node.names]


def _module(path: str, node: Import) -> str:
    if isinstance(node, ast.Import):
        return ", ".join(alias.name for alias in node.names)
    package = path.split("/")[: -node.level] if node.level else []
    return ".".join([*package, *([node.module] if node.module else [])])


def _last(dotted: str) -> bytes:
    return dotted.rpartition(".")[2].encode()


def _words(data: bytes) -> set[str]:
    return {word.decode() for word in re.findall(rb"[A-Za-z_]\w*", data)}


def renamed(file: File, old_names: Iterable[OldName]) -> bytes:
    """Return the content of a file with the new names."""
    edits = {edit for old_name in old_names for edit in old_name.edits or ()}
    data = file.data
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        data = data[: edit.start] + edit.text + data[edit.end :]
    return data


def edits_to(file: File, data: bytes) -> tuple[Edit, ...]:
    """Return the edits that give a file another content, formatted if it was formatted before."""
    if data == file.data or file.is_cut:
        return ()
    try:
        before, after = (text.decode().replace("\r\n", "\n") for text in (file.data, data))
    except UnicodeDecodeError:
        return ()
    after = as_before(file.project.service, Path(file.path), before, after)
    lines = after.encode().splitlines(keepends=True)
    return tuple(_hunks(file.data.splitlines(keepends=True), lines))


def _hunks(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[Edit]:
    """Yield an edit for each group of lines that differs; line ends do not count."""
    bare = [line.replace(b"\r\n", b"\n") for line in before]
    starts = [0, *accumulate(map(len, before))]
    for tag, first, last, new, end in SequenceMatcher(None, bare, after, False).get_opcodes():
        if tag != "equal":
            yield Edit(starts[first], starts[last], b"".join(after[new:end]))
