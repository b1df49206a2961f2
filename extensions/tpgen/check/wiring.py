"""The fixtures that the suites need, and that `tests/conftest.py` lacks after an update."""

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tpgen.core.finding import Edit
from tpgen.source import cases
from tpgen.source.code import Code, Module
from tpgen.source.trees import Function, is_fixture

from . import test_classes
from .file import File
from .project import Project
from .tests import parameters

CONFTEST = "tests/conftest.py"


class Wiring:
    """The fixtures of the table `[wiring]`, for one service.

    Args:
        project: the service.
        text: the fixtures with their imports, as Python.
    """

    def __init__(self, project: Project, text: str) -> None:
        self._project = project
        self._code = Code([project.root / "tests", *project.service.packages])
        self._lines = text.split("\n")
        table = Module(Path(CONFTEST), Path(), text.encode())
        self._fixtures = {
            name: node for name, node in table.definitions.items() if isinstance(node, Function)
        }
        self._imports = table.imports
        self._of_engine = [
            name for name, (module, _) in self._imports.items() if module.endswith(".fixtures")
        ]

    def missing(self, conftest: File) -> list[str]:
        """Return the fixtures that a conftest lacks, of those that it or a suite requests."""
        paths = (path for path in self._project.files if path.endswith("conftest.py"))
        files = [conftest, *filter(None, map(self._project.file, paths))]
        own = {name for file in files for name in _bound(file)}
        if "*" in own or "pytest_plugins" in own:
            return []  # Where its fixtures are can't be read.
        requested = set(self._requested(conftest)) - own
        found = [name for name in self._fixtures if name in requested]
        requested |= {arg.arg for name in found for arg in parameters(self._fixtures[name])}
        if requested.intersection(self._of_engine) - own:
            # Fixtures of the engine request each other.
            found += [name for name in self._of_engine if name not in own]
        return found

    def edits(self, conftest: File, missing: Sequence[str]) -> tuple[Edit, ...]:
        """Return the edits that add fixtures to a conftest.

        A fixture that uses what this service does not have is left to a person.
        """
        bodies = []
        imported = needed = set(missing).intersection(self._of_engine)
        for node in (self._fixtures[name] for name in missing if name in self._fixtures):
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if all(map(self._is_there, used)):
                needed = needed | used
                start = min(part.lineno for part in [*node.decorator_list, node])
                bodies.append("\n".join(self._lines[start - 1 : node.end_lineno]))
        if imported:
            # Without `__all__` a linter takes an imported fixture for unused.
            operator = "+=" if b"__all__" in conftest.data else "="
            bodies.append(f"__all__ {operator} {json.dumps(sorted(imported))}")
        if not bodies:
            return ()
        imports = ""
        for name in sorted(needed.difference(_bound(conftest)).intersection(self._imports)):
            module, member = self._imports[name]
            imports += f"from {module} import {member}\n" if member else f"import {module}\n"
        body = conftest.tree.body
        nodes = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)] or body[:1]
        last = max((node.end_lineno or 0 for node in nodes), default=0)
        after_imports = len(b"".join(conftest.data.splitlines(keepends=True)[:last]))
        end = len(conftest.data)
        text = "".join(f"\n\n{body}\n" for body in bodies)
        return Edit(after_imports, after_imports, imports.encode()), Edit(end, end, text.encode())

    def _requested(self, conftest: File) -> Iterator[str]:
        """Yield the fixtures that the conftest and the suites of the test classes request."""
        used = {suite for test in test_classes.of(self._project) for suite in test.suites}
        subclasses = cases.subclasses(self._code)
        suites = (suite for suite in cases.suites(self._code) if subclasses[suite.name] & used)
        for tree in (conftest.tree, *(suite.node for suite in suites)):
            for node in ast.walk(tree):
                if isinstance(node, Function) and (tree is not conftest.tree or is_fixture(node)):
                    yield from (arg.arg for arg in parameters(node))

    def _is_there(self, name: str) -> bool:
        """Return whether a name can be imported; all can but some of the service's own."""
        module, imported = self._imports.get(name, ("", ""))
        is_own = module.partition(".")[0] in {folder.name for folder in self._code.packages}
        return not is_own or self._code.find(f"{module}.{imported}") is not None


def _bound(file: File) -> Iterator[str]:
    """Yield the names at the top of a file."""
    module = Module(Path(file.path), Path(), file.data)
    if module.is_readable:
        yield from (*module.definitions, *module.imports)
