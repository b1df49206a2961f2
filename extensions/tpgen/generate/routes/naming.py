"""Names for the tests of a route: of the file and the class; and for the start of its module."""

import re
from collections.abc import Container
from typing import Any

from tpgen.core.names import to_class, to_snake

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
    is_usable = route.name and by_function not in taken
    return by_function if is_usable else f"Test{to_class(_function(route))}"


def start(route: Route) -> dict[str, Any]:
    """Return the context of the skeleton for a route's module."""
    parameters = re.findall(r"\{(\w+)", route.path)
    return {"function": _function(route), "parameters": parameters}


def _function(route: Route) -> str:
    """Return a function's name after method and path, without a version: `get_agents_id`."""
    words = re.findall(r"\b(?!v\d+\b)\w+", route.path)
    return "_".join(to_snake(word) for word in (route.method.lower(), *words))
