"""A Python file as lines, and what the names and classes in them stand for."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path

from tpgen.source.code import Code, Definition, Module
from tpgen.source.trees import classes, unsubscripted

# Start and end of the lines to replace, and the new ones.
Edit = tuple[int, int, Sequence[str]]


def first_line(node: ast.stmt) -> int:
    """Return the index of the first line of a statement: that of its decorators, if it has some."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def comments_in(lines: Iterable[str]) -> list[str]:
    """Return the comments in some lines that are whole statements."""
    text = "\n".join(line.rstrip("\r\n") for line in lines)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


class Source:
    """A module of the tests.

    Attributes:
        bound: what each name at the top stands for: the dotted name of an import, or itself.
    """

    def __init__(self, text: str, path: Path, code: Code) -> None:
        root = code.packages[0].parent if code.packages else Path()
        self.path, self.code = path, code
        self.module = Module(root / path, root, text.encode())
        self.tree = self.module.tree
        self.classes = classes(self.tree)
        # The lines as Python counts them, each with its end.
        self.lines = list(io.StringIO(text, newline=""))
        self.imports = [
            node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        self.bound = {name: name for name in self.module.definitions}
        # An import below `if TYPE_CHECKING` is not enough.
        for alias in (alias for node in self.imports for alias in node.names):
            name = alias.asname or alias.name.partition(".")[0]
            self.bound[name] = ".".join(filter(None, self.module.imports[name]))

    def end(self, owner: ast.ClassDef) -> int:
        """Return the index behind the last line of a class, with the comments directly below it."""
        end = owner.end_lineno or owner.lineno
        while end < len(self.lines) and re.match(r"[ \t]+#", self.lines[end]):
            end += 1
        return end

    def code_of(self, node: ast.stmt, *, comments: bool = True) -> list[str]:
        """Return the lines of a statement, with the comments directly above it."""
        start = first_line(node)
        while comments and start and self.lines[start - 1].lstrip().startswith("#"):
            start -= 1
        return [line.rstrip("\r\n") for line in self.lines[start : node.end_lineno]]

    def base_names(self, owner: ast.ClassDef) -> set[str]:
        """Return the names of all bases of a class, as they are where they are defined."""
        return {
            self.code.full_name(heir.module, unsubscripted(base)).rpartition(".")[2]
            for heir in self.code.lineage(Definition(self.module, owner))
            for base in getattr(heir.node, "bases", [])
        }

    def replace(self, edits: Iterable[Edit]) -> str:
        """Return the text with other lines instead of some."""
        lines = [*self.lines]
        newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        if lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += newline
        for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
            lines[start:end] = [f"{line}{newline}" for line in new]
        return "".join(lines)
