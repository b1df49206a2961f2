"""Names for the tests and the start of a route: of the file, the class, the function."""

import ast
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from tpgen.core.names import to_class, to_snake
from tpgen.core.service import Service
from tpgen.source.trees import Function, tree_of

from .requests import Route

GENERIC = {"api", "app", "endpoints", "handlers", "main", "routers", "routes", "server", "views"}
VERBS = {
    *("add", "all", "create", "delete", "destroy", "edit", "fetch", "find", "get", "head", "index"),
    *("list", "new", "patch", "post", "put", "read", "remove", "replace", "retrieve", "save"),
    *("search", "show", "store", "update", "upload"),
}
VERSION = re.compile(r"v\d+")


def name_of_file(route: Route | None, path: str) -> str:
    """What the test file of a route is called after: its module, else the first word of its path."""
    stem = route.module.rpartition(".")[2] if route else ""
    if stem and stem not in GENERIC and not stem.startswith("_"):
        return to_snake(stem)
    return to_snake([*_words(path), "root"][0].replace("-", "_"))


def name_of_class(route: Route, taken: Container[str] = ()) -> str:
    """The test class of a route: after its function, else after its verb and what it is about.

    Args:
        route: of the app.
        taken: the classes of the same file that are about other routes.
    """
    name = to_snake(route.name)
    first = name.partition("_")[0]
    verb = first if first in VERBS else route.method.lower()
    version = next(filter(VERSION.fullmatch, route.path.split("/")), "")
    noun = _noun(route.method, route.path)
    own = [] if name in VERBS or not name else [name]
    names = [*own, f"{verb}_{noun}", f"{verb}_{version}_{noun}"]
    classes = [f"Test{to_class(one)}" for one in names]
    return next((one for one in classes if one not in taken), classes[-1])


def prefix_of_routers(service: Service, facts: Iterable[Mapping[str, Any]], package: str) -> str:
    """Return the prefix with which the app includes the routers of a package; empty if it has none.

    Args:
        service: where.
        facts: of the routes of the app.
        package: dotted, such as `gateway.api`.
    """
    found: Counter[str] = Counter()
    for fact in facts:
        folder = fact["module"].rpartition(".")[0]
        file = service.packages[0].parent.joinpath(*fact["module"].split(".")).with_suffix(".py")
        if folder == package and file.is_file():
            for local in _stated(tree_of(file), fact["name"]):
                if fact["path"].endswith(local):
                    found[fact["path"].removesuffix(local)] += 1
    return found.most_common(1)[0][0] if found else ""


def _stated(module: ast.Module, function: str) -> Iterator[str]:
    """Yield the paths that the decorators of a function state, below the prefix of their router."""
    prefixes = {
        ast.unparse(node.targets[0]): word.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for word in node.value.keywords
        if word.arg == "prefix" and isinstance(word.value, ast.Constant)
    }
    for node in module.body:
        if isinstance(node, Function) and node.name == function:
            for call in node.decorator_list:
                if (
                    isinstance(call, ast.Call)
                    and call.args
                    and isinstance(call.func, ast.Attribute)
                ):
                    path = getattr(call.args[0], "value", "")
                    yield f"{prefixes.get(ast.unparse(call.func.value), '')!s}{path!s}"


def name_when_unbuilt(method: str, path: str) -> str:
    """The test class of a route that nobody has built yet."""
    words = [one for one in re.split(r"\W+", path) if one and not VERSION.fullmatch(one)]
    return "Test" + "".join(to_class(to_snake(word)) for word in (method.lower(), *words))


def _words(path: str) -> list[str]:
    """The words of a path that say what it is about."""
    words = [part for part in path.split("/") if re.fullmatch(r"[A-Za-z][\w-]*", part)]
    return [word for word in words if word != "api" and not VERSION.fullmatch(word)]


def _noun(method: str, path: str) -> str:
    """What a route is about: `product` of one, `products` of all."""
    word = to_snake(["root", *_words(path)][-1]).replace("-", "_")
    is_one = method == "POST" or path.rstrip("/").endswith("}")
    return _one(word) if is_one else word


def _one(word: str) -> str:
    for old, new in {"ies": "y", "sses": "ss", "xes": "x", "ches": "ch", "shes": "sh"}.items():
        if word.endswith(old):
            return word.removesuffix(old) + new
    return word if word.endswith(("ss", "us", "is")) else word.removesuffix("s")


def start(method: str, path: str, prefix: str) -> dict[str, Any]:
    """Return what the start of a route needs: the name of its function, and its parameters.

    Args:
        method: of the route.
        path: of the route, as a caller asks for it.
        prefix: with which the app includes the routers.
    """
    return {
        "method": method,
        "path": path.removeprefix(prefix) or "/",
        "function": to_snake(name_when_unbuilt(method, path).removeprefix("Test")),
        "parameters": re.findall(r"\{(\w+)", path),
    }
