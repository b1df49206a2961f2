"""What a service's own app says of a route: how to ask it rightly, and how wrongly."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tpgen.core import settings
from tpgen.core.errors import Misuse
from tpgen.core.service import Service
from tpgen.introspect import apps

from . import values
from .expressions import source
from .lists import Listing, listing
from .parameters import Parameter, Request, as_text, sent, with_value, without
from .schemas import Schema, resolved, with_decimals
from .violations import violations

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Route:
    """The facts of one route. A request is what httpx takes, beside method, URL and credentials.

    Attributes:
        method: such as `POST`.
        path: as the app has it, such as `/v1/agents/{agent_id}`.
        url: the path with a valid value for each parameter.
        status: the first documented status of success.
        is_public: whether `[tool.tpgen.public]` lists it as a route without credentials.
        idempotent: whether it, or what it depends on, knows an `Idempotency-Key`.
        name: that of the function behind it.
        module: where that is.
        tag: its first tag, or an empty text.
        valid: a request that is well formed.
        other: another one with a body unlike the first, or None.
        malformed: requests to refuse with 422; `url` is in those whose path is wrong.
        path_parameters: the schema of each parameter of the path.
        references: where the body of `valid` must name a row that exists.
        path_references: the parameters of the path that must name one.
        listing: the list of rows that it returns, or None.
        exists: whether the app has it.
    """

    method: str
    path: str
    url: str
    status: int
    is_public: bool
    idempotent: bool
    name: str
    module: str
    tag: str
    valid: Request
    other: Request | None
    malformed: list[Request]
    path_parameters: dict[str, Schema]
    references: list[Place]
    path_references: list[str]
    listing: Listing | None = None
    exists: bool = True


@dataclass(frozen=True)
class App:
    """A service's app.

    Attributes:
        documents: its OpenAPI document by the empty text, and those of the apps that are mounted
            in it, each by the path where.
        facts: what the documents leave out, by method and path.
        public: the routes that `[tool.tpgen.public]` lists, such as `GET /healthz`.
        is_open: whether the route that was asked for answers without credentials.
    """

    documents: Mapping[str, Mapping[str, Any]]
    facts: Mapping[tuple[str, str], Mapping[str, Any]]
    public: Collection[str] = ()
    is_open: bool = False

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of each route."""
        return list(self._mounts)

    @cached_property
    def _mounts(self) -> dict[tuple[str, str], str]:
        """Where the app is mounted that has a route, by method and path."""
        return {
            (method.upper(), mounted + path): mounted
            for mounted, document in self.documents.items()
            for path, operations in document.get("paths", {}).items()
            for method in operations
            if method.upper() in METHODS
        }

    def find(self, method: str, path: str) -> Route | None:
        """The route with this method and path, however its parameters are called.

        Raises:
            Misuse: this is no HTTP method, or no path.
        """
        method = _checked(method, path)
        known = {_plain(one): one for way, one in self.routes if way == method}
        turned = path.rstrip("/") if path.endswith("/") else f"{path}/"
        for wanted in (_plain(path), _plain(turned)):
            if wanted in known:
                route = method, known[wanted]
                mounted = self._mounts[route]
                path = route[1].removeprefix(mounted)
                fact = self.facts.get(route, {})
                is_public = " ".join(route) in self.public
                document = self.documents[mounted]
                return _Reader(document, method, path, fact, mounted, is_public).route()
        return None

    def nearest(self, method: str, path: str) -> list[str]:
        """Up to three routes with a name like this, such as `POST /v1/agents`."""
        names = [" ".join(route) for route in self.routes]
        return difflib.get_close_matches(f"{method.upper()} {path}", names)


def unbuilt(method: str, path: str, *, is_public: bool) -> Route:
    """Return a route that the app does not have yet."""
    nothing: dict[str, Any] = {}
    return Route(
        method=method,
        path=path,
        url="",
        status=200,
        is_public=is_public,
        idempotent=False,
        name="",
        module="",
        tag="",
        valid=nothing,
        other=None,
        malformed=[],
        path_parameters={},
        references=[],
        path_references=[],
        exists=False,
    )


def read(service: Service, observed: tuple[str, str] | None = None) -> App:
    """Ask a service's app for its routes: the fixture `app` of its tests, else one in its source.

    Args:
        service: where.
        observed: method and path of the route that gets a request without credentials, whose
            handler does not run; no request is sent if None.

    Raises:
        Misuse: there is no app, or it can't be made.
    """
    found = apps.ask(service, observed)
    facts = {(fact["method"], fact["path"]): fact for fact in found["routes"]}
    documents = {mounted: with_decimals(one) for mounted, one in found["documents"].items()}
    for (method, path), fact in facts.items():
        _describe(documents[fact["mounted"]], method, path.removeprefix(fact["mounted"]), fact)
    public = settings.read(service.root).table.get("public", {})
    return App(documents, facts, public, found["is_open"])


def _describe(document: dict[str, Any], method: str, path: str, fact: Mapping[str, Any]) -> None:
    """Add a route to a document that leaves it out, as it does those of Starlette."""
    operations = document.setdefault("paths", {}).setdefault(path, {})
    if method in ("HEAD", "OPTIONS") or fact["module"].startswith("fastapi."):
        return
    text = {"in": "path", "required": True, "schema": {"type": "string"}}
    names = re.findall(r"\{(\w+)", path)
    operations.setdefault(method.lower(), {"parameters": [text | {"name": one} for one in names]})


PATH = re.compile(r"/(?:[^\s{}?#\\\"'<>\x00-\x1f]|\{[A-Za-z_]\w*(?::\w+)?\})*")


def _checked(method: str, path: str) -> str:
    if method.startswith("/") and path.upper() in METHODS:
        raise Misuse(f"the method comes first: `tpgen route {path.upper()} {method}`")
    if method.upper() in ("WEBSOCKET", "WS"):
        raise Misuse(
            "a WebSocket has no suite: AppSuite tests that it refuses a connection without "
            "credentials; write its other tests with `pytest_tpgen.websockets.connect`"
        )
    if method.upper() not in METHODS:
        near = difflib.get_close_matches(method.upper(), METHODS, n=1, cutoff=0.3)
        meant = f": did you mean {near[0]}?" if near else f": take one of {', '.join(METHODS)}"
        raise Misuse(f"{method} is no HTTP method{meant}")
    if not path.startswith("/"):
        raise Misuse(f"a path begins with a slash: `tpgen route {method.upper()} /{path}`")
    if not PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise Misuse(
            f"{path!r} is not the path of a route: give it as the app states it, such as "
            "/v1/agents/{agent_id}"
        )
    return method.upper()


def _plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@dataclass(frozen=True)
class _Reader:
    """One operation of a document."""

    document: Mapping[str, Any]
    method: str
    path: str
    fact: Mapping[str, Any]
    mounted: str
    is_public: bool

    def route(self) -> Route:
        in_path = [one for one in self.parameters if one.place == "path"]
        return Route(
            method=self.method,
            path=self.mounted + self.path,
            url=self.url({}),
            status=self.status,
            is_public=self.is_public,
            idempotent=self.idempotent,
            name=self.fact.get("name", ""),
            module=self.fact.get("module", ""),
            tag=next(iter(self.operation.get("tags", ())), ""),
            valid=sent(self.valid),
            other=self.other and sent(self.other),
            malformed=_distinct(map(sent, self.malformed())),
            path_parameters={one.name: one.schema for one in in_path},
            references=self.references,
            path_references=[
                one.name for one in in_path if self._is_reference(one.name, one.schema)
            ],
            listing=self.listing,
        )

    @property
    def operation(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["paths"][self.path][self.method.lower()]
        return found

    @property
    def status(self) -> int:
        codes = [str(code) for code in self.operation.get("responses", ())]
        stated = [code for code in codes if re.fullmatch(r"[23]\d\d", code)]
        return int(min(stated, key=lambda code: code[0])) if stated else 200

    @property
    def listing(self) -> Listing | None:
        """The list of rows that a GET returns, or None."""
        responses = self.operation.get("responses", {})
        response = resolved(responses.get(str(self.status), {}), self.document)
        schemas = [
            media.get("schema", {})
            for media_type, media in response.get("content", {}).items()
            if _is_json(media_type)
        ]
        if not (names := self.fact.get("rows")) or not schemas:
            return None
        return listing(schemas[0], self.parameters, self.document, names)

    @property
    def idempotent(self) -> bool:
        found = self.fact.get("idempotent") or any(
            one.is_idempotency_key for one in self.parameters
        )
        return bool(found)

    @cached_property
    def parameters(self) -> list[Parameter]:
        stated = [
            *self.document["paths"][self.path].get("parameters", ()),
            *self.operation.get("parameters", ()),
        ]
        found = [resolved(one, self.document) for one in stated]
        return [
            Parameter(
                one["name"],
                one["in"],
                one.get("required", False),
                one.get("schema", {}),
                self.document,
            )
            for one in found
        ]

    @cached_property
    def form(self) -> list[Parameter]:
        """The fields of a form."""
        if not self.media_type.startswith(("multipart/", "application/x-www-form-urlencoded")):
            return []
        schema = resolved(self.body, self.document)
        return [
            Parameter(
                name,
                _field_place(resolved(field, self.document)),
                name in schema.get("required", ()),
                field,
                self.document,
            )
            for name, field in schema.get("properties", {}).items()
        ]

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        body = resolved(self.operation.get("requestBody", {}), self.document)
        content: Mapping[str, Any] = body.get("content", {})
        return content

    @property
    def media_type(self) -> str:
        """That of the body, JSON where there is a choice, or an empty text."""
        return next(iter(sorted(self._content, key=lambda one: not _is_json(one))), "")

    @property
    def body(self) -> Schema:
        """The schema of the body, with the examples that its media type has."""
        media = self._content[self.media_type]
        named = [one["value"] for one in media.get("examples", {}).values() if "value" in one]
        examples = [*([media["example"]] if "example" in media else []), *named]
        schema: Schema = media.get("schema", {})
        return {"allOf": [schema], "examples": examples} if examples else schema

    @cached_property
    def json(self) -> Any:
        """The valid body, where it is JSON; one that changes something, where all is optional."""
        if not _is_json(self.media_type):
            return None
        value = values.valid(self.body, self.document, "body")
        if value == {} and self.method in ("PATCH", "PUT"):
            return values.full(self.body, self.document) or value
        return value

    @cached_property
    def valid(self) -> Request:
        request: Request = {}
        for one in [*self.parameters, *self.form]:
            if one.required and not one.is_secret and one.place != "path":
                request = one.put(request, one.valid)
        if _is_json(self.media_type):
            return {"json": self.json, **request}
        if self.media_type and not self.form:
            request = with_value(request, "headers", "Content-Type", self.media_type)
            return {"content": b"hello", **request}
        return request

    @property
    def other(self) -> Request | None:
        if self.form:
            return next(filter(None, map(self._other_field, self.form)), None)
        if not _is_json(self.media_type):
            return {**self.valid, "content": b"another"} if "content" in self.valid else None
        body = values.other(self.body, self.document, self.json)
        return None if body is None else {**self.valid, "json": body}

    def _other_field(self, field: Parameter) -> Request | None:
        if field.place == "files" or not field.required:
            return None
        value = values.other(field.schema, self.document, field.valid)
        return None if value is None else field.put(self.valid, value)

    def malformed(self) -> Iterator[Request]:
        if _is_json(self.media_type):
            for violation in violations(self.body, self.document, self.json):
                yield {**self.valid, "json": violation.value}
            rest = {key: value for key, value in self.valid.items() if key != "json"}
            rest = with_value(rest, "headers", "Content-Type", self.media_type)
            yield {"content": b"{", **rest}
        for one in [*self.form, *self.parameters]:
            if one.place == "path":
                wrong = one.malformed({})
                yield from ({**self.valid, "url": self.url(each["path"])} for each in wrong)
                continue
            if one.required and not one.is_secret:
                yield without(self.valid, one)
            if not one.is_secret or one.is_idempotency_key:
                yield from one.malformed(self.valid)
        if self.form and resolved(self.body, self.document).get("additionalProperties") is False:
            yield with_value(self.valid, "data", "unknown", "1")

    def url(self, wrong: Mapping[str, Any]) -> str:
        path = self.mounted + self.path
        for one in self.parameters:
            if one.place == "path":
                text = quote(as_text(wrong.get(one.name, one.valid)), safe="")
                path = path.replace(f"{{{one.name}}}", text)
        return path

    @property
    def references(self) -> list[Place]:
        if not _is_json(self.media_type):
            return []
        places = values.places(self.body, self.document, self.json)
        return [
            place
            for place, schema in places
            if place and self._is_reference(str(place[-1]), schema)
        ]

    def _is_reference(self, name: str, schema: Schema) -> bool:
        flat = resolved(schema, self.document)
        is_id = flat.get("type") == "integer" or str(flat.get("format")).startswith("uuid")
        return is_id and values.names_a_row(name)


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].endswith(("/json", "+json"))


def _field_place(schema: Schema) -> str:
    schema = schema.get("items", schema)
    is_file = (
        schema.get("format") == "binary"
        or schema.get("contentMediaType") == "application/octet-stream"
    )
    return "files" if is_file else "data"


def _distinct(requests: Iterable[Request]) -> list[Request]:
    return list({source(request): request for request in requests}.values())
