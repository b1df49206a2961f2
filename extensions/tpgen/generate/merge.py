"""Add to a test module what it is missing, compared with a rendered one.

The module changes by whole lines: new ones are inserted, and only those of placeholders and of a
class that holds nothing but placeholders are replaced.
"""

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.source.code import Code, Definition, Module
from tpgen.source.comments import CASES, HEADER, is_suite
from tpgen.source.suites import Suite
from tpgen.source.trees import Function, base_names, classes, names, unsubscripted

from .members import BUILD, is_docstring, missing, placeholder_of, stated

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]
Test = ast.ClassDef | Function
# Start and end of the lines to replace, and the new ones.
Edit = tuple[int, int, Sequence[str]]


def merge(
    mine: str,
    rendered: str,
    suite: Suite,
    identity: Identity | None = None,
    path: Path = Path("test_module.py"),
) -> tuple[str, tuple[str, ...]]:
    """Return a module with the tests of a rendered one, and the names of what was added.

    `suite` is what the rendered classes inherit; `identity` returns which component a test class is
    about, otherwise its name says that. `UserError` if a person must edit the file first.
    """
    yours, ours = (_Source(text, path, suite.code) for text in (mine, rendered))
    merger = _Merger(yours, ours, suite, identity)
    tests = [owner for owner in ours.classes if owner.name.startswith("Test")]
    # A module of factories has no tests.
    for owner in tests or ours.classes:
        merger.add(owner)
    if not merger.added:
        return mine, ()
    return merger.text(), tuple(merger.added)


class _Source:
    """A module of the tests."""

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
        # The dotted names of imports; one below `if TYPE_CHECKING` is not enough.
        imported = (_name_of(alias) for node in self.imports for alias in node.names)
        origins = self.module.imports
        self.imported = {name: ".".join(filter(None, origins[name])) for name in imported}
        self.bound = {name: name for name in self.module.definitions} | self.imported

    def end(self, owner: ast.ClassDef) -> int:
        """Return the index behind the last line of a class, with the comments directly below it."""
        end = owner.end_lineno or owner.lineno
        while end < len(self.lines) and re.match(r"[ \t]+#", self.lines[end]):
            end += 1
        return end

    def code_of(self, node: ast.stmt, *, comments: bool = True) -> list[str]:
        """Return the lines of a statement, with the comments directly above it."""
        start = _first_line(node)
        while comments and start and self.lines[start - 1].lstrip().startswith("#"):
            start -= 1
        return [line.rstrip("\r\n") for line in self.lines[start : node.end_lineno]]

    def inherits(self, owner: ast.ClassDef, suites: Collection[str]) -> bool:
        """Return whether a class inherits from any of some classes, by their own names."""
        return any(
            self.code.full_name(heir.module, unsubscripted(base)).rpartition(".")[2] in suites
            for heir in self.code.lineage(Definition(self.module, owner))
            for base in getattr(heir.node, "bases", [])
        )

    def replace(self, edits: Iterable[Edit]) -> str:
        """Return the text with other lines instead of some."""
        lines = [*self.lines]
        newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        if lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += newline
        for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
            lines[start:end] = [f"{line}{newline}" for line in new]
        return "".join(lines)


class _Merger:
    """Collects what a module is missing, as edits of its lines."""

    def __init__(
        self, yours: _Source, ours: _Source, suite: Suite, identity: Identity | None
    ) -> None:
        self.yours, self.ours, self.suite = yours, ours, suite
        self.identity = identity or (lambda module, owner: None)
        self.added: list[str] = []
        self._edits: list[Edit] = []
        self._appended: list[ast.ClassDef] = []
        self._nodes: list[ast.stmt] = []

    def add(self, template: ast.ClassDef) -> None:
        """Add a rendered class, or what the module is missing of it."""
        owners = self._about_the_same(template) if template.name.startswith("Test") else []
        older = next((owner for owner in owners if self._is_untouched(owner, template)), None)
        if owners and not older:
            self._extend(owners, template)
            return
        if template.name in self.yours.bound and not (older and older.name == template.name):
            raise self._clash(template.name, "the tests to add")
        if older:
            place = _first_line(older), self.yours.end(older)
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
        wanted = self.identity(self.ours.tree, template) or template.name
        known = {each: self.identity(self.yours.tree, each) for each in self.yours.classes}
        found = [owner for owner, theirs in known.items() if (theirs or owner.name) == wanted]
        if found or wanted != template.name:
            return found
        # The file is about one component, so its class of this suite was renamed.
        tests = (owner for owner in self.yours.classes if owner.name.startswith("Test"))
        return [owner for owner in tests if self.yours.inherits(owner, base_names(template))]

    def _extend(self, owners: list[ast.ClassDef], template: ast.ClassDef) -> None:
        """Add what one of the classes about a component is missing."""
        suites, inherits = base_names(template), self.yours.inherits
        heirs = [owner for owner in owners if inherits(owner, suites)]
        if heirs:
            self._complete(heirs[0], template)
        elif suites and not any(inherits(owner, self.suite.accepted) for owner in owners):
            suite = " and ".join(self.ours.bound.get(name, name) for name in suites)
            raise UserError(
                f"{self.yours.path}:{owners[0].lineno}: {owners[0].name} does not inherit from "
                f"{suite}: add this base, or rename the class, and run the command again"
            )

    def _is_untouched(self, owner: ast.ClassDef, template: ast.ClassDef) -> bool:
        """Return whether a class of what was not built holds placeholders, and no own line."""
        given = {ast.dump(member) for member in template.body}
        others = [placeholder_of(part) for part in owner.body if ast.dump(part) not in given]
        comments = _comments_in(self.yours.lines[_first_line(owner) : self.yours.end(owner)])
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
        if not found and not lines:
            return
        indent = self._indentation(owner, template)
        for old in dict.fromkeys(filter(None, found.values())):
            start, end = _first_line(old), old.end_lineno or old.lineno
            kept = [indent + comment for comment in _comments_in(self.yours.lines[start:end])]
            # The comments above the placeholder are there already.
            code = self._code([new for new in found if found[new] is old], comments=False)
            self._edits.append((start, end, [*kept, *code]))
        new = self._code([member for member in found if found[member] is None])
        new += [indent + line for line in lines]
        end = self.yours.end(owner)
        if new:
            self._edits.append((end, end, ["", *new]))
        added = [*found, *ast.parse("\n".join(lines)).body]
        self._nodes += added
        self.added += [f"{owner.name}.{stated(member)[0]}" for member in added]

    def _code(self, members: Iterable[ast.stmt], *, comments: bool = True) -> list[str]:
        """Return the lines of rendered members, with an empty one above a function."""
        lines: list[str] = []
        for member in members:
            lines += [""] if lines and isinstance(member, Test) else []
            lines += self.ours.code_of(member, comments=comments)
        return lines

    def _indentation(self, owner: ast.ClassDef, template: ast.ClassDef) -> str:
        """Return what is in front of each member of two classes."""
        starts = {
            source.lines[_first_line(member)][: member.col_offset]
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
        for name, origin in self.ours.imported.items():
            if name in needed and self.yours.bound.get(name, origin) != origin:
                raise self._clash(name, origin)
        needed -= self.yours.bound.keys() | {owner.name for owner in self._appended}
        lines = []
        for node in self.ours.imports:
            if aliases := [alias for alias in node.names if _name_of(alias) in needed]:
                lines.append(ast.unparse(type(node)(**{**vars(node), "names": aliases})))
        for helper in self.ours.tree.body:
            if not needed.isdisjoint(names(helper)):
                lines += ["", "", *self.ours.code_of(helper)]
        body = self.yours.tree.body
        top = itertools.takewhile(lambda node: not isinstance(node, Test), body)
        above = [node for node in top if node in self.yours.imports or is_docstring(node)]
        # Else below the comments at the top, such as a licence.
        first = _first_line(body[0]) if body else len(self.yours.lines)
        at = above[-1].end_lineno or 0 if above else first
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

    def _clash(self, name: str, meaning: str) -> UserError:
        return UserError(
            f"{self.yours.path} uses the name {name} for something else than {meaning}: rename "
            "yours, and run the command again"
        )


def _name_of(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def _first_line(node: ast.stmt) -> int:
    """Return the index of the first line of a statement: that of its decorators, if it has some."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _comments_in(lines: Iterable[str]) -> list[str]:
    """Return the comments in some lines that are whole statements."""
    text = "\n".join(line.rstrip("\r\n") for line in lines)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
