"""The fixtures that the suites need, and that a conftest lacks after an update."""

import ast
import json
from collections.abc import Iterator, Sequence

from tpgen.source import cases
from tpgen.source.code import Code
from tpgen.source.trees import Function, is_fixture

from .file import File
from .project import Project
from .test_classes import TestClasses
from .tests import parameters


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
        # Each import as a statement, by the name that it binds.
        self._imports: dict[str, str] = {}
        self._of_engine: list[str] = []
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                self._imports |= {
                    alias.name: f"{origin}import {alias.name}" for alias in node.names
                }
                if origin.endswith(".fixtures "):
                    self._of_engine += [alias.name for alias in node.names]

    def missing(self, conftest: File) -> list[str]:
        """Return the fixtures that a conftest lacks, of those that it or a suite requests."""
        files = [conftest, *_conftests(self._project)]
        own = {name for file in files for name in _bound(file.tree)}
        if "*" in own or "pytest_plugins" in own:
            return []  # Where its fixtures are can't be read.
        requested = set(self._requested(conftest)) - own
        found = [name for name in self._fixtures if name in requested]
        requested |= {arg.arg for name in found for arg in parameters(self._fixtures[name])}
        if requested.intersection(self._of_engine) - own:
            # Fixtures of the engine request each other.
            found += [name for name in self._of_engine if name not in own]
        return found

    def add(self, conftest: File, missing: Sequence[str]) -> str:
        """Return the text of a conftest with the fixtures that it lacks.

        A fixture that uses what this service does not have is left to a person.
        """
        bodies = []
        imported = needed = set(missing).intersection(self._of_engine)
        for node in (self._fixtures[name] for name in missing if name in self._fixtures):
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if all(map(self._is_there, used)):
                needed = needed | used
                start = min(part.lineno for part in [*node.decorator_list, node])
                bodies.append("\n".join(self._text.split("\n")[start - 1 : node.end_lineno]))
        if imported:
            # Without `__all__` a linter takes an imported fixture for unused.
            operator = "+=" if b"__all__" in conftest.data else "="
            bodies.append(f"__all__ {operator} {json.dumps(sorted(imported))}")
        if not bodies:
            return conftest.text
        body = conftest.tree.body
        nodes = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)] or body[:1]
        end = max((node.end_lineno or 0 for node in nodes), default=0)
        lines = conftest.text.replace("\r\n", "\n").rstrip("\n").split("\n")
        new = needed.difference(_bound(conftest.tree))
        lines[end:end] = [line for name, line in self._imports.items() if name in new]
        return "\n\n\n".join(["\n".join(lines), *bodies]) + "\n"

    def _requested(self, conftest: File) -> Iterator[str]:
        """Yield the fixtures that the conftest and the suites of the test classes request."""
        code = Code([self._project.root / "tests"])
        used = {suite for test in TestClasses(self._project).all for suite in test.suites}
        bases = {base for base, subclasses in cases.subclasses(code).items() if subclasses & used}
        suites = (suite.node for suite in cases.suites(code) if suite.name in bases)
        for tree in (conftest.tree, *suites):
            is_suite = isinstance(tree, ast.ClassDef)
            for node in ast.walk(tree):
                if isinstance(node, Function) and (is_suite or is_fixture(node)):
                    yield from (arg.arg for arg in parameters(node))

    def _is_there(self, name: str) -> bool:
        """Return whether a name can be imported; all can but some of the service's own."""
        code = Code([self._project.root / "tests", *self._project.service.packages])
        origin, _, module = self._imports.get(name, "").partition(" import ")[0].partition(" ")
        is_own = module.partition(".")[0] in {folder.name for folder in code.packages}
        return origin != "from" or not is_own or code.find(f"{module}.{name}") is not None


def wired_conftest(project: Project) -> str:
    """Return the path of the topmost conftest that starts Postgres, or an empty string."""
    found = [
        file.path
        for file in _conftests(project)
        if b"pg_container" in file.data and "pg_container" in _bound(file.tree)
    ]
    return min(found, key=lambda path: path.count("/"), default="")


def _conftests(project: Project) -> list[File]:
    paths = (path for path in project.files if is_conftest(path))
    return [file for file in map(project.file, paths) if file]


def is_conftest(path: str) -> bool:
    """Return whether a path is a conftest of the tests, or that of the whole service."""
    return path == "conftest.py" or (path.startswith("tests/") and path.endswith("/conftest.py"))


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a module defines, and those of fixtures with a name of their own."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
        for call in node.decorator_list:
            for keyword in getattr(call, "keywords", []):  # @pytest.fixture(name="db")
                if keyword.arg == "name":
                    yield str(getattr(keyword.value, "value", ""))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Name):
        yield from [node.id] if isinstance(node.ctx, ast.Store) else []
    else:
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)
