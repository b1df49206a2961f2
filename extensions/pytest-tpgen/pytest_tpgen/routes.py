"""List the routes of a running app, with their full path templates: the one walker of tpgen.

It reads Starlette and FastAPI apps (0.115 and later): included routers, mounts, sub-apps, hidden
routes and WebSockets. It imports neither package unless the app did.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


@dataclass(frozen=True)
class Route:
    """One route of an app.

    Attributes:
        path: the full template, mounts included: `/v1/agents/{agent_id}`.
        methods: the HTTP methods; empty for a WebSocket.
        endpoint: the function, or the app that is mounted there.
        in_schema: whether the OpenAPI document of its app describes it.
        websocket: whether it is a WebSocket route.
        mounted: the path at which the app that holds it is mounted; empty for the app itself.
        dependant: FastAPI's tree of its dependencies; None for a route of Starlette.
    """

    path: str
    methods: frozenset[str]
    endpoint: Callable[..., Any]
    in_schema: bool = True
    websocket: bool = False
    mounted: str = ""
    dependant: Any = field(default=None, repr=False, compare=False)


def walk(app: Any) -> list[Route]:
    """Return every route of an app, in the order in which the app matches them.

    Args:
        app: a FastAPI or Starlette app, or middleware around one.
    """
    return list(_walk(app, "", ""))


def find(app: Any, method: str, path: str) -> Route | None:
    """Return the route that a request reaches, or None.

    Args:
        app: as `walk` takes it.
        method: an HTTP method, or `WEBSOCKET`.
        path: of the URL, without the query.
    """
    for route in walk(app):
        is_asked = route.websocket if method == "WEBSOCKET" else method.upper() in route.methods
        if is_asked and _pattern(route.path).fullmatch(path):
            return route
    return None


def takes_input(app: Any, method: str, url: str, *, credentials: Collection[str] = ()) -> bool:
    """Return whether a route takes input that can be malformed, by the OpenAPI document.

    Args:
        app: a FastAPI app.
        method: an HTTP method.
        url: of a request.
        credentials: names of headers that aren't input, since they only authenticate.
    """
    known = {name.lower() for name in credentials}
    path = url.partition("?")[0]
    document: Mapping[str, Any] = app.openapi()
    for template, operations in document.get("paths", {}).items():
        if method.lower() in operations and _pattern(template).fullmatch(path):
            operation = operations[method.lower()]
            stated = [*operations.get("parameters", ()), *operation.get("parameters", ())]
            inputs = [one for one in stated if str(one.get("name", "")).lower() not in known]
            return "requestBody" in operation or any(map(_can_be_malformed, inputs))
    return False


def _can_be_malformed(parameter: Mapping[str, Any]) -> bool:
    """Return whether a request with a wrong value of a parameter, or without it, is refused."""
    schema = parameter.get("schema", {})
    is_optional = parameter.get("in") == "path" or not parameter.get("required")
    return not (is_optional and any(map(_takes_any_text, schema.get("anyOf", [schema]))))


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    limits = {"minLength", "maxLength", "pattern", "format", "enum", "const"}
    return schema.get("type") == "string" and not limits & schema.keys()


def _walk(app: Any, prefix: str, mounted: str) -> Iterator[Route]:
    for route in _flat(_routes_of(app)):
        path = prefix + (getattr(route, "path_format", None) or getattr(route, "path", ""))
        endpoint = getattr(route, "endpoint", None)
        methods = frozenset(getattr(route, "methods", None) or ())
        if endpoint is not None:
            yield Route(
                path,
                methods,
                endpoint,
                bool(getattr(route, "include_in_schema", bool(methods))),
                not methods and _is_websocket(route),
                mounted,
                getattr(route, "dependant", None),
            )
        elif (inner := getattr(route, "app", None)) is not None:
            below = re.sub(r"/\{path\}$", "", path)
            yield from _walk(inner, below, below)


def _routes_of(app: Any) -> Sequence[Any]:
    """Return the routes of an app, or of the app inside a middleware."""
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        if (routes := getattr(app, "routes", None)) is not None:
            return list(routes)
        app = getattr(app, "app", None)
    return []


def _flat(routes: Sequence[Any]) -> Iterator[Any]:
    """Since FastAPI 0.137 the routes of an app are a tree."""
    flatten = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
    yield from flatten(routes)


def _is_websocket(route: Any) -> bool:
    return "WebSocket" in type(getattr(route, "original_route", route)).__name__


def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of the paths that a template matches; `{path:path}` spans slashes."""
    parts = re.split(r"(\{[^}]*\})", template)
    wild = {part: ".+" if part.endswith(":path}") else "[^/]+" for part in parts}
    return re.compile("".join(wild[part] if part[:1] == "{" else re.escape(part) for part in parts))
