"""The test classes of a project that inherit from suites."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from tpgen.source.code import Code, Definition
from tpgen.source.covered import Covered
from tpgen.source.trees import base_names

from .places import is_test_python
from .project import Project


@dataclass(frozen=True)
class TestClass:
    """A test class with bases.

    Attributes:
        line: where it begins.
        names: those that the code of its module uses; comments and strings do not count.
        route: method and path of the route that it states; empty if they can't be read.
        suites: the names of its bases, and of theirs.
    """

    name: str
    path: str
    line: int
    names: frozenset[str]
    route: tuple[str, str]
    suites: frozenset[str]

    # pytest would collect it.
    __test__ = False


class TestClasses:
    """The test classes of a project that inherit from suites."""

    __test__ = False

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def all(self) -> list[TestClass]:
        """Return the test classes, by file."""
        root = self._project.root
        code = Code([root / "tests"])
        found = []
        for path in filter(is_test_python, self._project.files):
            file = self._project.read(path)
            module = code.module(root / path, root)
            if file is None or b"class" not in file.data or not module.is_readable:
                continue
            used = frozenset(_names(module.tree))
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and node.bases:
                    lineage = [found.node for found in code.lineage(Definition(module, node))]
                    classes = [each for each in lineage if isinstance(each, ast.ClassDef)]
                    suites = frozenset(name for each in classes for name in base_names(each))
                    route = _route(module.tree, node)
                    found.append(TestClass(node.name, path, node.lineno, used, route, suites))
        return found

    def inheriting(self, suites: Collection[str]) -> list[TestClass]:
        """Return the classes that have the cases of one of some suites."""
        return [test_class for test_class in self.all if not test_class.suites.isdisjoint(suites)]


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+:\w+", str(node.value)):
            # `to_build("gateway.steps:DetectPII", …)`, before it is built.
            yield str(node.value).rpartition(":")[2]


def _route(tree: ast.Module, node: ast.ClassDef) -> tuple[str, str]:
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "method":
            method_alone = str(getattr(line.value, "value", "")), ""
            return Covered([]).identity(tree, node) or method_alone
    return Covered([]).identity(tree, node) or ("", "")
