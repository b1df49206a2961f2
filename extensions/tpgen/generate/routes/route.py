"""Build valid and malformed requests for a route from its app's OpenAPI document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import values
from .expressions import Change, Place
from .lists import Listing, listing
from .parameters import Parameter, as_text
from .schemas import Node, node_of

Request = dict[str, Any]

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
PLACES = {"query": "params", "header": "headers"}


@dataclass(frozen=True, eq=False)
class Route:
    """A route, as an OpenAPI document describes it.

    Attributes:
        method: such as `POST`.
        path: such as `/v1/agents/{agent_id}`.
        document: of the app that holds the route; empty if the route is not built yet.
        mounted: the path where that app is mounted; empty for the app itself.
        is_public: whether `[tool.tpgen.public]` lists it.
        name: of its function.
        module: of its function.
        idempotent: whether it, or a dependency of it, has a header `Idempotency-Key`.
        rows: the names by which an answer may hold a list of rows.
    """

    method: str
    path: str
    document: Mapping[str, Any] = field(default_factory=dict)
    mounted: str = ""
    is_public: bool = False
    name: str = ""
    module: str = ""
    idempotent: bool = False
    rows: Sequence[str] = ()

    @property
    def exists(self) -> bool:
        """Return whether the app has it."""
        return bool(self.document)

    @property
    def status(self) -> int:
        """Return the first documented status of a success."""
        codes = [str(code) for code in self._operation.get("responses", ())]
        successes = [int(code) for code in codes if code.isdecimal() and code[0] in "23"]
        return min(successes, key=lambda code: code // 100, default=200)

    @cached_property
    def listing(self) -> Listing | None:
        """Return the list of rows that it returns, or None."""
        response = self._operation.get("responses", {}).get(str(self.status), {})
        media = self._node(response).rules.get("content", {}).get("application/json", {})
        if not self.rows or "schema" not in media:
            return None
        return listing(self._node(media["schema"]), self.parameters, self.rows)

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Return the parameters, without the body."""
        found = []
        for stated in self._operation.get("parameters", ()):
            rules: Mapping[str, Any] = self._node(stated).rules
            node = self._node(rules.get("schema", {}), rules["name"])
            place = PLACES.get(rules["in"], rules["in"])
            found.append(Parameter(node.name, place, rules.get("required", False), node))
        return found

    @property
    def url(self) -> str:
        """Return the path with a valid value for each parameter."""
        return self._url({})

    @cached_property
    def valid(self) -> Request:
        """Return a valid request: what httpx takes, except for method, URL and credentials."""
        request: Request = {} if self._body is None else {"json": self._json}
        for parameter in [*self.parameters, *self._form]:
            if parameter.is_sent:
                request = parameter.change_to(parameter.valid).apply(request)
        return request

    @cached_property
    def other(self) -> Request | None:
        """Return a valid request with another JSON object, or None."""
        if self._body is None or not isinstance(self._json, dict):
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
            if parameter.place == "path" and values.is_reference(parameter.node)
        ]

    @cached_property
    def references(self) -> list[Place]:
        """Return the places in the valid body that must name a row."""
        return [] if self._body is None else list(values.references(self._body, self._json))

    def _node(self, part: Mapping[str, Any], name: str = "") -> Node:
        return node_of(part, self.document, name)

    @property
    def _operation(self) -> Mapping[str, Any]:
        operations = self.document.get("paths", {}).get(self.path.removeprefix(self.mounted), {})
        found: Mapping[str, Any] = operations.get(self.method.lower(), {})
        return found

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        """Return the schemas of the body, by media type."""
        body = self._node(self._operation.get("requestBody", {})).rules
        return {name: media.get("schema", {}) for name, media in body.get("content", {}).items()}

    @cached_property
    def _body(self) -> Node | None:
        """Return the schema of the JSON body, or None."""
        schema = self._content.get("application/json")
        return None if schema is None else self._node(schema, "body")

    @cached_property
    def _json(self) -> Any:
        """Return a valid JSON body; for a change one that changes something."""
        assert self._body
        value = values.valid(self._body)
        if value == {} and self.method in ("PATCH", "PUT"):
            return values.other(self._body, value) or value
        return value

    @cached_property
    def _form(self) -> list[Parameter]:
        """Return the fields of a form, if the route takes no JSON."""
        schema = next((self._content[name] for name in FORMS if name in self._content), None)
        if schema is None or self._body:
            return []
        form = self._node(schema)
        required = form.rules.get("required", ())
        return [
            Parameter(name, "files" if _is_file(node) else "data", name in required, node)
            for name, node in form.properties.items()
        ]

    def _malformed(self) -> Iterator[Change]:
        if self._body:
            found = values.violations(self._body, self._json)
            yield from (change.below("json") for change in found)
        for parameter in [*self._form, *self.parameters]:
            yield from parameter.changes()
            for value in parameter.malformed() if parameter.place == "path" else ():
                yield Change(("url",), self._url({parameter.name: value}))

    def _url(self, wrong: Mapping[str, Any]) -> str:
        path = self.path
        for parameter in self.parameters:
            if parameter.place == "path":
                text = as_text(wrong.get(parameter.name, parameter.valid))
                path = path.replace(f"{{{parameter.name}}}", quote(text, safe=""))
        return path


def _is_file(node: Node) -> bool:
    rules = node.items.rules if node.kind == "array" else node.rules
    is_binary = rules.get("format") == "binary"
    return is_binary or rules.get("contentMediaType") == "application/octet-stream"
