"""List the routes of a running app, with their full path templates: the one walker of tpgen.

It reads Starlette and FastAPI apps (0.115 and later): included routers, mounts, sub-apps, hosts,
hidden routes and WebSockets. It imports neither package unless the app did.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "query")

# Methods that a router adds by itself.
UNTESTED = frozenset({"HEAD", "OPTIONS"})

# Where a middleware keeps the app that it wraps.
_WRAPPED = ("app", "_app", "application", "__wrapped__")
# What the pages of widespread libraries call their rows.
ROWS = ("data", "edges", "items", "records", "results", "rows")
# Documents of apps, each made once.
_documents: WeakKeyDictionary[Any, Mapping[str, Any]] = WeakKeyDictionary()
_INPUTS = ("path_params", "query_params", "header_params", "cookie_params", "body_params")


@dataclass(frozen=True)
class Route:
    """One route of an app.

    Attributes:
        path: the full template, mounts included: `/v1/agents/{agent_id}`.
        methods: the HTTP methods; empty for a WebSocket, and for an app without routes that is
            mounted there and gets every method.
        endpoint: the function, or the app that is mounted there.
        in_schema: whether the OpenAPI document of the app that holds it describes it.
        websocket: whether it is a WebSocket route.
        mounted: the path at which the app that holds it is mounted; empty for the app itself.
        host: the host that a request must name, such as `{tenant}.example.com`; empty for any.
        checked: the parameters of the path whose values the router checks, as in `{number:int}`.
        dependant: FastAPI's tree of its dependencies; None for a route of Starlette.
        app: the app that holds it, without middleware.
    """

    path: str
    methods: frozenset[str]
    endpoint: Callable[..., Any]
    in_schema: bool = True
    websocket: bool = False
    mounted: str = ""
    host: str = ""
    checked: frozenset[str] = frozenset()
    dependant: Any = field(default=None, repr=False, compare=False)
    app: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class _Level:
    """An app and the place where it is mounted."""

    app: Any
    mounted: str = ""
    host: str = ""


@dataclass(frozen=True)
class _Request:
    """The parts of a request that a router looks at; `root` is the part of the path above it."""

    method: str
    path: str
    host: str
    root: str

    @property
    def route_path(self) -> str:
        """The path as a router sees it."""
        below = self.path[len(self.root) :]
        return below if self.path.startswith(self.root) and below[:1] in {"", "/"} else self.path


def walk(app: Any) -> list[Route]:
    """Return every route of an app, in the order in which the app matches them.

    Args:
        app: a FastAPI or Starlette app, or middleware around one.
    """
    return list(_walk(_Level(inside(app))))


def find(app: Any, method: str, path: str, *, host: str = "", root_path: str = "") -> Route | None:
    """Return the route whose endpoint gets a request, or None if the app answers 404 or 405.

    Args:
        app: as `walk` takes it.
        method: an HTTP method, or `WEBSOCKET`.
        path: of the request, decoded and without the query: `scope["path"]`.
        host: the request's host, without its port; routes of a host need it.
        root_path: `scope["root_path"]`, if the server sets one.
    """
    return _find(_Level(inside(app)), _Request(method.upper(), path, host, root_path))


def takes_input(app: Any, method: str, url: str, *, credentials: Collection[str] = ()) -> bool:
    """Return whether a route takes input that can be malformed, by its app's OpenAPI document.

    Credentials aren't input: a header that only authenticates is no parameter of the document. A
    hidden route is judged by its parameters, one of Starlette by its path alone.

    Args:
        app: as `walk` takes it.
        method: an HTTP method.
        url: of a request.
        credentials: names of headers that aren't input, since they only authenticate.
    """
    parts = urlsplit(url)
    route = find(app, method, unquote(parts.path), host=parts.hostname or "")
    return route is not None and takes_input_of(route, method, credentials)


def takes_input_of(route: Route, method: str, credentials: Collection[str] = ()) -> bool:
    """Return the same for a route.

    Args:
        route: as `find` returns it.
        method: an HTTP method.
        credentials: names of headers that aren't input.
    """
    known = {name.lower() for name in credentials}
    operations = _operations(route, _document(route))
    if operation := operations.get(method.lower()):
        stated = [*operations.get("parameters", ()), *operation.get("parameters", ())]
        # The router answers another value of such a parameter with 404.
        known |= {name.lower() for name in route.checked}
        inputs = [one for one in stated if str(one.get("name", "")).lower() not in known]
        return "requestBody" in operation or any(map(_can_be_malformed, inputs))
    return "{" in route.path or _has_parameters(route.dependant)


def takes_idempotency_key(route: Route) -> bool:
    """Return whether a route has a header parameter `Idempotency-Key`."""
    return "idempotency-key" in set(_headers(route.dependant))


def _headers(dependant: Any) -> Iterator[str]:
    if dependant is not None:
        yield from (parameter.alias.lower() for parameter in dependant.header_params)
        for inner in dependant.dependencies:
            yield from _headers(inner)


def lists_rows(route: Route) -> bool:
    """Return whether a GET of a route answers with a list of rows, by its app's OpenAPI document.

    The answer is an array of objects, or an object without `id` that holds such an array by a name
    like `items`, by that of the route (`agents` of `/v1/agents`), or by any key, as `dict[str,
    list[Row]]` does. What a path names by its last part, as `/v1/agents/{agent_id}` does, is one
    row.

    Args:
        route: as `find` returns it.
    """
    path = route.path.rstrip("/")
    if path.endswith("}"):
        return False
    document = _document(route)
    answers = _operations(route, document).get("get", {}).get("responses", {})
    answer: Mapping[str, Any] = next(
        (one for status, one in answers.items() if str(status).startswith("2")), {}
    )
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    names = {*ROWS, path.rpartition("/")[2]}
    for one in _alternatives(schema, document):
        fields = one.get("properties", {})
        named = [] if "id" in fields else [fields[name] for name in names & fields.keys()]
        values = [one, one.get("additionalProperties"), *named]
        if any(_holds_objects(value, document) for value in values):
            return True
    return False


def _holds_objects(schema: Any, document: Mapping[str, Any]) -> bool:
    """Return whether a value is, or may be, an array of objects."""
    return any(
        "properties" in item or item.get("type") == "object"
        for one in _alternatives(schema, document)
        for item in _alternatives(one.get("items"), document)
    )


def _alternatives(schema: Any, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas that a value may have; none where the document does not say."""
    found = _resolved(schema, document)
    several = [*found.get("anyOf", ()), *found.get("oneOf", ()), *found.get("allOf", ())]
    return [found, *(_resolved(one, document) for one in several)]


def _resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one that it refers to; an empty one if that is not there."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return schema
    known = document.get("components", {}).get("schemas", {})
    found: Mapping[str, Any] = known.get(str(schema["$ref"]).rpartition("/")[2], {})
    return found


def _can_be_malformed(parameter: Mapping[str, Any]) -> bool:
    """Return whether a request with a wrong value of a parameter, or without it, is refused."""
    schema = parameter.get("schema", {})
    is_optional = parameter.get("in") == "path" or not parameter.get("required")
    return not (is_optional and any(map(_takes_any_text, schema.get("anyOf", [schema]))))


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    limits = {"minLength", "maxLength", "pattern", "format", "enum", "const"}
    return schema.get("type") == "string" and not limits & schema.keys()


def _operations(route: Route, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the OpenAPI document says of a path, by method."""
    paths: Mapping[str, Any] = document.get("paths", {})
    found: Mapping[str, Any] = paths.get(route.path.removeprefix(route.mounted), {})
    return found


def _document(route: Route) -> Mapping[str, Any]:
    """Return the OpenAPI document that describes a route; an empty one if there is none."""
    if not route.in_schema:
        return {}
    if route.app in _documents:
        return _documents[route.app]
    kept = getattr(route.app, "openapi_schema", None)
    with warnings.catch_warnings(), suppress(Exception):
        # FastAPI warns of operation ids that are there twice, and fails at a model that JSON can't
        # describe, both of which may be about other routes.
        warnings.simplefilter("ignore")
        _documents[route.app] = route.app.openapi()
        # FastAPI keeps the document, and a test of `/openapi.json` would never see the warning.
        route.app.openapi_schema = kept
    return _documents.get(route.app, {})


def _has_parameters(dependant: Any) -> bool:
    if dependant is None:
        return False
    stated = any(getattr(dependant, name, None) for name in _INPUTS)
    return stated or any(map(_has_parameters, dependant.dependencies))


def _walk(level: _Level) -> Iterator[Route]:
    for raw in _raw_routes(level.app):
        if _is_mount(raw) and _raw_routes((inner := _inner(level, raw)).app):
            yield from _walk(inner)
        else:
            yield _route(level, raw)


def _find(level: _Level, request: _Request) -> Route | None:
    request = replace(request, root=getattr(level.app, "root_path", "") or request.root)
    for raw in _raw_routes(level.app):
        matched = _match(raw, request)
        if matched is None:
            continue
        if _is_mount(raw) and _raw_routes((inner := _inner(level, raw)).app):
            return _find(inner, replace(request, root=request.root + matched))
        route = _route(level, raw)
        # The class of an endpoint answers 405 itself.
        return None if route.methods and request.method not in route.methods else route
    return None


def _match(raw: Any, request: _Request) -> str | None:
    """Return the part of the path that leads to a route's app, or None if the route won't do."""
    if regex := getattr(raw, "host_regex", None):
        return "" if regex.match(request.host) else None
    found = raw.path_regex.match(request.route_path)
    if found is None:
        return None
    if _is_mount(raw):
        return request.route_path.removesuffix("/" + found["path"])
    if _is_websocket(raw) or request.method == "WEBSOCKET":
        return "" if _is_websocket(raw) and request.method == "WEBSOCKET" else None
    return "" if not raw.methods or request.method in raw.methods else None


def _inner(level: _Level, raw: Any) -> _Level:
    """Return the app of a mount, or of a host."""
    # The mount knows the routes also where a middleware of its own hides the app.
    found = inside(raw.app)
    app = found if _raw_routes(found) else raw
    place = (getattr(raw, "path_format", None) or "").removesuffix("/{path}")
    return _Level(app, level.mounted + place, getattr(raw, "host", "") or level.host)


def _route(level: _Level, raw: Any) -> Route:
    path = getattr(raw, "path_format", None) or ""
    dependant = getattr(raw, "dependant", None)
    websocket = _is_websocket(raw)
    described = callable(getattr(level.app, "openapi", None)) and dependant is not None
    return Route(
        path=level.mounted + path,
        methods=frozenset() if websocket else _methods(raw),
        endpoint=raw.app if _is_mount(raw) else raw.endpoint,
        in_schema=described and not websocket and bool(raw.include_in_schema),
        websocket=websocket,
        mounted=level.mounted,
        host=getattr(raw, "host", "") or level.host,
        checked=_checked(raw),
        dependant=dependant,
        app=level.app,
    )


def _checked(raw: Any) -> frozenset[str]:
    convertors = getattr(raw, "param_convertors", None) or {}
    any_text = ("StringConvertor", "PathConvertor")
    return frozenset(name for name, one in convertors.items() if type(one).__name__ not in any_text)


def _methods(raw: Any) -> frozenset[str]:
    """Return the methods of a route, or those that its class-based endpoint has."""
    if stated := getattr(raw, "methods", None):
        return frozenset(stated)
    endpoint = getattr(raw, "endpoint", None)
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    if not isinstance(endpoint, type):
        return frozenset()
    own = {method.upper() for method in HTTP_METHODS if hasattr(endpoint, method)}
    return frozenset(own | {"HEAD"} if "GET" in own else own)


def _raw_routes(app: Any) -> list[Any]:
    """Return the routes of an app, those of included routers among them.

    Since FastAPI 0.137 the routes of an app are a tree.
    """
    flatten = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", _flat)
    routes = flatten(list(getattr(app, "routes", None) or ()))
    return [raw for raw in routes if _is_mount(raw) or hasattr(raw, "path_regex")]


def _flat(routes: list[Any]) -> Iterator[Any]:
    """Do what FastAPI's `iter_route_contexts` does, which its 0.137 does not have yet."""
    for raw in routes:
        if hasattr(raw, "effective_route_contexts"):
            for context in raw.effective_route_contexts():
                yield getattr(context, "starlette_route", None) or context
        else:
            yield raw


def inside(app: Any) -> Any:
    """Return the app inside a middleware: the first one that has routes."""
    seen: set[int] = set()
    inner = app
    while inner is not None and id(inner) not in seen:
        if hasattr(inner, "routes"):
            return inner
        seen.add(id(inner))
        inner = next((value for name in _WRAPPED if (value := getattr(inner, name, None))), None)
    return app


def _is_mount(raw: Any) -> bool:
    """Return whether a route leads to another app: a mount or a host."""
    return getattr(raw, "endpoint", None) is None and getattr(raw, "app", None) is not None


def _is_websocket(raw: Any) -> bool:
    classes = type(getattr(raw, "original_route", raw)).__mro__
    return any("WebSocketRoute" in cls.__name__ for cls in classes)
