"""Rename what `moved.toml` lists in a test file: names that it imports, and fixtures."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from tpgen.core.finding import Edit

from .file import File
from .moved import Moved
from .tests import functions

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
    forms are left to a person. A name that occurs elsewhere in the file keeps its old name, by `as`.
    """

    file: File
    moved: Moved

    def old_names(self) -> Iterator[OldName]:
        """Yield each import of old names, and each old fixture."""
        for node in imports(self.file):
            names = imported(self.file.path, node)
            if moved := {name: new for name in names if (new := self.moved.new(name))}:
                message = f"{', '.join(moved)} has moved: use {', '.join(moved.values())}"
                yield OldName(node, message, self._import(node, names))
        yield from self._fixtures()

    def _import(self, node: Import, names: Sequence[str]) -> list[Edit] | None:
        """Return the edits of an import and of the uses of its names."""
        start, end = self._span(node)
        indent = self.file.data[:start].rpartition(b"\n")[2].decode()
        if isinstance(node, ast.Import) or b"#" in self.file.data[start:end] or indent.strip():
            return None
        statements: dict[str, list[str]] = defaultdict(list)
        edits: list[Edit] = []
        for alias, old in zip(node.names, names, strict=True):
            local = alias.asname or alias.name
            uses = {
                use: self.moved.new(old, in_function=use in self._in_functions) or old
                for use in self.file.nodes(ast.Name)
                if use.id == local
            }
            new_names = set(uses.values()) or {self.moved.new(old) or old}
            changed = set(map(_last, new_names)) - {local}
            is_free = self._words[local] == len(uses) + 1 and changed.isdisjoint(self._words)
            is_kept = alias.asname is not None or bool(changed and not is_free)
            has_moved_members = any(name.startswith(f"{old}.") for name in self.moved.names)
            if alias.name == "*" or has_moved_members or (is_kept and len(new_names) > 1):
                return None
            for new in sorted(new_names):
                module, _, name = new.rpartition(".")
                statements[module].append(f"{name} as {local}" if is_kept else name)
            if not is_kept:
                edits += [Edit(*self._span(use), _last(new).encode()) for use, new in uses.items()]
        lines = [f"from {module} import {', '.join(each)}" for module, each in statements.items()]
        return [Edit(start, end, f"\n{indent}".join(lines).encode()), *edits]

    @cached_property
    def _in_functions(self) -> set[ast.AST]:
        lines = (line for function in functions(self.file) for line in function.body)
        return {node for line in lines for node in ast.walk(line)}

    @cached_property
    def _words(self) -> Counter[str]:
        return _words(self.file)

    def _fixtures(self) -> Iterator[OldName]:
        """Yield the old fixtures: pytest finds them by name, also in strings."""
        data, conftest = self.file.data, self.file.project.file("tests/conftest.py")
        for old, new in self.moved.fixtures.items():
            places = [*re.finditer(rf"\b{old}\b".encode(), data)]
            if not places or (conftest and {old, new} <= _words(conftest).keys()):
                continue  # A conftest that has both means two different fixtures.
            edits = [Edit(*place.span(), new.encode()) for place in places]
            line = data.count(b"\n", 0, places[0].start()) + 1
            is_free = new not in self._words
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
    """Return the dotted names that a statement of a file imports, those of a relative one in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = path.split("/")[: -node.level] if node.level else []
    module = ".".join([*package, *filter(None, [node.module])])
    return [f"{module}.{alias.name}".removesuffix(".*") for alias in node.names]


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def _words(file: File) -> Counter[str]:
    return Counter(re.findall(r"[A-Za-z_]\w*", file.text))
