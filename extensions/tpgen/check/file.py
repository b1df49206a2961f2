"""A file as the rules see it: read once, parsed only if a rule asks."""

import ast
import errno
import os
import stat
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

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
    """A file of a project; of one over `LIMIT` bytes only the beginning, so that it `is_cut`."""

    def __init__(self, path: str, data: bytes, project: "Project") -> None:
        self.path = path
        self.data = data[:LIMIT]
        self.is_cut = len(data) > LIMIT
        self.project = project

    @classmethod
    def read(cls, path: str, project: "Project", *, follow: bool = True) -> "File":
        """Read a file; a symbolic link is an OSError, unless it is to be followed."""
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
        """Return its content; bytes that are not UTF-8 become replacement characters."""
        is_utf16 = self.data.startswith((b"\xff\xfe", b"\xfe\xff"))
        return self.data.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """Return its syntax tree; Unreadable, if it is not Python, or only its beginning was read."""
        if self.is_cut:
            raise Unreadable("it is too large", self.path, 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.data)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", str(error)) or type(error).__name__
            raise Unreadable(reason, self.path, getattr(error, "lineno", None) or 1) from None

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
        line: int = where if isinstance(where, int) else getattr(where, "lineno", 1)
        if isinstance(where, ast.AST):
            # `ast` counts bytes.
            text = self.lines[line - 1] if line <= len(self.lines) else ""
            before = text.encode(errors="replace")[: getattr(where, "col_offset", 0)]
            column = len(before.decode(errors="replace")) + 1
        seen = content_hash(self.data) if edits else ""
        return Finding(
            self.path, line, column, message, "", level, confidence, edits, content_hash=seen
        )


def content_hash(data: bytes) -> str:
    """Return a hash of what a rule sees of a file."""
    import hashlib

    return hashlib.sha256(data[:LIMIT]).hexdigest()
