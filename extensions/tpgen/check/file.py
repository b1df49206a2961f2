"""A file as the rules see it: read once, parsed only where a rule asks."""

import ast
import errno
import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tpgen.core.finding import Edit, Finding, Level

if TYPE_CHECKING:
    from .project import Project

# No source and no fixture that a person wrote is longer; of a dump the beginning is enough.
LIMIT = 5 * 1024 * 1024
# What of a node is no node: names, values, contexts, operators.
PLAIN = {
    *("arg", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level", "lineno"),
    *("module", "op", "ops", "rest", "simple", "tag", "type_comment", "type_ignores"),
}
Node = TypeVar("Node", bound=ast.AST)


def _inner(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a class of nodes that hold nodes, the last one first."""
    names = [name for name in kind._fields if name not in PLAIN]
    if issubclass(kind, ast.Constant | ast.Global | ast.Nonlocal | ast.MatchSingleton):
        return ()
    if "name" in names and not issubclass(kind, getattr(ast, "TypeAlias", ())):
        names.remove("name")
    if issubclass(kind, ast.alias):
        return ()
    return tuple(reversed(names))


INNER: Mapping[type, tuple[str, ...]] = {
    type(None): (),
    **{
        one: _inner(one)
        for one in vars(ast).values()
        if isinstance(one, type) and issubclass(one, ast.AST)
    },
}


class Unreadable(Exception):
    """A file can't be parsed: what is wrong, and where."""

    def __init__(self, reason: str, path: str, line: int) -> None:
        super().__init__(reason)
        self.path = path
        self.line = line


class File:
    """A file of a project.

    Attributes:
        path: relative to the project, with `/`.
        data: what it holds, up to `LIMIT` bytes.
        is_cut: whether it holds more.
        project: where it is.
    """

    def __init__(self, path: str, data: bytes, project: "Project") -> None:
        self.path = path
        self.data = data[:LIMIT]
        self.is_cut = len(data) > LIMIT
        self.project = project

    @classmethod
    def read(cls, path: str, project: "Project") -> "File":
        """Read a file.

        Raises:
            OSError: it can't be read.
        """
        with open(project.root / path, "rb", buffering=0, opener=_at_once) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise OSError(errno.EINVAL, "it is no plain file", path)
            # No more than there is: room for all that may be takes longer than to read it.
            return cls(path, file.read(min(about.st_size, LIMIT) + 1) or b"", project)

    @cached_property
    def text(self) -> str:
        """What it holds as text; what is no UTF-8 becomes a replacement character."""
        for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
            if self.data.startswith(mark):
                return self.data.decode(encoding, errors="replace")
        return self.data.decode("utf-8-sig", errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            Unreadable: it is no Python.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.data)
        except SyntaxError as error:
            raise Unreadable(error.msg, self.path, error.lineno or 1) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise Unreadable(str(error) or type(error).__name__, self.path, 1) from None

    @cached_property
    def _nodes(self) -> Mapping[type, list[ast.AST]]:
        # What `ast.walk` does, in a fraction of its time and in the order of the source.
        found: dict[type, list[ast.AST]] = defaultdict(list)
        waiting: list[Any] = [self.tree]
        while waiting:
            node = waiting.pop()
            kind = node.__class__
            found[kind].append(node)
            for name in INNER[kind]:
                value = getattr(node, name)
                if value.__class__ is list:
                    waiting += value[::-1]
                else:
                    waiting.append(value)
        # Where a node may have another one, and has none.
        found.pop(type(None), None)
        return found

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """The nodes of its tree that are of these classes."""
        for kind in kinds:
            yield from self._nodes.get(kind, ())  # type: ignore[misc]

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """Each node of its tree to the one around it."""
        found: dict[ast.AST, ast.AST] = {}
        for kind, nodes in self._nodes.items():
            for node in nodes:
                for name in INNER[kind]:
                    value = getattr(node, name)
                    if value.__class__ is list:
                        found.update(dict.fromkeys(value, node))
                    elif value is not None:
                        found[value] = node
        found.pop(None, None)  # type: ignore[call-overload]
        return found

    def finding(
        self,
        where: ast.AST | int,
        message: str,
        *,
        column: int = 1,
        level: Level = "error",
        edits: tuple[Edit, ...] = (),
    ) -> Finding:
        """A finding in this file, at a node or a line."""
        place: Any = where
        if not isinstance(where, int):
            line, column = place.lineno, self._column(place.lineno, place.col_offset)
        else:
            line = where
        return Finding(self.path, line, column, message, level=level, edits=edits)

    def _column(self, line: int, offset: int) -> int:
        """The column, in characters, of a byte of a line, as `ast` counts them."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return len(text.encode(errors="replace")[:offset].decode(errors="replace")) + 1


def digest(data: bytes) -> str:
    """What tells one content of a file from another, as far as a rule sees it."""
    import hashlib

    return hashlib.sha256(data[:LIMIT]).hexdigest()


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for whoever writes to a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
