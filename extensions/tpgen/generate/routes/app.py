"""The routes of a service's app."""

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tpgen.core import settings
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.introspect.reading import read_app
from tpgen.source.covered import normalize_path

from .route import Route

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
PATH = re.compile(r"/(?:[^\s{}?#\\\"'<>\x00-\x1f]|\{[A-Za-z_]\w*(?::\w+)?\})*")


@dataclass(frozen=True)
class App:
    """A service's app.

    Attributes:
        documents: the OpenAPI documents of the app and of those that are mounted in it, by path.
        details: what the documents leave out of a route, by its method and path.
        is_open: whether the observed route answers without credentials.
    """

    documents: Mapping[str, Mapping[str, Any]]
    details: Mapping[tuple[str, str], Mapping[str, Any]]
    public: Collection[str] = ()
    is_open: bool = False

    @cached_property
    def routes(self) -> Mapping[tuple[str, str], str]:
        """Return the path where the app of a route is mounted, by method and path of the route."""
        return {
            (method.upper(), mounted + path): mounted
            for mounted, document in self.documents.items()
            for path, operations in document.get("paths", {}).items()
            for method in operations
            if method.upper() in METHODS
        }

    def find(self, method: str, path: str) -> Route | None:
        """Return the route with this method and path; the names of its parameters may differ."""
        _require_route(method, path)
        method = method.upper()
        paths = {normalize_path(there): there for verb, there in self.routes if verb == method}
        turned = path.rstrip("/") if path.endswith("/") else f"{path}/"
        found = paths.get(normalize_path(path)) or paths.get(normalize_path(turned))
        if found is None:
            return None
        mounted = self.routes[method, found]
        details = self.details.get((method, found), {})
        is_public = f"{method} {found}" in self.public
        return Route(method, found, self.documents[mounted], mounted, is_public, **details)

    def nearest(self, method: str, path: str) -> list[str]:
        """Return up to three routes with a similar name, such as `POST /v1/agents`."""
        names = [" ".join(route) for route in self.routes]
        return difflib.get_close_matches(f"{method.upper()} {path}", names)


def read(service: Service, observed: tuple[str, str] | None = None) -> App:
    """Read the routes of a service's app; send the observed one a request without credentials."""
    found = read_app(service, observed)
    details = {(each.pop("method"), each.pop("path")): each for each in found["routes"]}
    documents = found["documents"]
    for (method, path), each in details.items():
        mounted = each.pop("mounted")
        # A document leaves out routes of Starlette.
        if method not in ("HEAD", "OPTIONS") and not each["module"].startswith("fastapi."):
            local = path.removeprefix(mounted)
            operations = documents[mounted].setdefault("paths", {}).setdefault(local, {})
            text = {"in": "path", "required": True, "schema": {"type": "string"}}
            parameters = [text | {"name": name} for name in re.findall(r"\{(\w+)", local)]
            operations.setdefault(method.lower(), {"parameters": parameters})
    public = settings.read(service.root).table.get("public", {})
    return App(documents, details, public, found["is_open"])


def _require_route(method: str, path: str) -> None:
    """Raise UserError if no route can have this method and path."""
    if method.upper() in ("WEBSOCKET", "WS"):
        raise UserError(
            "a WebSocket has no suite: AppSuite tests that it refuses a connection without "
            "credentials; write its other tests with `pytest_tpgen.websockets.connect`"
        )
    if method.upper() not in METHODS:
        raise UserError(f"{method} is not an HTTP method: write `tpgen route POST /v1/agents`")
    if not PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise UserError(
            f"{path!r} is not the path of a route: write it as the app does, such as "
            "/v1/agents/{agent_id}"
        )
