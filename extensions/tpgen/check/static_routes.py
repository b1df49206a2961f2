"""The routes of a service, as far as its modules state them by themselves: nothing is imported."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tpgen.source.code import Code, Module
from tpgen.source.trees import last_name, names

from .file import File, Unreadable
from .project import Project
from .tests import functions

MAKERS = {"APIRouter", "FastAPI"}
VERBS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Stated:
    """A route that a decorator states.

    Attributes:
        method: such as GET.
        local: its path, as far as its module tells.
        full: the same below the prefix that all routers are included with, where it is one.
        file: where it is, relative to the project.
        line: of the decorator.
    """

    method: str
    local: str
    full: str
    file: str
    line: int


def routes(project: Project, code: Code) -> Iterator[Stated]:
    """Each route that a decorator states."""
    below = _common_prefix(project, code)
    for _, file in _files(project, code, b"APIRouter", b"FastAPI"):
        prefixes = _prefixes(file, *MAKERS)
        routers = _prefixes(file, "APIRouter")
        for function in functions(file):
            for call in function.decorator_list:
                for router, method, local in _route(call, prefixes):
                    full = below + local if router in routers else local
                    yield Stated(method, local, full, file.path, call.lineno)


def _common_prefix(project: Project, code: Code) -> str:
    """What `include_router` puts before the routes; nothing where that differs or can't be read."""
    found = set()
    for module, file in _files(project, code, b"include_router"):
        for call in file.nodes(ast.Call):
            if last_name(call.func) == "include_router":
                given = [one.value for one in call.keywords if one.arg == "prefix"]
                found.add(_text(code, module, given[0]) if given else "")
    return found.pop() if len(found) == 1 else ""


def _text(code: Code, module: Module, expression: ast.expr) -> str:
    """A text, also by the name of a constant."""
    if isinstance(expression, ast.Name) and (found := code.resolve(module, expression)):
        expression = getattr(found.node, "value", None) or expression
    return str(expression.value) if isinstance(expression, ast.Constant) else ""


def _files(project: Project, code: Code, *words: bytes) -> Iterator[tuple[Module, File]]:
    """The modules that can be parsed and hold one of these words."""
    for module in code.matching("**/*.py"):
        file = project.file(module.path.relative_to(project.root).as_posix())
        if file and any(word in file.data for word in words) and _is_python(file):
            yield module, file


def _is_python(file: File) -> bool:
    try:
        return file.tree is not None
    except Unreadable:
        return False


def _prefixes(file: File, *makers: str) -> dict[str, str]:
    """The routers or apps that a module makes, each with its own prefix."""
    found: dict[str, str] = {}
    nodes: list[ast.Assign | ast.AnnAssign] = [*file.nodes(ast.Assign)]
    for node in [*nodes, *file.nodes(ast.AnnAssign)]:
        call = node.value
        if isinstance(call, ast.Call) and last_name(call.func) in makers:
            prefix = [one.value for one in call.keywords if one.arg == "prefix"]
            text = getattr(prefix[0], "value", "") if prefix else ""
            found |= {name: str(text) for name in names(node)}
    return found


def _route(call: ast.expr, prefixes: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Router, method and path, as the module tells them, of a decorator `@router.get("/path")`."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    router, verb = last_name(call.func.value), call.func.attr
    paths = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "path")]
    text = getattr(paths[0], "value", None) if paths else None
    if router not in prefixes or not isinstance(text, str):
        return
    if verb in VERBS:
        yield router, verb.upper(), prefixes[router] + text
    elif verb == "api_route":
        given = [one.value for one in call.keywords if one.arg == "methods"]
        methods = getattr(given[0], "elts", []) if given else []
        for one in methods:
            yield router, str(getattr(one, "value", "")).upper(), prefixes[router] + text
