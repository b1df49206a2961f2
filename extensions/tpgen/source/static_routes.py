"""The routes of a service that decorators in its modules state; nothing is imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .code import Code, Module
from .trees import Function, last_name, names

MAKERS = {"APIRouter", "FastAPI"}
VERBS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class StaticRoute:
    """A route that a decorator states: its path as the module shows it, and in the app if known."""

    method: str
    local: str
    full: str
    module: Module
    function: str
    line: int


def static_routes(code: Code) -> Iterator[StaticRoute]:
    common = _common_prefix(code)
    for module in code.holding(b"APIRouter", b"FastAPI"):
        made = _made(module.tree)
        functions = (node for node in ast.walk(module.tree) if isinstance(node, Function))
        for function, call in ((each, call) for each in functions for call in each.decorator_list):
            for router, method, path in _stated(call):
                if router in made:
                    maker, prefix = made[router]
                    above = "" if maker == "FastAPI" else common
                    local = prefix + path
                    full = "" if above is None else above + local
                    yield StaticRoute(method, local, full, module, function.name, call.lineno)


def _common_prefix(code: Code) -> str | None:
    """Return the prefix of `include_router`; None if it differs or can't be read."""
    found: set[str | None] = set()
    for module in code.holding(b"include_router"):
        for call in ast.walk(module.tree):
            if isinstance(call, ast.Call) and last_name(call.func) == "include_router":
                prefix = _keyword(call, "prefix")
                constant = code.resolve(module, prefix)
                found.add(_text(getattr(constant.node, "value", prefix) if constant else prefix))
    return found.pop() if len(found) == 1 else None if found else ""


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _text(expression: ast.expr | None) -> str | None:
    """Return a text; empty if there is none, None if it can't be read."""
    if expression is None:
        return ""
    return str(expression.value) if isinstance(expression, ast.Constant) else None


def _made(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return the routers and apps that a module makes, each with its class and its own prefix."""
    return {
        name: (last_name(node.value.func), _text(_keyword(node.value, "prefix")) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        if isinstance(node.value, ast.Call) and last_name(node.value.func) in MAKERS
        for name in names(node)
    }


def _stated(call: ast.expr) -> Iterator[tuple[str, str, str]]:
    """Yield router, method and path of a decorator such as `@router.get("/path")`."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    router, verb = last_name(call.func.value), call.func.attr
    path = _text([*call.args[:1], _keyword(call, "path")][0])
    if path is None:
        return
    if verb in VERBS:
        yield router, verb.upper(), path
    elif verb == "api_route":
        for method in getattr(_keyword(call, "methods"), "elts", ()):
            yield router, str(getattr(method, "value", "")).upper(), path
