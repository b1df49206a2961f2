"""The test classes of a project that inherit from suites."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tpgen.source import trees
from tpgen.source.code import Code, Definition
from tpgen.source.covered import Covered

from .places import is_test_python
from .project import Project


@dataclass(frozen=True)
class TestClass:
    """A test class with bases.

    Attributes:
        names: those that the code of its module uses; comments and strings do not count.
        route: method and path of the route that it states; empty if they can't be read.
        suites: the names of its bases, and of theirs.
    """

    path: str
    names: frozenset[str]
    route: tuple[str, str]
    suites: frozenset[str]

    # pytest would collect it.
    __test__ = False


@lru_cache(maxsize=1)
def of(project: Project) -> list[TestClass]:
    """Return the test classes of a project, by file."""
    code, found = Code([project.root / "tests"]), []
    for path in filter(is_test_python, project.files):
        file = project.read(path)
        module = code.module(project.root / path, project.root)
        if file is None or b"class" not in file.data or not module.is_readable:
            continue
        used = frozenset(_names(module.tree))
        for node in trees.classes(module.tree):
            lineage = code.lineage(Definition(module, node))
            suites = frozenset(name for base in lineage for name in trees.base_names(base.node))
            if suites:
                found.append(TestClass(path, used, _route(module.tree, node), suites))
    return found


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
    stated = {name: line for line in node.body for name in trees.names(line)}
    method = getattr(getattr(stated.get("method"), "value", None), "value", "")
    return Covered([]).identity(tree, node) or (str(method), "")
