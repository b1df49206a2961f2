"""Compare the walker with the real routers of the FastAPI that is installed; prints JSON.

Every endpoint answers with its own name. A request is sent for each route of the walker's table
and for each of `PROBES`; the name in the response must be that of the route that `find` returns.
"""

import asyncio
import functools
import inspect
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import fastapi
import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, WebSocket
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel, ConfigDict
from pytest_tpgen.routes import Route, find, lists_rows, takes_input, walk
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Router, WebSocketRoute
from starlette.routing import Route as StarletteRoute

warnings.simplefilter("ignore")


def says(name: str) -> Any:
    """Return an endpoint of FastAPI that answers with its name."""

    async def endpoint() -> PlainTextResponse:
        return PlainTextResponse(name)

    endpoint.__name__ = name
    return endpoint


def reads(name: str, parameter: str) -> Any:
    """Return an endpoint of FastAPI that reads a parameter and answers with its name."""
    endpoint = says(name)
    kind = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(parameter, kind, annotation=str)])

    async def with_parameter(**_: str) -> PlainTextResponse:
        answer: PlainTextResponse = await endpoint()
        return answer

    with_parameter.__name__ = name
    with_parameter.__signature__ = signature  # type: ignore[attr-defined]
    return with_parameter


def plain(name: str) -> Any:
    """Return an endpoint of Starlette that answers with its name."""

    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse(name)

    endpoint.__name__ = name
    return endpoint


class Opaque:
    """An ASGI app without routes."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(self.__name__)(scope, receive, send)


class Wrapped:
    """A middleware of the service's own."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


class Callable:
    """An endpoint that is an object."""

    __name__ = "callable_object"

    def __call__(self, word: str = "") -> PlainTextResponse:
        return PlainTextResponse("callable_object")


class ByClass(HTTPEndpoint):
    """An endpoint that is a class."""

    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("ByClass")


class Gone:
    """A middleware that hides the app in a closure."""

    __slots__ = ("call",)

    def __init__(self, app: Any) -> None:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)

        self.call = call

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.call(scope, receive, send)


async def partial_endpoint(name: str) -> PlainTextResponse:
    """Answer with the name."""
    return PlainTextResponse(name)


async def socket(websocket: WebSocket) -> None:
    """Accept and close."""
    await websocket.accept()
    await websocket.close()


def agents() -> APIRouter:
    """Return a router that includes another one, both with prefixes."""
    inner = APIRouter(prefix="/keys")
    inner.get("/{key_id}")(says("get_key"))
    inner.add_api_route("/{key_id}", says("change_key"), methods=["PUT", "PATCH"])
    router = APIRouter(prefix="/agents")
    router.get("")(says("list_agents"))
    router.get("/me")(says("me"))
    router.get("/{agent_id}")(reads("get_agent", "agent_id"))
    router.delete("/{agent_id}")(says("delete_agent"))
    router.add_route("/plain/{n:int}", plain("included_plain"))
    router.add_websocket_route("/plain-socket", socket)
    router.websocket("/{agent_id}/socket")(socket)
    router.include_router(inner, prefix="/{agent_id}")
    return router


def sub_app() -> FastAPI:
    """Return an app to be mounted, with a mount of its own."""
    innermost = FastAPI(openapi_url=None)
    innermost.get("/leaf/{n}")(says("leaf"))
    app = FastAPI(openapi_url=None)
    app.get("/")(says("sub_root"))
    app.get("/items/{item}")(reads("sub_item", "item"))
    app.post("/silent")(says("sub_silent"))
    app.mount("/deeper", Wrapped(innermost))
    return app


def service() -> FastAPI:
    """Return an app with every way to a route."""
    key = APIKeyHeader(name="x-key")

    async def needs_header(word: str = Header()) -> None: ...

    app = FastAPI(openapi_url=None)
    app.add_middleware(GZipMiddleware)
    app.include_router(agents(), prefix="/v1")
    app.include_router(agents(), prefix="/v2", dependencies=[Depends(needs_header)])
    app.get("/hidden", include_in_schema=False)(says("hidden"))
    app.get("/hidden/{x}", include_in_schema=False)(says("hidden_item"))
    app.get("/secured", dependencies=[Depends(key), Depends(HTTPBearer())])(says("secured"))
    app.get("/files/{path:path}")(reads("file", "path"))
    app.get("/partial")(functools.partial(partial_endpoint, "partial_endpoint"))
    app.add_api_route("/object", Callable(), methods=["GET"])
    app.add_route("/class", ByClass)  # type: ignore[arg-type]
    app.add_route("/class-partial", functools.partial(ByClass))  # type: ignore[arg-type]
    app.add_route("/float/{n:float}", plain("float_"))
    app.add_route("/int/{n:int}", plain("int_"))
    app.add_route("/int/{n}", plain("not_int"))
    app.post("/both")(says("both_post"))
    app.get("/both")(says("both_get"))
    app.post("/only-post")(says("only_post"))
    app.mount("/early", Starlette(routes=[StarletteRoute("/x", plain("early_x"))]))
    app.get("/early/y")(says("shadowed_by_the_mount"))
    app.mount("/sub", sub_app())
    app.mount("/t/{tenant}", sub_app())
    app.mount("/opaque", Opaque("opaque"))
    app.mount("/wrapped", GZipMiddleware(Wrapped(sub_app())))
    app.router.routes.append(
        Mount(
            "/listed",
            routes=[StarletteRoute("/z", plain("listed_z")), WebSocketRoute("/ws", socket)],
            middleware=[Middleware(Gone)],
        )
    )
    hosted = Router([StarletteRoute("/hosted", plain("hosted"))])
    app.router.routes.append(Host("admin.example", hosted))
    app.router.routes.append(Host("{tenant}.example", sub_app()))
    app.websocket("/ws/{room}")(socket)
    app.get("/last/{path:path}")(says("last"))
    return app


# method, path, host
PROBES = [
    ("GET", "/v1/agents/", ""),
    ("PUT", "/v1/agents/7", ""),
    ("GET", "/v1/agents/me", ""),
    ("DELETE", "/v1/agents/me", ""),
    ("GET", "/v1/agents/7/keys/8", ""),
    ("POST", "/v1/agents/7/keys/8", ""),
    ("GET", "/v1/agents/plain/x", ""),
    ("GET", "/v1/agents/plain/5", ""),
    ("GET", "/int/7", ""),
    ("GET", "/int/x", ""),
    ("HEAD", "/int/7", ""),
    ("HEAD", "/both", ""),
    ("GET", "/both", ""),
    ("PUT", "/both", ""),
    ("GET", "/only-post", ""),
    ("GET", "/early/y", ""),
    ("POST", "/early/x", ""),
    ("GET", "/early", ""),
    ("GET", "/sub", ""),
    ("GET", "/sub/", ""),
    ("GET", "/subx", ""),
    ("GET", "/t/acme/deeper/leaf/3", ""),
    ("DELETE", "/opaque/a/b", ""),
    ("GET", "/class", ""),
    ("POST", "/class", ""),
    ("HEAD", "/class", ""),
    ("GET", "/class-partial", ""),
    ("PUT", "/class-partial", ""),
    ("GET", "/files/a/b", ""),
    ("GET", "/files/", ""),
    ("GET", "/files/a%2Fb", ""),
    ("GET", "/v1/agents/a%20b", ""),
    ("GET", "/hosted", ""),
    ("GET", "/hosted", "admin.example"),
    ("GET", "/last/x", "admin.example"),
    ("GET", "/items/3", "acme.example"),
    ("GET", "/hidden", "acme.example"),
    ("GET", "/nowhere", ""),
]


async def answer(app: Any, method: str, path: str, host: str) -> str:
    """Return the name of the endpoint that answers, or an empty string after a 404 or 405."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    # HEAD has no body: the name is in no response, so the length must do.
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host or 'test'}") as http:
        response = await http.request(method, path, headers=HEADERS)
    if response.status_code in {404, 405, 307}:
        return ""
    return response.text or f"{response.headers.get('content-length')} bytes"


HEADERS = {"word": "w", "x-key": "k", "authorization": "Bearer b"}


def name(route: Route | None) -> str:
    """Return the name that the endpoint of a route answers with."""
    endpoint: Any = route and route.endpoint
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.args[0] if endpoint.args else endpoint.func
    return endpoint if isinstance(endpoint, str) else getattr(endpoint, "__name__", "")


def example(route: Route) -> str:
    """Return a path that a template matches."""
    parts = route.path.replace("{", "}").split("}")
    return "".join("5" if index % 2 else part for index, part in enumerate(parts))


def requests(app: Any) -> Iterator[tuple[str, str, str]]:
    """Yield a request for each route and method of the table, then the probes."""
    for route in walk(app):
        if not route.websocket:
            host = route.host.replace("{tenant}", "acme")
            for method in sorted(route.methods or {"GET", "PATCH"}):
                yield method, example(route), host
    yield from PROBES


async def differences(app: Any) -> Iterator[str]:
    """Return a line for each request that another endpoint answers than the one found."""
    lines = []
    for method, path, host in requests(app):
        found = name(find(app, method, httpx.URL(path).path, host=host))
        real = await answer(app, method, path, host)
        if found != real and real != f"{len(found)} bytes":
            lines.append(f"{method} {host}{path}: found {found!r}, answered {real!r}")
    return iter(lines)


def under_a_root_path() -> list[str]:
    """Return the differences of an app that a proxy serves below a prefix."""
    app = FastAPI(root_path="/proxied")
    app.get("/x")(says("x"))
    app.mount("/sub", sub_app())
    paths = ["/x", "/proxied/x", "/proxied/sub/items/3", "/sub/items/3", "/proxiedx"]
    lines = []
    for path in paths:
        found, real = name(find(app, "GET", path)), asyncio.run(answer(app, "GET", path, ""))
        if found != real:
            lines.append(f"{path}: found {found!r}, answered {real!r}")
    return lines


class Row(BaseModel):
    """A row, with others that belong to it."""

    id: str
    items: list[dict[str, str]] = []


class Page(BaseModel):
    items: list[Row] | None
    total: int


class Named(BaseModel):
    folders: list[Row]
    warnings: list[str]


class Order(BaseModel):
    order_id: str
    lines: list[Row]


class Undescribed(BaseModel):
    """JSON can't hold what it holds."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    at: FastAPI


Loose = list[dict[str, Any]]
SHAPES = (
    *(Row, Page, Named, Order, list[Row], list[Row] | None, list[str], dict[str, Row], Loose),
    dict[str, list[Row]],
)


def lists() -> list[str]:
    """Return which answers are lists of rows, of one of each shape."""
    app = FastAPI()
    for number, shape in enumerate(SHAPES):
        for path in (f"/{number}/folders", f"/{number}/folders/{{folder_id}}"):
            app.get(path, response_model=shape)(says("it"))
        app.get(f"/{number}/hidden", response_model=shape, include_in_schema=False)(says("it"))
    # The reference of this document leads nowhere.
    schema = {"$ref": "#/$defs/Row"}
    loose: dict[int | str, Any] = {200: {"content": {"application/json": {"schema": schema}}}}
    app.get("/loose", response_model=None, responses=loose)(says("loose"))
    app.post("/made", response_model=list[Row])(says("made"))
    app.get("/found", response_model=list[Row], status_code=206)(says("found"))
    for path in ("/slash/folders/", "/slash/folders/{folder_id}/"):
        app.get(path, response_model=Named)(says("named"))
    mounted = FastAPI()
    mounted.mount("/sub", app)
    # No document can be made of this one.
    broken = FastAPI()
    broken.get("/rows", response_model=list[Row])(says("rows"))
    broken.get("/undescribed", response_model=Undescribed)(says("undescribed"))
    return [
        f"{'/'.join(sorted(route.methods))} {route.path}"
        for route in [*walk(mounted), *walk(broken)]
        if lists_rows(route)
    ]


def main() -> None:
    """Print the table, the differences, what takes input and what lists rows."""
    app = service()
    table = [
        [
            route.path,
            sorted(route.methods),
            name(route),
            route.in_schema,
            route.websocket,
            route.mounted,
            route.host,
        ]
        for route in walk(app)
    ]
    input_of = {
        url: takes_input(app, "GET", url)
        for url in (
            "/v1/agents", "/v2/agents", "/v1/agents/7?x=y", "/hidden", "/hidden/3", "/secured",
            "/files/a/b", "/sub/", "/sub/items/3", "/object", "/int/3", "/class", "/nowhere",
            "http://acme.example/items/3", "http://admin.example/hosted",
        )
    }  # fmt: skip
    result = {
        "version": fastapi.__version__,
        "table": table,
        "same_in_middleware": walk(Wrapped(GZipMiddleware(app))) == walk(app),
        "differences": [*asyncio.run(differences(app)), *under_a_root_path()],
        "takes_input": input_of,
        "lists": lists(),
        "kept_document": app.openapi_schema,
        "socket": name(find(app, "WEBSOCKET", "/ws/lobby")),
        "socket_by_get": name(find(app, "GET", "/ws/lobby")),
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
