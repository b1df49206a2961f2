"""Note the requests that reach the ASGI apps of Starlette and FastAPI, and whose they are."""

import hashlib
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from pytest_tpgen import routes
from pytest_tpgen.routes import Route

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Pairs = frozenset[tuple[bytes, bytes]]

# The fixtures whose values are the credentials of a caller.
CREDENTIALS = ("auth", "stranger_auth", "revoked_auth")
NONE, UNKNOWN = "none", "unknown"
# An outer app has noted the request already: this one is mounted in it.
_NOTED = "pytest_tpgen.noted"
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}
# Headers that carry credentials in most services, also where no fixture registers them.
_CARRIERS = {b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"}
# Headers that clients send by themselves, or that no service takes for credentials.
_HARMLESS = {
    *(b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"cache-control"),
    *(b"connection", b"content-encoding", b"content-length", b"content-type", b"date", b"expect"),
    *(b"host", b"idempotency-key", b"if-match", b"if-modified-since", b"if-none-match"),
    *(b"if-unmodified-since", b"keep-alive", b"last-event-id", b"origin", b"pragma", b"prefer"),
    *(b"range", b"referer", b"te", b"traceparent", b"tracestate", b"trailer"),
    *(b"transfer-encoding", b"upgrade", b"user-agent", b"via", b"x-request-id"),
}


@dataclass
class Seen:
    """A request as the app got it.

    Attributes:
        app: that got it.
        method: of HTTP, or WEBSOCKET.
        path: decoded, without the query.
        host: without its port.
        root_path: as the server set it.
        credentials: the fixture whose headers it has, NONE or UNKNOWN.
        overridden: the dependencies that were overridden when it came.
        digest: of method, URL and body.
        status: of the answer; None where the app raised. A WebSocket has 101 or 403.
        routed: the router's own route, where it says which one it took.
        inner: the apps mounted in that one which got it too, each with path and root path.
    """

    app: Any
    method: str
    path: str
    host: str
    root_path: str
    credentials: str
    overridden: frozenset[Any]
    digest: Any
    status: int | None = None
    routed: Any = None
    inner: list[tuple[Any, str, str]] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """What is equal for two requests of one method, URL and body."""
        return str(self.digest.hexdigest()[:16])


@dataclass
class Boundary:
    """The requests since the last `take`, and the credentials that fixtures have registered."""

    _seen: list[Seen] = field(default_factory=list)
    _registered: dict[str, Pairs] = field(default_factory=dict)
    _carriers: set[bytes] = field(default_factory=lambda: set(_CARRIERS))
    _restore: Callable[[], None] | None = None

    @property
    def carriers(self) -> set[str]:
        """The names of headers that carry credentials."""
        return {name.decode("latin-1") for name in self._carriers}

    def watch(self) -> None:
        """Begin to note requests, once Starlette is imported."""
        module = sys.modules.get("starlette.applications")
        if module is None or self._restore:
            return
        starlette: Any = module.Starlette
        original, note = starlette.__call__, self._note

        async def __call__(app: Any, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] not in ("http", "websocket"):
                await original(app, scope, receive, send)
            elif _NOTED in scope:
                inner = (app, scope["path"], scope.get("root_path", ""))
                scope[_NOTED].inner.append(inner)
                await original(app, scope, receive, send)
            else:
                await note(original, app, scope, receive, send)

        starlette.__call__ = __call__
        self._restore = lambda: setattr(starlette, "__call__", original)

    def stop(self) -> None:
        """Note no more requests."""
        if self._restore:
            self._restore()
            self._restore = None

    def register(self, name: str, headers: object) -> None:
        """Take the value of a fixture for the headers of a caller; others are passed over."""
        if name in CREDENTIALS and isinstance(headers, Mapping):
            pairs = frozenset((_bytes(key).lower(), _bytes(headers[key])) for key in headers)
            self._registered[name] = pairs
            self._carriers.update(key for key, _ in pairs)

    def forget(self, name: str) -> None:
        """Forget the credentials of a fixture that was torn down."""
        self._registered.pop(name, None)

    def take(self) -> list[Seen]:
        """Return the requests since the last call."""
        taken, self._seen = self._seen, []
        return taken

    async def _note(
        self, original: Any, app: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        seen = scope[_NOTED] = self._request(app, scope)
        self._seen.append(seen)
        first: list[MutableMapping[str, Any]] = []
        if scope.get("method", "GET") not in _WITHOUT_BODY:
            # At once, since an app may refuse a request without reading its body.
            first = [await receive()]
            seen.digest.update(first[0].get("body", b""))

        async def receive_noting() -> MutableMapping[str, Any]:
            if first:
                return first.pop()
            message = await receive()
            if message["type"] == "http.request":
                seen.digest.update(message.get("body", b""))
            return message

        async def send_noting(message: MutableMapping[str, Any]) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                seen.status = message["status"]
            elif message["type"] == "websocket.close" and seen.status is None:
                seen.status = 403
            elif message["type"] == "websocket.accept":
                seen.status = 101
            await send(message)

        try:
            await original(app, scope, receive_noting, send_noting)
        finally:
            seen.routed = scope.get("route")

    def _request(self, app: Any, scope: Scope) -> Seen:
        method = scope.get("method", "WEBSOCKET")
        query = scope.get("query_string", b"")
        headers = [(bytes(key).lower(), bytes(value)) for key, value in scope.get("headers", ())]
        host = next((value for key, value in headers if key == b"host"), b"").decode("latin-1")
        path = scope["path"]
        return Seen(
            app,
            method,
            path,
            host.partition(":")[0],
            scope.get("root_path", ""),
            self._whose(headers),
            frozenset(getattr(app, "dependency_overrides", None) or ()),
            hashlib.sha1(
                f"{method} {path}?".encode(errors="replace") + query + b"\n", usedforsecurity=False
            ),
        )

    def _whose(self, headers: list[tuple[bytes, bytes]]) -> str:
        sent = set(headers)
        found = [name for name, pairs in self._registered.items() if pairs and pairs <= sent]
        if len(found) == 1:
            known = {key for key, _ in self._registered[found[0]]}
            others = {key for key, _ in sent} - known
            return UNKNOWN if others & self._carriers else found[0]
        return UNKNOWN if found or {key for key, _ in sent} - _HARMLESS else NONE


@dataclass
class Finder:
    """Finds the routes of requests; to ask the walker each time would take too long."""

    _known: dict[tuple[int, int, str], tuple[Seen, Route, re.Pattern[str]]] = field(
        default_factory=dict
    )

    def __call__(self, seen: Seen) -> Route | None:
        """Return the route that got a request; None where the app has none."""
        key = (id(seen.app), id(seen.routed), seen.method)
        if seen.routed is not None and (known := self._known.get(key)):
            # A router may be included below two prefixes.
            _, route, pattern = known
            if pattern.fullmatch(seen.path):
                return route
        path, root = seen.path, seen.root_path
        found = routes.find(seen.app, seen.method, path, host=seen.host, root_path=root)
        if found and seen.routed is not None:
            parts = re.split(r"\{[^}]*\}", found.path)
            # With the request, so that neither id is given to another object.
            self._known[key] = seen, found, re.compile("[^/]+".join(map(re.escape, parts)))
        return found


def described(seen: Seen, find: Finder) -> dict[str, Any]:
    """Return a request as the run record has it."""
    route = find(seen)
    return {
        "method": seen.method,
        "route": route.path if route else None,
        "status": seen.status,
        "credentials": seen.credentials,
        "overridden": (*sorted(map(_name, _overridden(route, seen))),) if route else (),
        "request": seen.fingerprint,
    }


def _overridden(route: Route, seen: Seen) -> Iterator[Any]:
    """Yield the dependencies of a route that were overridden, and read something of a request.

    Others, such as one that gives a session of the database, decide nothing about a caller.
    """
    overrides = seen.overridden | frozenset(getattr(route.app, "dependency_overrides", None) or ())
    waiting = [route.dependant] if overrides and route.dependant else []
    while waiting:
        for inner in waiting.pop().dependencies:
            waiting.append(inner)
            if inner.call in overrides and _reads_request(inner):
                yield inner.call


def _reads_request(dependant: Any) -> bool:
    names = ("request", "http_connection", "websocket", "security_scopes")
    stated = ("path", "query", "header", "cookie", "body")
    return (
        any(getattr(dependant, f"{name}_param_name", None) for name in names)
        or any(getattr(dependant, f"{name}_params", None) for name in stated)
        or bool(getattr(dependant, "security_requirements", None))
        or bool(getattr(dependant, "_security_dependencies", None))
        or any(map(_reads_request, dependant.dependencies))
    )


def _name(call: Any) -> str:
    return str(getattr(call, "__qualname__", type(call).__qualname__))


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("latin-1", "replace")
