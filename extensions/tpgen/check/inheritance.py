"""The test classes of a project that inherit from suites."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tpgen.classes.trees import base_names, names
from tpgen.routes.covered import Covered

from .file import File, Unreadable
from .places import is_test_python
from .project import Project


@dataclass(frozen=True)
class TestClass:
    """A class of tests that inherits from a suite.

    Attributes:
        file: where it is.
        node: the class.
        suites: the names of all that it inherits from.
    """

    file: File
    node: ast.ClassDef
    suites: frozenset[str]

    # pytest would take it for tests.
    __test__ = False

    @cached_property
    def words(self) -> frozenset[str]:
        """The names that its module speaks of."""
        return frozenset(re.findall(r"\w+", self.file.text))

    @property
    def route(self) -> tuple[str, str]:
        """Method and path of the route that it states; empty where they can't be read."""
        known = Covered([]).identity(self.file.tree, self.node)
        if known:
            return known
        values = {
            name: getattr(line.value, "value", "")
            for line in self.node.body
            if isinstance(line, ast.Assign)
            for name in names(line)
        }
        return str(values.get("method", "")), ""


def test_classes(project: Project) -> Iterator[TestClass]:
    """The classes of tests of a service that inherit from suites, also by way of others."""
    found = {node.name: (file, node) for file, node in _classes(project)}
    bases = {name: set(base_names(node)) for name, (_, node) in found.items()}
    for file, node in _classes(project):
        if inherited := _inherited(node, bases):
            yield TestClass(file, node, inherited)


def _classes(project: Project) -> Iterator[tuple[File, ast.ClassDef]]:
    for path in project.files:
        file = project.file(path) if is_test_python(path) else None
        if file and b"Suite" in file.data:
            try:
                yield from ((file, node) for node in file.nodes(ast.ClassDef))
            except Unreadable:
                continue


def _inherited(node: ast.ClassDef, bases: Mapping[str, set[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = set(base_names(node))
    while waiting:
        seen |= waiting
        waiting = {base for name in waiting for base in bases.get(name, ())} - seen
    return frozenset(name for name in seen if name.endswith("Suite"))
