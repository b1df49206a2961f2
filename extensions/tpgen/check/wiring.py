"""The fixtures that a conftest needs, and that an update can't add: the file is yours."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import dedent

from tpgen.classes.code import Code
from tpgen.classes.trees import base_names

from .file import File
from .moved import Moved
from .places import is_policy

NAME = re.compile(rb"[A-Za-z_]\w*")
Function = ast.FunctionDef | ast.AsyncFunctionDef
STUB = """\
{decorators}
def {name}() -> Any:
    {docstring}
    return fill_in('''
{body}
''')"""
OF_A_STUB = "from typing import Any\nfrom pytest_tpgen.suites import fill_in"


@dataclass(frozen=True)
class Addition:
    """What a conftest lacks.

    Attributes:
        fixtures: their names.
        imports: the lines that import them, or what they use.
        text: their definitions; empty if they are imported.
    """

    fixtures: tuple[str, ...]
    imports: tuple[str, ...]
    text: str = ""


@dataclass
class Wiring:
    """Compares the conftests of a service with the wiring of its policy.

    Attributes:
        conftest: the one that starts Postgres, as it will be once its names are new.
        moved: the table of the service.
    """

    conftest: File
    moved: Moved

    def missing(self) -> Iterator[Addition]:
        """Yield what the conftest lacks, of the fixtures that it or a suite requests."""
        if "*" in self._own or "pytest_plugins" in self._own:
            return
        requested = self._requested()
        for fixtures in [*((name,) for name in self._defined), *self._imported]:
            absent = tuple(name for name in fixtures if name not in self._own)
            if requested.intersection(absent):
                requested |= self._parameters(absent)
                yield self._addition(absent)

    def _addition(self, names: tuple[str, ...]) -> Addition:
        if names[0] not in self._defined:
            return Addition(names, tuple(self._lines(set(names))))
        node = self._defined[names[0]]
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if all(self._is_there(name) for name in used):
            return Addition(names, tuple(self._lines(used - self._own)), self._source(node))
        lines = self._lines({"pytest"} - self._own)
        return Addition(names, (*lines, *OF_A_STUB.splitlines()), self._stub(node))

    def _lines(self, names: set[str]) -> Iterator[str]:
        """The imports of some names."""
        for node in self._imports:
            if wanted := [one.name for one in node.names if one.name in names]:
                origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                yield f"{origin}import {', '.join(wanted)}"

    def _is_there(self, name: str) -> bool:
        """Whether a name that a fixture uses can be imported, if it is of the service."""
        for node in self._imports:
            if isinstance(node, ast.ImportFrom) and name in {one.name for one in node.names}:
                module = str(node.module)
                is_own = module.partition(".")[0] in {one.name for one in self._code.packages}
                return not is_own or self._code.find(f"{module}.{name}") is not None
        return True

    def _source(self, node: Function, start: int = 0) -> str:
        """The lines of a fixture, from one of them on; all of them by default."""
        start = start or min(one.lineno for one in [*node.decorator_list, node])
        return "\n".join(self._text.split("\n")[start - 1 : node.end_lineno])

    def _stub(self, node: Function) -> str:
        """The same fixture, whose body only a person knows: it has another form in this service."""
        docstring, body = node.body[0], self._source(node, node.body[1].lineno)
        return STUB.format(
            decorators="\n".join(f"@{ast.unparse(one)}" for one in node.decorator_list),
            name=node.name,
            docstring=ast.get_source_segment(self._text, docstring),
            body=dedent(body),
        )

    def _parameters(self, fixtures: tuple[str, ...]) -> set[str]:
        nodes = [self._defined[name] for name in fixtures if name in self._defined]
        return {one.arg for node in nodes for one in node.args.args}

    def _requested(self) -> set[str]:
        """The fixtures that the conftest and the suites of the test classes request."""
        functions = (
            node for tree in (self.conftest.tree, *self._suites()) for node in ast.walk(tree)
        )
        return {
            one.arg
            for node in functions
            if isinstance(node, Function)
            for one in [*node.args.args, *node.args.kwonlyargs]
        }

    def _suites(self) -> Iterator[ast.ClassDef]:
        """The suites that a test names, and their bases."""
        found = {
            node.name: node
            for file in self._files("tests/policy/suites/")
            for node in file.tree.body
            if isinstance(node, ast.ClassDef)
        }
        tests = (file for file in self._files("tests/") if not is_policy(file.path))
        wanted = {name.decode() for file in tests for name in NAME.findall(file.data)}
        while here := wanted & found.keys():
            suites = [found.pop(name) for name in here]
            wanted.update(*map(base_names, suites))
            yield from suites

    def _files(self, folder: str) -> Iterator[File]:
        project = self.conftest.project
        paths = (path for path in project.files if path.startswith(folder))
        yield from filter(None, (project.file(path) for path in paths if path.endswith(".py")))

    @cached_property
    def _text(self) -> str:
        return self.moved.conftest.strip("\n")

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self._text)

    @property
    def _imported(self) -> Iterator[tuple[str, ...]]:
        """The fixtures that are imported, those of one import together."""
        for node in self._imports:
            if isinstance(node, ast.ImportFrom) and str(node.module).endswith(".fixtures"):
                yield tuple(one.name for one in node.names)

    @property
    def _imports(self) -> list[ast.Import | ast.ImportFrom]:
        return [node for node in self._tree.body if isinstance(node, ast.Import | ast.ImportFrom)]

    @cached_property
    def _defined(self) -> Mapping[str, Function]:
        return {node.name: node for node in self._tree.body if isinstance(node, Function)}

    @cached_property
    def _own(self) -> set[str]:
        """The names that the conftests have at their top."""
        others = (file for file in self._files("tests/") if is_conftest(file.path))
        trees = [
            self.conftest.tree,
            *(one.tree for one in others if one.path != self.conftest.path),
        ]
        return {name for tree in trees for node in tree.body for name in _bound(node)}

    @cached_property
    def _code(self) -> Code:
        root = self.conftest.project.root
        return Code([root / "tests", *self.conftest.project.service.packages])


def is_conftest(path: str) -> bool:
    """Return whether a path is a conftest of the tests."""
    return path.startswith("tests/") and path.endswith("/conftest.py")


def starts_postgres(file: File) -> bool:
    """Return whether a conftest has the fixture that starts Postgres: the others belong there."""
    return b"pg_container" in file.data and any(
        "pg_container" in _bound(one) for one in file.tree.body
    )


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
        for call in getattr(node, "decorator_list", []):
            for keyword in getattr(call, "keywords", []):  # @pytest.fixture(name="db")
                if keyword.arg == "name":
                    yield str(getattr(keyword.value, "value", ""))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (one.asname or one.name.partition(".")[0] for one in node.names)
    else:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
            elif isinstance(part, ast.Import | ast.ImportFrom | Function):
                yield from _bound(part)


def add(text: str, additions: Sequence[Addition]) -> str:
    """Return the text of a conftest with what it lacks: imports behind the others, the rest below.

    Fixtures that are imported are named in `__all__`, else a linter takes them for unused.
    """
    tree = ast.parse(text)
    lines = text.split("\n")
    imports = dict.fromkeys(line for one in additions for line in one.imports)
    exported = [name for one in additions if not one.text for name in one.fixtures]
    stated = next((node for node in tree.body if "__all__" in _bound(node)), None)
    exports = ", ".join(f'"{name}"' for name in exported)
    elements = getattr(getattr(stated, "value", None), "elts", [])
    if exported and elements:
        row = lines[elements[-1].end_lineno - 1].encode()
        end = elements[-1].end_col_offset
        lines[elements[-1].end_lineno - 1] = (
            row[:end] + f", {exports}".encode() + row[end:]
        ).decode()
    at = max((node.end_lineno or 0 for node in tree.body[: _first_code(tree)]), default=0)
    block = list(imports)
    if exported and stated is None:
        block += ["", f"__all__ = [{exports}]"]
    lines[at:at] = block
    bodies = [one.text for one in additions if one.text]
    return "\n\n\n".join(["\n".join(lines).rstrip("\n"), *bodies]) + "\n"


def _first_code(tree: ast.Module) -> int:
    """The number of statements up to the last import at the top."""
    kinds = ast.Import | ast.ImportFrom
    return max((at + 1 for at, node in enumerate(tree.body) if isinstance(node, kinds)), default=0)
