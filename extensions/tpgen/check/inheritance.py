"""The test classes of a project that inherit from suites."""

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
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
    """A class of tests that inherits from a suite.

    Attributes:
        name: of the class.
        path: its file.
        line: where it begins.
        named: the names that the code of its module uses, comments and texts left out.
        route: method and path of the route that it states; empty where they can't be read.
        suites: the names of all that it inherits from.
    """

    name: str
    path: str
    line: int
    named: frozenset[str]
    route: tuple[str, str]
    suites: frozenset[str]

    # pytest would take it for tests.
    __test__ = False

    def speaks_of(self, name: str) -> bool:
        """Whether the code of its module uses a name."""
        return name in self.named


class TestClasses:
    """The classes of tests of a project that inherit from suites.

    Of thousands of files only those are parsed that may answer a question; no tree is kept.
    """

    __test__ = False

    def __init__(self, project: Project) -> None:
        self._project = project
        self._suites = {
            name.decode()
            for path in project.files
            if path.startswith(f"{SUITES.as_posix()}/") and (file := project.read(path))
            for name, _ in HEADER.findall(file.data)
        }
        read = (project.read(path) for path in filter(is_test_python, project.files))
        files = {file.path: file.data for file in read if file and b"class" in file.data}
        self._texts = _inheriting(files, {name.encode() for name in self._suites})
        self._known: dict[str, list[TestClass]] = {}

    def any(self, is_meant: Callable[[TestClass], bool], words: Collection[str]) -> bool:
        """Whether there is such a class; the files that hold all of the words come first."""
        wanted = [word.encode() for word in words]
        paths = sorted(
            self._texts, key=lambda path: not all(word in self._texts[path] for word in wanted)
        )
        direct = (one for path in paths for one in self._of(path))
        return any(map(is_meant, direct)) or any(map(is_meant, self._inheriting))

    def inheriting(self, suites: Collection[str]) -> list[TestClass]:
        """The classes that have the cases of one of some suites, by way of others too."""
        return [one for one in self._inheriting if one.suites & set(suites)]

    @cached_property
    def _inheriting(self) -> list[TestClass]:
        """All classes, each with the suites that it has by way of others too."""
        found = [one for path in self._texts for one in self._of(path)]
        bases = {one.name: one.suites for one in found}
        return [replace(one, suites=_inherited(one.suites, bases) & self._suites) for one in found]

    def _of(self, path: str) -> list[TestClass]:
        """The classes of a file, each with its own bases alone."""
        if path not in self._known:
            file = File(path, self._texts[path], self._project)
            try:
                named = frozenset(_named(file))
                classes = file.nodes(ast.ClassDef)
                self._known[path] = [_class(file, node, named) for node in classes]
            except Unreadable:
                self._known[path] = []
        return self._known[path]


def _class(file: File, node: ast.ClassDef, named: frozenset[str]) -> TestClass:
    own = frozenset(base_names(node))
    return TestClass(node.name, file.path, node.lineno, named, _route(file, node), own)


def _named(file: File) -> Iterator[str]:
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


def _inheriting(files: Mapping[str, bytes], suites: set[bytes]) -> dict[str, bytes]:
    """Return the files with a class that inherits from a suite, as far as their texts show it."""
    classes = {path: HEADER.findall(data) for path, data in files.items()}
    bases = {
        name: set(re.findall(rb"\w+", listed))
        for found in classes.values()
        for name, listed in found
        if listed
    }
    wanted, size = set(suites), -1
    while size != len(wanted):
        size = len(wanted)
        wanted |= {name for name, known in bases.items() if known & wanted}
    return {
        path: files[path]
        for path, found in classes.items()
        if any(wanted.intersection(re.findall(rb"\w+", listed)) for _, listed in found)
    }


def _inherited(own: frozenset[str], bases: Mapping[str, frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = set(own)
    while waiting:
        seen |= waiting
        waiting = {base for name in waiting for base in bases.get(name, ())} - seen
    return frozenset(seen)
