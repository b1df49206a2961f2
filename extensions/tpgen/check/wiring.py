"""The fixtures that a conftest needs, and that an update can't add: the file is yours."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from textwrap import dedent

from tpgen.source.code import Code
from tpgen.source.trees import Function, base_names, is_fixture, last_name

from .file import File
from .moved import Moved
from .places import is_policy

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
        """The fixtures that those of the conftest and the suites of the test classes request."""
        fixtures = (
            node
            for node in ast.walk(self.conftest.tree)
            if isinstance(node, Function) and is_fixture(node)
        )
        cases = (node for suite in self._suites() for node in ast.walk(suite))
        return {
            one.arg
            for node in (*fixtures, *cases)
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
        wanted: set[str] = set()
        for file in self._files("tests/"):
            # A glance at the text spares most trees; only the tree tells code from a comment.
            if not is_policy(file.path) and any(name.encode() in file.data for name in found):
                wanted |= {name for node in ast.walk(file.tree) for name in _names(node)}
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
        """The names at the top of the conftest, and of those above and below it."""
        project, path = self.conftest.project, self.conftest.path
        others = (
            project.file(one)
            for one in project.files
            if is_conftest(one) and (_is_above(one, path) or _is_above(path, one))
        )
        trees = [self.conftest.tree, *(one.tree for one in others if one)]
        return {name for tree in trees for node in tree.body for name in _bound(node)}

    @cached_property
    def _code(self) -> Code:
        root = self.conftest.project.root
        return Code([root / "tests", *self.conftest.project.service.packages])


def is_conftest(path: str) -> bool:
    """Return whether a path is a conftest of the tests, or that of the whole service."""
    return path == "conftest.py" or (path.startswith("tests/") and path.endswith("/conftest.py"))


def starts_postgres(file: File) -> bool:
    """Return whether a conftest is the topmost with the fixture that starts Postgres."""
    above = [one for one in file.project.files if is_conftest(one) and _is_above(one, file.path)]
    return _has_postgres(file) and not any(
        _has_postgres(one) for one in map(file.project.file, above) if one
    )


def _has_postgres(file: File) -> bool:
    return b"pg_container" in file.data and any(
        "pg_container" in _bound(node) for node in file.tree.body
    )


def _is_above(one: str, other: str) -> bool:
    folder = PurePosixPath(one).parent
    return one != other and PurePosixPath(other).is_relative_to(folder)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.alias):
        yield node.name
    elif isinstance(node, ast.Name | ast.Attribute):
        yield last_name(node)


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
    if exported and (listed := _list(stated)):
        last = listed.elts[-1] if listed.elts else None
        number = (last.end_lineno if last else listed.lineno) or 1
        end = (last.end_col_offset if last else listed.col_offset + 1) or 0
        row = lines[number - 1].encode()
        separator = b", " if last else b""
        lines[number - 1] = (row[:end] + separator + exports.encode() + row[end:]).decode()
    at = max((node.end_lineno or 0 for node in tree.body[: _first_code(tree)]), default=0)
    block = list(imports)
    if exported and stated is None:
        block += ["", f"__all__ = [{exports}]"]
    lines[at:at] = block
    bodies = [one.text for one in additions if one.text]
    return "\n\n\n".join(["\n".join(lines).rstrip("\n"), *bodies]) + "\n"


def _list(stated: ast.stmt | None) -> ast.List | ast.Tuple | None:
    """The first list of names in a statement of `__all__`."""
    parts = ast.walk(stated) if stated else ()
    return next((part for part in parts if isinstance(part, ast.List | ast.Tuple)), None)


def _first_code(tree: ast.Module) -> int:
    """The number of statements up to the last import at the top."""
    kinds = ast.Import | ast.ImportFrom
    return max((at + 1 for at, node in enumerate(tree.body) if isinstance(node, kinds)), default=0)
