"""Build valid and malformed requests for a route from its app's OpenAPI document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import values
from .expressions import Change, Place
from .lists import Listing, listing
from .parameters import Parameter, as_text
from .schemas import Node, Schema, node_of, resolved
from .violations import violations

Request = dict[str, Any]

FORMS = ("multipart/", "application/x-www-form-urlencoded")


@dataclass(frozen=True, eq=False)
class Route:
    """A route, as an OpenAPI document describes it.

    Attributes:
        method: such as `POST`.
        path: such as `/v1/agents/{agent_id}`.
        document: of the app that holds the route; empty if the route is not built yet.
        mounted: the path where that app is mounted; empty for the app itself.
        details: what the document leaves out: `name` and `module` of the function, `idempotent`,
            and `rows`, the names by which an answer may hold a list of rows.
        is_public: whether `[tool.tpgen.public]` lists it.
    """

    method: str
    path: str
    document: Mapping[str, Any] = field(default_factory=dict)
    mounted: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    is_public: bool = False

    @property
    def exists(self) -> bool:
        """Return whether the app has it."""
        return bool(self.document)

    @property
    def name(self) -> str:
        """Return the name of its function."""
        return str(self.details.get("name", ""))

    @property
    def module(self) -> str:
        """Return the module of its function."""
        return str(self.details.get("module", ""))

    @property
    def status(self) -> int:
        """Return the first documented status of a success."""
        codes = [str(code) for code in self._operation.get("responses", ())]
        successes = [code for code in codes if re.fullmatch(r"[23]\d\d", code)]
        return int(min(successes, key=lambda code: code[0])) if successes else 200

    @property
    def idempotent(self) -> bool:
        """Return whether it, or a dependency of it, has a header parameter `Idempotency-Key`."""
        return bool(self.details.get("idempotent"))

    @cached_property
    def listing(self) -> Listing | None:
        """Return the list of rows that it returns, or None."""
        responses = self._operation.get("responses", {})
        content = self._resolved(responses.get(str(self.status), {})).get("content", {})
        schemas = [media.get("schema", {}) for name, media in content.items() if _is_json(name)]
        names = self.details.get("rows")
        if not names or not schemas:
            return None
        return listing(schemas[0], self.parameters, self.document, names)

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Return the parameters, without the body."""
        stated = [
            *self._operations.get("parameters", ()),
            *self._operation.get("parameters", ()),
        ]
        return [
            Parameter(
                found["name"],
                found["in"],
                found.get("required", False),
                self._node(found.get("schema", {}), found["name"]),
            )
            for found in map(self._resolved, stated)
        ]

    @property
    def url(self) -> str:
        """Return the path with a valid value for each parameter."""
        return self._url({})

    @cached_property
    def valid(self) -> Request:
        """Return a valid request: what httpx takes, except for method, URL and credentials."""
        request: Request = {}
        for parameter in [*self.parameters, *self._form]:
            if parameter.is_sent:
                request = parameter.change_to(parameter.valid).apply(request)
        if _is_json(self._media_type):
            return {"json": self._json, **request}
        if self._media_type and not self._form:
            request = self._with_content(b"hello", request)
        return request

    @cached_property
    def other(self) -> Request | None:
        """Return a valid request with another JSON body, or None."""
        if not _is_json(self._media_type):
            return None
        body = values.other(self._body, self._json)
        return None if body is None else {**self.valid, "json": body}

    @cached_property
    def malformed(self) -> list[Change]:
        """Return the changes of the valid request after which it must be refused with 422."""
        return list({change.source: change for change in self._malformed()}.values())

    @property
    def path_references(self) -> list[str]:
        """Return the parameters of the path that must name a row."""
        return [
            parameter.name
            for parameter in self.parameters
            if parameter.place == "path" and _is_reference(parameter.name, parameter.node)
        ]

    @property
    def references(self) -> list[Place]:
        """Return the places in the valid body that must name a row."""
        places = values.places(self._body, self._json) if _is_json(self._media_type) else ()
        return [place for place, node in places if place and _is_reference(str(place[-1]), node)]

    def _resolved(self, part: Schema) -> Schema:
        return resolved(part, self.document)

    def _node(self, schema: Schema, name: str) -> Node:
        return node_of(schema, self.document, name)

    @property
    def _operations(self) -> Mapping[str, Any]:
        paths: Mapping[str, Any] = self.document.get("paths", {})
        found: Mapping[str, Any] = paths.get(self.path.removeprefix(self.mounted), {})
        return found

    @property
    def _operation(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._operations.get(self.method.lower(), {})
        return found

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        body = self._resolved(self._operation.get("requestBody", {}))
        content: Mapping[str, Any] = body.get("content", {})
        return content

    @property
    def _media_type(self) -> str:
        """Return the media type of the body, JSON if there is a choice; empty without a body."""
        return next(iter(sorted(self._content, key=lambda name: not _is_json(name))), "")

    @cached_property
    def _body(self) -> Node:
        """Return the schema of the body, with the examples of its media type."""
        media = self._content[self._media_type]
        named = [each["value"] for each in media.get("examples", {}).values() if "value" in each]
        examples = [*([media["example"]] if "example" in media else []), *named]
        schema: Schema = media.get("schema", {})
        return self._node({"allOf": [schema], "examples": examples} if examples else schema, "body")

    @cached_property
    def _form(self) -> list[Parameter]:
        """Return the fields of a form."""
        if not self._media_type.startswith(FORMS):
            return []
        required = self._body.schema.get("required", ())
        return [
            Parameter(name, "files" if _is_file(node) else "data", name in required, node)
            for name, node in self._body.properties.items()
        ]

    @cached_property
    def _json(self) -> Any:
        """Return a valid JSON body; for a change one that changes something."""
        value = values.valid(self._body)
        if value == {} and self.method in ("PATCH", "PUT"):
            return values.other(self._body, value) or value
        return value

    def _with_content(self, content: bytes, request: Request) -> Request:
        """Return a request with a body of bytes."""
        typed = Change(("headers", "Content-Type"), self._media_type).apply(request)
        return {"content": content, **typed}

    def _malformed(self) -> Iterator[Change]:
        if _is_json(self._media_type):
            yield from (change.below("json") for change in violations(self._body, self._json))
            rest = Change(("json",), is_removal=True).apply(self.valid)
            yield Change((), self._with_content(b"{", rest))
        for parameter in [*self._form, *self.parameters]:
            yield from self._malformed_by(parameter)

    def _malformed_by(self, parameter: Parameter) -> Iterator[Change]:
        """Yield the removal of one parameter, and its malformed values."""
        if parameter.place == "path":
            urls = (self._url({parameter.name: value}) for value in parameter.malformed())
            yield from (Change(("url",), url) for url in urls)
            return
        if parameter.is_sent:
            yield parameter.removal
        if not parameter.is_credential or parameter.is_idempotency_key:
            yield from map(parameter.change_to, parameter.malformed())

    def _url(self, wrong: Mapping[str, Any]) -> str:
        path = self.path
        for parameter in self.parameters:
            if parameter.place == "path":
                text = as_text(wrong.get(parameter.name, parameter.valid))
                path = path.replace(f"{{{parameter.name}}}", quote(text, safe=""))
        return path


def _is_reference(name: str, node: Node) -> bool:
    """Return whether a value is the id of a row."""
    kind, form = node.schema.get("type"), str(node.schema.get("format"))
    return values.names_a_row(name) and (kind == "integer" or form.startswith("uuid"))


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].endswith(("/json", "+json"))


def _is_file(node: Node) -> bool:
    schema = node.items().schema if node.kind == "array" else node.schema
    binary = "application/octet-stream"
    return schema.get("format") == "binary" or schema.get("contentMediaType") == binary
