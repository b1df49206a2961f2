"""The fixtures that the suites need, and that a conftest lacks after an update."""

import ast
import json
from collections.abc import Iterator, Sequence
from textwrap import dedent

from tpgen.source import cases
from tpgen.source.code import Code
from tpgen.source.trees import Function, is_fixture

from .file import File
from .project import Project
from .test_classes import TestClasses

OF_AN_EXAMPLE = {
    "Any": "from typing import Any",
    "fill_in": "from pytest_tpgen.suites import fill_in",
}


class Wiring:
    """The fixtures of the table `[wiring]`, for one service.

    Args:
        project: the service.
        text: the fixtures with their imports, as Python.
    """

    def __init__(self, project: Project, text: str) -> None:
        self._project = project
        self._text = text.strip("\n")
        body = ast.parse(self._text).body
        self._fixtures = {node.name: node for node in body if isinstance(node, Function)}
        self._imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]

    def missing(self, conftest: File) -> list[str]:
        """Return the fixtures that a conftest lacks, of those that it or a suite requests."""
        own = self._own_names(conftest)
        if "*" in own or "pytest_plugins" in own:
            return []  # Where its fixtures are can't be read.
        requested = set(self._requested(conftest)) - own
        found = [name for name in self._fixtures if name in requested]
        requested |= {arg.arg for name in found for arg in self._fixtures[name].args.args}
        for node in self._imports:
            fixtures = [alias.name for alias in node.names if _is_of_engine(node)]
            if requested.intersection(fixtures) - own:
                # Fixtures of the engine request each other.
                found += [name for name in fixtures if name not in own]
        return found

    def add(self, conftest: File, missing: Sequence[str]) -> str:
        """Return the text of a conftest with the fixtures that it lacks.

        Args:
            conftest: its content.
            missing: the names of the fixtures.
        """
        defined = [self._fixtures[name] for name in missing if name in self._fixtures]
        imported = [name for name in missing if name not in self._fixtures]
        needed = {*imported}
        bodies = []
        for node in defined:
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if all(map(self._is_there, used)):
                needed |= used
                bodies.append(self._source(node))
            else:
                needed |= {"pytest", *OF_AN_EXAMPLE}
                bodies.append(self._example(node))
        here = {name for node in conftest.tree.body for name in _bound(node)}
        block = list(self._lines(needed - here))
        has_all = b"__all__" in conftest.data
        # Without `__all__` a linter takes an imported fixture for unused.
        exports = f"__all__ {'+=' if has_all else '='} {json.dumps(imported)}"
        if imported and has_all:
            bodies.insert(0, exports)
        elif imported:
            block += ["", exports]
        lines = conftest.text.replace("\r\n", "\n").rstrip("\n").split("\n")
        at = _end_of_imports(conftest.tree)
        lines[at:at] = block
        return "\n\n\n".join(["\n".join(lines), *bodies]) + "\n"

    def _requested(self, conftest: File) -> Iterator[str]:
        """Yield the fixtures that the conftest and the suites of the test classes request."""
        tests = TestClasses(self._project)
        code = Code([self._project.root / "tests"])
        used = {suite for test in tests.all for suite in test.suites}
        bases = {base for base, subclasses in cases.subclasses(code).items() if subclasses & used}
        suites = (suite.node for suite in cases.suites(code) if suite.name in bases)
        for tree in (conftest.tree, *suites):
            is_suite = isinstance(tree, ast.ClassDef)
            for node in ast.walk(tree):
                if isinstance(node, Function) and (is_suite or is_fixture(node)):
                    yield from (arg.arg for arg in [*node.args.args, *node.args.kwonlyargs])

    def _own_names(self, conftest: File) -> set[str]:
        """Return the names at the top of the conftests of the service."""
        files = [conftest, *_conftests(self._project)]
        return {name for file in files for node in file.tree.body for name in _bound(node)}

    def _is_there(self, name: str) -> bool:
        """Return whether a name can be imported; all can but some of the service's own."""
        code = Code([self._project.root / "tests", *self._project.service.packages])
        for node in self._imports:
            if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
                package = str(node.module).partition(".")[0]
                is_own = package in {folder.name for folder in code.packages}
                return not is_own or code.find(f"{node.module}.{name}") is not None
        return True

    def _lines(self, names: set[str]) -> Iterator[str]:
        """Yield the imports of some names."""
        yield from (line for name, line in OF_AN_EXAMPLE.items() if name in names)
        for node in self._imports:
            if wanted := [alias.name for alias in node.names if alias.name in names]:
                origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                yield f"{origin}import {', '.join(wanted)}"

    def _source(self, node: Function) -> str:
        start = min(part.lineno for part in [*node.decorator_list, node])
        return self._lines_of(start, node)

    def _example(self, node: Function) -> str:
        """Return a fixture that fails with the body of the starter's as an example."""
        decorators = "\n".join(f"@{ast.unparse(part)}" for part in node.decorator_list)
        docstring = f'    """{ast.get_docstring(node)}"""'
        body = dedent(self._lines_of(node.body[1].lineno, node))
        call = f"    return fill_in('''\n{body}\n''')"
        return "\n".join([decorators, f"def {node.name}() -> Any:", docstring, call])

    def _lines_of(self, start: int, node: Function) -> str:
        return "\n".join(self._text.split("\n")[start - 1 : node.end_lineno])


def wired_conftest(project: Project) -> str:
    """Return the path of the topmost conftest that starts Postgres, or an empty string."""
    found = [
        file.path
        for file in _conftests(project)
        if b"pg_container" in file.data
        if "pg_container" in {name for node in file.tree.body for name in _bound(node)}
    ]
    return min(found, key=lambda path: path.count("/"), default="")


def _conftests(project: Project) -> list[File]:
    paths = (path for path in project.files if is_conftest(path))
    return [file for file in map(project.file, paths) if file]


def is_conftest(path: str) -> bool:
    """Return whether a path is a conftest of the tests, or that of the whole service."""
    return path == "conftest.py" or (path.startswith("tests/") and path.endswith("/conftest.py"))


def _is_of_engine(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and str(node.module).endswith(".fixtures")


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines, and those of fixtures with a name of their own."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
        for call in node.decorator_list:
            for keyword in getattr(call, "keywords", []):  # @pytest.fixture(name="db")
                if keyword.arg == "name":
                    yield str(getattr(keyword.value, "value", ""))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    else:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
            elif isinstance(part, ast.Import | ast.ImportFrom | Function):
                yield from _bound(part)


def _end_of_imports(tree: ast.Module) -> int:
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return max((node.end_lineno or 0 for node in imports or tree.body[:1]), default=0)
