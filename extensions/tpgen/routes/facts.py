"""What the skeleton of a route needs: names, requests as code, and the rows they speak of."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tpgen.naming import to_class, to_snake
from tpgen.service import Service

from . import values
from .reader import App, Route
from .rows import Row, Rows

GENERIC = {"api", "app", "endpoints", "handlers", "main", "routers", "routes", "server", "views"}


@dataclass
class Code:
    """An expression of a test, and the rows that must be made before it.

    Attributes:
        text: the expression; empty where no tool can know it.
        rows: made by factories.
        caller: whether it speaks of the caller.
    """

    text: str = ""
    rows: list[Row] = field(default_factory=list)
    caller: bool = False


@dataclass(frozen=True)
class RouteFacts:
    """A route of the app, as a skeleton sees it.

    Attributes:
        route: what the app says of it.
        rows: what rows the tests can make.
    """

    route: Route
    rows: Rows

    @property
    def suite(self) -> str:
        """The suite whose cases it must have."""
        if not self.route.secured:
            return "PublicRouteSuite"
        return "IdempotentRouteSuite" if self.route.idempotent else "RouteSuite"

    @property
    def class_name(self) -> str:
        """Of the test, after the function behind the route."""
        return f"Test{to_class(to_snake(self.route.name))}"

    @cached_property
    def url(self) -> Code:
        """The path with its ids filled in; no text where some row can't be made."""
        code = Code()
        parts = self.route.path.split("/")
        filled = self.route.url.split("/")
        for number, part in enumerate(parts):
            if name := part.strip("{}") if part.startswith("{") and part.endswith("}") else "":
                row = self.rows.find(name, parts[number - 1])
                if row:
                    parts[number] = f"{{{row.name}.{self.rows.attribute(row, name)}}}"
                    _use(code, row)
                elif name in self.route.path_references:
                    return Code()
                else:
                    parts[number] = filled[number]
        path = values.source("/".join(parts))
        code.text = f"f{path}" if code.rows or code.caller else path
        return code

    @cached_property
    def valid(self) -> Code:
        """The valid request; no text where it names a row that can't be made."""
        code = Code()
        request: Any = self.route.valid
        for place in self.route.references:
            row = self.rows.find(str(place[-1]))
            if row is None:
                return Code()
            wanted = f"{row.name}.id"
            is_text = isinstance(_at(request, ("json", *place)), str)
            request = _put(
                request, ("json", *place), f"@{f'str({wanted})' if is_text else wanted}@"
            )
            _use(code, row)
        code.text = re.sub(r'"@([\w.()]+)@"', r"\1", values.source(request))
        return code

    @property
    def other(self) -> str:
        """Another valid request, as code; by what differs where the valid one speaks of rows."""
        if self.route.other is None:
            return ""
        if not self.route.references:
            return values.source(self.route.other)
        valid, other = self.route.valid["json"], self.route.other["json"]
        differing = {key: value for key, value in other.items() if valid.get(key) != value}
        pairs = "".join(f", {values.source(k)}: {values.source(v)}" for k, v in differing.items())
        return f'{{"json": {{**valid_request["json"]{pairs}}}}}'

    @property
    def malformed(self) -> list[str]:
        """The requests to refuse, as code."""
        return [values.source(request) for request in self.route.malformed]


def facts(service: Service, route: Route | None, method: str, path: str) -> dict[str, Any]:
    """What the skeleton of a route may use.

    Args:
        service: whose factories make the rows that a request speaks of.
        route: what the app says of it; None where the app has no such route.
        method: of the route.
        path: of the route.
    """
    rows = Rows(service)
    found = RouteFacts(route, rows) if route else None
    used = [*found.url.rows, *found.valid.rows] if found else []
    return {
        "route": found,
        "method": method,
        "path": path,
        "class_name": found.class_name if found else name_of_class(method, path),
        "who": rows.caller,
        "who_module": rows.caller_module,
        "factories": sorted({row.factory for row in used}),
    }


def name_of_file(app: App, route: Route | None, path: str) -> str:
    """What the test file of a route is called after: its module, else the first word of its path."""
    stem = route.module.rpartition(".")[2] if route else ""
    if stem and stem not in GENERIC and not stem.startswith("_"):
        return to_snake(stem)
    words = [part for part in path.split("/") if re.fullmatch(r"[A-Za-z][\w-]*", part)]
    named = [word for word in words if word != "api" and not re.fullmatch(r"v\d+", word)]
    return to_snake((named or ["root"])[0].replace("-", "_"))


def name_of_class(method: str, path: str) -> str:
    """The test class of a route that nobody has built yet."""
    words = [part for part in re.split(r"\W+", path) if part and not re.fullmatch(r"v\d+", part)]
    return "Test" + "".join(to_class(to_snake(word)) for word in (method.lower(), *words))


class Covered:
    """Which test class is about which route.

    Args:
        routes: method and path of each route of the app.
    """

    def __init__(self, routes: Sequence[tuple[str, str]]) -> None:
        self.routes = {(method, holes(path)): path for method, path in routes}

    def identity(self, module: ast.Module, owner: ast.ClassDef) -> tuple[str, str] | None:
        """Method and path of the route that a test class states; None where it states none."""
        constants = {
            ast.unparse(node.targets[0]): node.value
            for node in module.body
            if isinstance(node, ast.Assign)
        }
        stated = dict(_stated(owner))
        method = _pattern(stated.get("method"), constants)
        path = _pattern(stated.get("url") or stated.get("path"), constants)
        return (method, self._route(method, path)) if method and path else None

    def files(self, service: Service) -> dict[tuple[str, str], Path]:
        """The test file that has a class about a route, for each route that has one."""
        found: dict[tuple[str, str], Path] = {}
        for file in sorted((service.root / "tests").rglob("test_*.py")):
            try:
                tree = ast.parse(file.read_bytes())
            except (OSError, SyntaxError, ValueError):
                continue
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and (route := self.identity(tree, node)):
                    found.setdefault(route, file.relative_to(service.root))
        return found

    def _route(self, method: str, path: str) -> str:
        """The route that a path with its values filled in belongs to."""
        if (method, path) in self.routes:
            return path
        for way, pattern in self.routes:
            if way == method and re.fullmatch(re.escape(pattern).replace(r"\{\}", "[^/]+"), path):
                return pattern
        return path


def holes(path: str) -> str:
    """The path with its parameters left open: `/v1/agents/{}`."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _stated(owner: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    """The facts of a class: what it assigns, and what its fixture `url` returns."""
    for node in owner.body:
        if isinstance(node, ast.Assign):
            yield ast.unparse(node.targets[0]), node.value
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), node.value
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "url":
            yield "url", next((n.value for n in node.body if isinstance(n, ast.Return)), None)


def _pattern(node: ast.expr | None, constants: Mapping[str, ast.expr]) -> str:
    """A text, with `{}` for what is only known when the test runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name) and node.id in constants:
        return _pattern(constants[node.id], {})
    if isinstance(node, ast.FormattedValue):
        return _pattern(node.value, constants) or "{}"
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part, constants) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _pattern(node.left, constants) + (_pattern(node.right, constants) or "{}")
    return ""


def _use(code: Code, row: Row) -> None:
    if row.factory and row not in code.rows:
        code.rows.append(row)
    code.caller = code.caller or not row.factory or bool(row.belongs)


def _at(value: Any, place: Sequence[str | int]) -> Any:
    for key in place:
        value = value[key]
    return value


def _put(value: Any, place: Sequence[str | int], new: Any) -> Any:
    """The value with another one at a place; the first one stays as it was."""
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = _put(value[place[0]], place[1:], new)
    return copy
