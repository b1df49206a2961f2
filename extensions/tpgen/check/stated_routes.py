"""The routes of a service, as far as its modules state them by themselves: nothing is imported."""

import ast
from collections.abc import Iterator, Mapping

from tpgen.classes.code import Code
from tpgen.classes.trees import Function, last_name, names

from .file import File, Unreadable
from .project import Project

VERBS = {"get", "post", "put", "patch", "delete"}


def routes(project: Project, code: Code) -> Iterator[tuple[str, str, str, int]]:
    """Method, path, file and line of each route that a decorator states."""
    for module in code.matching("**/*.py"):
        path = module.path.relative_to(project.root).as_posix()
        file = project.file(path)
        if file is None or not any(word in file.data for word in (b"APIRouter", b"FastAPI")):
            continue
        try:
            prefixes = _prefixes(file)
            for function in _functions(file):
                for call in function.decorator_list:
                    for method, local in _route(call, prefixes):
                        yield method, local, path, call.lineno
        except Unreadable:
            continue


def _functions(file: File) -> list[Function]:
    found: list[Function] = [*file.nodes(ast.FunctionDef)]
    return [*found, *file.nodes(ast.AsyncFunctionDef)]


def _prefixes(file: File) -> dict[str, str]:
    """The routers and apps that a module makes, each with its own prefix."""
    found: dict[str, str] = {}
    nodes: list[ast.Assign | ast.AnnAssign] = [*file.nodes(ast.Assign)]
    for node in [*nodes, *file.nodes(ast.AnnAssign)]:
        call = node.value
        if isinstance(call, ast.Call) and last_name(call.func) in {"APIRouter", "FastAPI"}:
            prefix = [one.value for one in call.keywords if one.arg == "prefix"]
            text = getattr(prefix[0], "value", "") if prefix else ""
            found |= {name: str(text) for name in names(node)}
    return found


def _route(call: ast.expr, prefixes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Method and path, as far as the module tells, of a decorator `@router.get("/path")`."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    router, verb = last_name(call.func.value), call.func.attr
    paths = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "path")]
    text = getattr(paths[0], "value", None) if paths else None
    if router not in prefixes or not isinstance(text, str):
        return
    if verb in VERBS:
        yield verb.upper(), prefixes[router] + text
    elif verb == "api_route":
        given = [one.value for one in call.keywords if one.arg == "methods"]
        methods = getattr(given[0], "elts", []) if given else []
        for one in methods:
            yield str(getattr(one, "value", "")).upper(), prefixes[router] + text
