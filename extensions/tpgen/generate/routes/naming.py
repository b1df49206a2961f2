"""Names for the tests of a route: of the file and the class; and for the start of its module."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any

from tpgen.core.names import to_class, to_snake
from tpgen.core.service import Service
from tpgen.source.code import Code
from tpgen.source.static_routes import static_routes

from .route import Route

# Names of modules that do not say what their routes are about.
GENERIC = {"api", "app", "endpoints", "handlers", "main", "routers", "routes", "server", "views"}


def name_of_file(route: Route | None, path: str) -> str:
    """Return the name of a route's test file: its module, or else the first word of its path."""
    stem = route.module.rpartition(".")[2] if route else ""
    if stem and stem not in GENERIC and not stem.startswith("_"):
        return to_snake(stem)
    pattern = r"(?!api$|v\d+$)[A-Za-z][\w-]*"
    words = [part for part in path.split("/") if re.fullmatch(pattern, part)]
    return to_snake([*words, "root"][0].replace("-", "_"))


def name_of_class(route: Route, taken: Container[str] = ()) -> str:
    """Return the name of a route's test class: its function, or else its method and path."""
    by_function = f"Test{to_class(to_snake(route.name))}"
    if route.name and by_function not in taken:
        return by_function
    by_path = name_by_path(route.method, route.path)
    return name_by_path(route.method, route.path, True) if by_path in taken else by_path


def name_by_path(method: str, path: str, with_version: bool = False) -> str:
    """Return the name of a test class after method and path: `TestGetAgentsId`."""
    words = [word for word in re.split(r"\W+", path) if word]
    kept = [word for word in words if with_version or not re.fullmatch(r"v\d+", word)]
    return "Test" + "".join(to_class(to_snake(word)) for word in (method.lower(), *kept))


def prefix_of_routers(service: Service, routes: Iterable[Mapping[str, Any]], package: str) -> str:
    """Return the prefix with which the app includes the routers of a package, such as `/v1`."""
    paths = {(each["module"], each["name"], each["method"]): each["path"] for each in routes}
    found: Counter[str] = Counter()
    for route in static_routes(Code(service.packages)):
        path = paths.get((route.module.name, route.function, route.method), "")
        is_in_package = route.module.name.rpartition(".")[0] == package
        if is_in_package and path.endswith(route.local):
            found[path.removesuffix(route.local)] += 1
    return found.most_common(1)[0][0] if found else ""


def start(method: str, path: str, prefix: str) -> dict[str, Any]:
    """Return the context of the skeleton for a route's module; the app adds the prefix."""
    return {
        "method": method,
        "path": path.removeprefix(prefix) or "/",
        "function": to_snake(name_by_path(method, path).removeprefix("Test")),
        "parameters": re.findall(r"\{(\w+)", path),
    }
