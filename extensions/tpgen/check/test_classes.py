"""The test classes of a project that inherit from suites."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tpgen.core.policy import SUITES
from tpgen.source.covered import Covered
from tpgen.source.trees import base_names, names

from .file import File, Unreadable
from .places import is_test_python
from .project import Project

# A class and its bases, as far as the text shows them.
HEADER = re.compile(rb"^[ \t]*class[ \t]+(\w+)[ \t]*(?:\(([^)]*)\))?", re.MULTILINE)


@dataclass(frozen=True)
class TestClass:
    """A test class that inherits from a suite.

    Attributes:
        name: of the class.
        path: its file.
        line: where it begins.
        names: those that the code of its module uses; comments and strings do not count.
        route: method and path of the route that it states; empty if they can't be read.
        suites: the names of all suites that it inherits from.
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
    """The test classes of a project that inherit from suites.

    Only files that may hold one are parsed.
    """

    __test__ = False

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def all(self) -> list[TestClass]:
        """Return the test classes, by file."""
        suites = {
            name
            for path in self._project.files
            if path.startswith(f"{SUITES.as_posix()}/") and (file := self._project.read(path))
            for name, _ in HEADER.findall(file.data)
        }
        read = (self._project.read(path) for path in filter(is_test_python, self._project.files))
        files = [file for file in read if file and b"class" in file.data]
        found = [test_class for file in _inheriting(files, suites) for test_class in _classes(file)]
        bases = {test_class.name: test_class.suites for test_class in found}
        known = {name.decode() for name in suites}
        return [
            replace(test_class, suites=_inherited(test_class.suites, bases) & known)
            for test_class in found
        ]

    def inheriting(self, suites: Collection[str]) -> list[TestClass]:
        """Return the classes that have the cases of one of some suites."""
        return [test_class for test_class in self.all if not test_class.suites.isdisjoint(suites)]


def _inheriting(files: list[File], suites: set[bytes]) -> Iterator[File]:
    """Yield the files with a class that inherits from a suite, as far as the texts show it."""
    headers = {file: HEADER.findall(file.data) for file in files}
    bases = {
        name: set(re.findall(rb"\w+", listed))
        for found in headers.values()
        for name, listed in found
    }
    wanted, size = set(suites), -1
    while size != len(wanted):
        size = len(wanted)
        wanted |= {name for name, known in bases.items() if known & wanted}
    for file, found in headers.items():
        if any(wanted.intersection(re.findall(rb"\w+", listed)) for _, listed in found):
            yield file


def _classes(file: File) -> list[TestClass]:
    """Return the classes of a file, each with its direct bases as suites."""
    try:
        used = frozenset(_names(file))
    except Unreadable:
        return []
    return [
        TestClass(
            node.name, file.path, node.lineno, used, _route(file, node), frozenset(base_names(node))
        )
        for node in file.nodes(ast.ClassDef)
    ]


def _names(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+:\w+", str(node.value)):
            # `to_build("gateway.steps:DetectPII", …)`, before it is built.
            yield str(node.value).rpartition(":")[2]


def _route(file: File, node: ast.ClassDef) -> tuple[str, str]:
    known = Covered([]).identity(file.tree, node)
    if known:
        return known
    values = {
        name: getattr(line.value, "value", "")
        for line in node.body
        if isinstance(line, ast.Assign)
        for name in names(line)
    }
    return str(values.get("method", "")), ""


def _inherited(own: frozenset[str], bases: Mapping[str, frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = set(own)
    while waiting:
        seen |= waiting
        waiting = {base for name in waiting for base in bases.get(name, ())} - seen
    return frozenset(seen)
