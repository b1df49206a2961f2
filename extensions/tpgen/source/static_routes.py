"""The routes of a service that decorators in its modules state; nothing is imported."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .code import Code
from .modules import Module
from .trees import Function, last_name, names

MAKERS = {"APIRouter", "FastAPI"}
VERBS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class StaticRoute:
    """A route that a decorator states.

    Attributes:
        method: such as GET.
        local: the path, as far as the module shows it.
        full: the same below the prefix of the app; empty if that differs or can't be read.
        module: where it is.
        function: the name of its function.
        line: of the decorator.
    """

    method: str
    local: str
    full: str
    module: Module
    function: str
    line: int


def static_routes(code: Code) -> Iterator[StaticRoute]:
    """Yield each route that a decorator states."""
    common = _common_prefix(code)
    for module in _modules(code, b"APIRouter", b"FastAPI"):
        prefixes = _prefixes(module.tree, MAKERS)
        routers = _prefixes(module.tree, {"APIRouter"})
        functions = (node for node in ast.walk(module.tree) if isinstance(node, Function))
        for function, call in ((each, call) for each in functions for call in each.decorator_list):
            for router, method, local in _routes(call, prefixes):
                full = local
                if router in routers:
                    full = "" if common is None else common + local
                yield StaticRoute(method, local, full, module, function.name, call.lineno)


def _common_prefix(code: Code) -> str | None:
    """Return the prefix of `include_router`; None if it differs or can't be read."""
    found: set[str | None] = set()
    for module in _modules(code, b"include_router"):
        for call in ast.walk(module.tree):
            if isinstance(call, ast.Call) and last_name(call.func) == "include_router":
                prefix = _keyword(call, "prefix")
                found.add(_text(code, module, prefix) if prefix else "")
    return "" if not found else found.pop() if len(found) == 1 else None


def _text(code: Code, module: Module, expression: ast.expr) -> str | None:
    """Return a text, which may be the value of a constant."""
    if isinstance(expression, ast.Name) and (found := code.resolve(module, expression)):
        expression = getattr(found.node, "value", None) or expression
    return str(expression.value) if isinstance(expression, ast.Constant) else None


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _modules(code: Code, *words: bytes) -> Iterator[Module]:
    """Yield the modules that hold one of some words, and can be parsed."""
    for module in code.matching("**/*.py"):
        data = module.path.read_bytes()
        if any(word in data for word in words) and module.is_readable:
            yield module


def _prefixes(tree: ast.Module, makers: set[str]) -> dict[str, str]:
    """Return the routers or apps that a module makes, each with its own prefix."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        call = node.value
        if isinstance(call, ast.Call) and last_name(call.func) in makers:
            prefix = getattr(_keyword(call, "prefix"), "value", "")
            found |= dict.fromkeys(names(node), str(prefix))
    return found


def _routes(call: ast.expr, prefixes: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield router, method and path of a decorator such as `@router.get("/path")`."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    router, verb = last_name(call.func.value), call.func.attr
    path = getattr([*call.args[:1], _keyword(call, "path")][0], "value", None)
    if router not in prefixes or not isinstance(path, str):
        return
    if verb in VERBS:
        yield router, verb.upper(), prefixes[router] + path
    elif verb == "api_route":
        for method in getattr(_keyword(call, "methods"), "elts", ()):
            yield router, str(getattr(method, "value", "")).upper(), prefixes[router] + path
