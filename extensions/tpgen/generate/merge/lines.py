"""A Python file as text: its lines, and the names and classes in them."""

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.source.code import Code, Definition, Module
from tpgen.source.comments import is_suite
from tpgen.source.trees import Function, last_name, unsubscripted

Test = ast.ClassDef | Function


def decode(content: bytes, path: Path) -> tuple[str, str]:
    """Return the text of a Python file, and its encoding.

    Raises:
        UserError: Python could not read it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return codecs.decode(content, encoding), encoding
    except (SyntaxError, UnicodeError) as error:
        raise UserError(f"{path} can't be decoded ({error}): save it as UTF-8 first") from error


def encode(text: str, encoding: str, path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        UserError: the encoding lacks a character.
    """
    try:
        return codecs.encode(text, encoding)
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path} is in {encoding}, which has no {text[error.start]!r} for what must be added: "
            "save it as UTF-8 first"
        ) from error


def split(text: str) -> list[str]:
    """Return the lines as Python counts them, each with its end."""
    return list(io.StringIO(text, newline=""))


def first_line(node: ast.stmt) -> int:
    """Return the index of the first line of a statement: that of its decorators, if it has some."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def comments_in(code: Iterable[str]) -> list[str]:
    """Return the comments in some lines that are whole statements."""
    text = io.StringIO("\n".join(line.strip("\r\n") for line in code) + "\n")
    tokens = tokenize.generate_tokens(text.readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def lone_comments(text: str) -> set[int]:
    """Return the indices of the lines that hold nothing but a comment."""
    lines = split(text)
    tokens = tokenize.generate_tokens(io.StringIO(text, newline="").readline)
    starts = [token.start for token in tokens if token.type == tokenize.COMMENT]
    return {row - 1 for row, column in starts if not lines[row - 1][:column].strip()}


class Source:
    """A module: its lines, what its names stand for, and the bases of its classes."""

    def __init__(self, content: bytes, text: str, path: Path, code: Code) -> None:
        root = code.packages[0].parent if code.packages else Path()
        self.module = Module(root / path, root, content)
        self.tree = self.module.tree
        self.path, self.code = path, code
        self.lines = split(text)
        self.comments = lone_comments(text)
        self.classes = [node for node in self.tree.body if isinstance(node, ast.ClassDef)]
        self.bound = {name: name for name in self.module.definitions}
        for name, origin in self.module.imports.items():
            self.bound[name] = ".".join(filter(None, origin))
        for name in _typing_only(self.tree):
            self.bound.pop(name, None)

    def start(self, node: ast.stmt) -> int:
        """Return the index of the first line of a statement and the comments directly above it."""
        start = first_line(node)
        while start - 1 in self.comments:
            start -= 1
        return start

    def end(self, owner: ast.ClassDef) -> int:
        """Return the index behind the last line of a class, with the comments at its end."""
        last = at = owner.end_lineno or owner.lineno
        while at < len(self.lines) and re.match(r"[ \t]+#|\s*$", self.lines[at]):
            at += 1
            last = at if self.lines[at - 1].strip() else last
        return last

    def code_of(self, node: ast.stmt, *, comments: bool = True, name: str = "") -> list[str]:
        """Return the lines of a statement.

        Args:
            node: the statement.
            comments: whether to return the comments directly above it too.
            name: what the class or function is called there; its own name, if empty.
        """
        start = self.start(node) if comments else first_line(node)
        code = [line.rstrip("\r\n") for line in self.lines[start : node.end_lineno]]
        if name and isinstance(node, Test):
            header = node.lineno - 1 - start
            code[header] = code[header].replace(node.name, name, 1)
        return code

    def uses(self, nodes: Iterable[ast.AST]) -> set[str]:
        """Return the names of the module that are used in some parts of it."""
        parts = (part for node in nodes for part in ast.walk(node))
        return {part.id for part in parts if isinstance(part, ast.Name)} & self.bound.keys()

    def lineage(self, owner: ast.ClassDef) -> list[Definition]:
        """Return a class and its bases in the tests, without the suites of the policy."""
        found = self.code.lineage(Definition(self.module, owner))
        return [definition for definition in found if not is_suite(definition)]

    def base_names(self, owner: ast.ClassDef) -> set[str]:
        """Return the names of all bases, also those by which they were imported."""
        found = set()
        for definition in self.code.lineage(Definition(self.module, owner)):
            found.add(definition.name)
            for base in getattr(definition.node, "bases", []):
                expression = unsubscripted(base)
                full = self.code.full_name(definition.module, expression)
                found |= {last_name(expression), full.rpartition(".")[2]}
        return found

    def replace(self, edits: Iterable[tuple[int, int, Sequence[str]]]) -> str:
        """Return the text with other lines instead of some: start, end and new lines of each."""
        lines = [*self.lines]
        newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        if lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += newline
        for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
            lines[start:end] = [f"{line}{newline}" for line in new]
        return "".join(lines)


def _typing_only(tree: ast.Module) -> set[str]:
    """Return the names that are imported for type checking alone."""
    blocks = (node for node in tree.body if isinstance(node, ast.If))
    return {
        (alias.asname or alias.name).partition(".")[0]
        for block in blocks
        if last_name(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
