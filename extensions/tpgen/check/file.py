"""A file as the rules see it: read once, parsed only if a rule asks."""

import ast
import errno
import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tpgen.core.finding import Confidence, Edit, Finding, Level

if TYPE_CHECKING:
    from .project import Project

# No source that a person wrote is longer, and a dump is known by its beginning.
LIMIT = 5 * 1024 * 1024
Node = TypeVar("Node", bound=ast.AST)


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
        data: its content, up to `LIMIT` bytes.
        is_cut: whether it is longer.
        project: the project that it belongs to.
    """

    def __init__(self, path: str, data: bytes, project: "Project") -> None:
        self.path = path
        self.data = data[:LIMIT]
        self.is_cut = len(data) > LIMIT
        self.project = project

    @classmethod
    def read(cls, path: str, project: "Project", *, follow: bool = True) -> "File":
        """Read a file.

        Args:
            path: relative to the project.
            project: the project.
            follow: whether a symbolic link is followed, or an error.

        Raises:
            OSError: it can't be read.
        """
        if path in project.contents:
            return cls(path, project.contents[path], project)
        # A reader of a pipe would wait for its writer.
        flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        with open(os.open(f"{project.root}/{path}", flags), "rb", buffering=0) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file", path)
            # A buffer of the whole limit takes longer than to read a small file.
            return cls(path, file.read(min(about.st_size, LIMIT) + 1) or b"", project)

    @cached_property
    def text(self) -> str:
        """Return its content as text; bytes that are not UTF-8 become replacement characters."""
        for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
            if self.data.startswith(mark):
                return self.data.decode(encoding, errors="replace")
        return self.data.decode("utf-8-sig", errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        """Return its lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """Return its syntax tree.

        Raises:
            Unreadable: it is not Python, or only its beginning was read.
        """
        if self.is_cut:
            raise Unreadable("it is too large", self.path, 1)
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
        """Return the nodes of its tree by class, in the order of the source."""
        found: dict[type, list[ast.AST]] = defaultdict(list)
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            found[type(node)].append(node)
            waiting += [*ast.iter_child_nodes(node)][::-1]
        return found

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """Yield the nodes of its tree that are of these classes."""
        for kind in kinds:
            yield from self._nodes.get(kind, ())  # type: ignore[misc]

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """Return the parent of each node of its tree."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def finding(
        self,
        where: ast.AST | int,
        message: str,
        *,
        column: int = 1,
        level: Level = "error",
        confidence: Confidence = "high",
        edits: tuple[Edit, ...] = (),
    ) -> Finding:
        """Return a finding in this file, at a node or a line."""
        place: Any = where
        if not isinstance(where, int):
            line, column = place.lineno, self._column(place.lineno, place.col_offset)
        else:
            line = where
        return Finding(
            self.path, line, column, message, level=level, confidence=confidence, edits=edits
        )

    def _column(self, line: int, offset: int) -> int:
        """Return the column, in characters, of a byte offset as `ast` counts it."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return len(text.encode(errors="replace")[:offset].decode(errors="replace")) + 1


def content_hash(data: bytes) -> str:
    """Return a hash of what a rule sees of a file."""
    import hashlib

    return hashlib.sha256(data[:LIMIT]).hexdigest()
