"""Find the test class of each route, from what the classes state; nothing is imported."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

from tpgen.core.policy import Kind
from tpgen.core.service import Service

from .code import Code, Definition
from .trees import Function, base_names, called, classes, names, tree_of


class Covered:
    """The routes of an app, by method and path, and the test classes that state them."""

    def __init__(self, routes: Iterable[tuple[str, str]]) -> None:
        self.routes = {(method, normalize_path(path)) for method, path in routes}

    def identity(self, module: ast.Module, owner: ast.ClassDef) -> tuple[str, str] | None:
        """Return method and path of the route that a test class states; None if it states none."""
        constants = {
            ast.unparse(node.targets[0]): node.value
            for node in module.body
            if isinstance(node, ast.Assign)
        }
        stated = dict(_statements(owner))
        method = _pattern(stated.get("method"), constants)
        path = _pattern(stated.get("url"), constants) or _pattern(stated.get("path"), constants)
        return (method, self._route(method, path)) if method and path else None

    def taken(self, file: Path, route: tuple[str, str]) -> set[str]:
        """Return the classes of a test file that are about other routes than this one."""
        tree = tree_of(file)
        owners = classes(tree)
        return {node.name for node in owners if self.identity(tree, node) not in (None, route)}

    def files(self, service: Service, kind: Kind) -> dict[tuple[str, str], Path]:
        """Return, for each route, the test file with a class about it that has a suite of a kind."""
        code = Code([service.root / "tests"])
        tests = (test for test in kind.tests if not test.is_shared)
        wanted = {name for test in tests for name in test.suite_names}
        found: dict[tuple[str, str], Path] = {}
        for file in sorted((service.root / "tests").rglob("test_*.py")):
            module = code.module(file, service.root)
            for node in module.tree.body if module.is_readable else ():
                if isinstance(node, ast.ClassDef) and (route := self.identity(module.tree, node)):
                    owners = [base.node for base in code.lineage(Definition(module, node))]
                    bases = [name for owner in owners for name in base_names(owner)]
                    if not wanted or not wanted.isdisjoint(bases):
                        found.setdefault(route, file.relative_to(service.root))
        return found

    def _route(self, method: str, path: str) -> str:
        """Return the path of the route that a filled-in path belongs to."""
        if (method, path) in self.routes:
            return path
        for verb, pattern in self.routes:
            regex = re.escape(pattern).replace(r"\{\}", "[^/]+")
            if verb == method and re.fullmatch(regex, path):
                return pattern
        return path


def normalize_path(path: str) -> str:
    """Return a path without the names of its parameters: `/v1/agents/{}`."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _statements(owner: ast.ClassDef | ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield what a class assigns, what its fixture `url` returns, and what placeholders would."""
    for node in owner.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from ((name, node.value) for name in names(node))
            if isinstance(node.value, ast.Call) and called(node.value) == "placeholder":
                with suppress(IndexError, SyntaxError, ValueError):
                    text = dedent(str(ast.literal_eval(node.value.args[0])))
                    yield from _statements(ast.parse(text))
        elif isinstance(node, Function) and node.name == "url":
            yield "url", next((n.value for n in node.body if isinstance(n, ast.Return)), None)


def _pattern(node: ast.expr | None, constants: Mapping[str, ast.expr]) -> str:
    """Return a text, with `{}` for each part that is only known when the test runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name) and node.id in constants:
        return _pattern(constants[node.id], {})
    if isinstance(node, ast.FormattedValue):
        return _pattern(node.value, constants) or "{}"
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part, constants) for part in node.values)
    return ""
