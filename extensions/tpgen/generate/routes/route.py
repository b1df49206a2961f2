"""Build valid and malformed requests for a route from its app's OpenAPI document."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import values
from .expressions import Change, Place
from .schemas import Node, Schema, node_of

CREDENTIAL = re.compile(r"(x-)?(authorization|api-?key|((auth|access|session)-)?token|session-id)")
# What the name of a parameter for a later page contains.
LATER = re.compile(r"page|cursor|offset|skip|after|token|marker|next", re.IGNORECASE)
# Common names of the parameters of a list, and of the field with the cursor of the next page.
SIZES = ("limit", "page_size", "per_page")
CURSORS = ("after", "cursor", "page_token")
NEXT = ("next", "next_cursor", "next_page_token")
# The arguments of httpx for the places of parameters.
ARGUMENTS = {"path": "path", "cookie": "cookie", "query": "params", "header": "headers"}


@dataclass(frozen=True)
class Parameter:
    """A value of a request that is sent as text.

    Attributes:
        place: `path`, `cookie`, or the argument of httpx: `params`, `headers`, `data`.
    """

    name: str
    place: str
    required: bool
    node: Node

    @cached_property
    def valid(self) -> Any:
        return values.valid(self.node)

    @property
    def is_given(self) -> bool:
        """Return whether the URL or the fixtures of the tests have it."""
        name = self.name.lower().replace("_", "-")
        is_credential = self.place == "headers" and bool(CREDENTIAL.fullmatch(name))
        return is_credential or self.place in ("path", "cookie")

    def change_to(self, value: Any) -> Change:
        """Return the change that gives it a value in a request."""
        return Change((self.place, self.name), as_text(value) if self.place == "headers" else value)

    def malformed(self) -> Iterator[Any]:
        """Yield malformed values that a request can carry."""
        for change in values.violations(self.node, self.valid):
            value = change.apply(self.valid)
            sent = list(map(as_text, value)) if isinstance(value, list) else as_text(value)
            # "7" is valid for a number, and a form or a path has no place for an empty text.
            is_valid_as_text = self.node.accepts(sent) or self.node.accepts([sent])
            can_be_empty = sent == "" and self.place in ("params", "headers")
            if not is_valid_as_text and (sent or can_be_empty):
                yield value


@dataclass(frozen=True)
class Listing:
    """A list of rows, as the response of a route describes it.

    Attributes:
        shows_id: whether a row shows an id that is unique to it.
        has_pages: whether a request can ask for a later page.
        page: source of a request for a first page with two rows; empty if not known.
        next_page: lines that return the request for the next page; empty if not known.
    """

    shows_id: bool
    has_pages: bool
    page: str
    next_page: Sequence[str]


@dataclass(frozen=True, eq=False)
class Route:
    """A route, as an OpenAPI document describes it.

    Attributes:
        document: of the app that holds the route; empty if the route is not built yet.
        mounted: the path where that app is mounted; empty for the app itself.
        is_public: whether `[tool.tpgen.public]` lists it.
        name: of its function, which is in `module`.
        idempotent: whether it, or a dependency of it, has a header `Idempotency-Key`.
        rows: the names by which an answer may hold a list of rows.
    """

    method: str
    path: str
    document: Schema = field(default_factory=dict)
    mounted: str = ""
    is_public: bool = False
    name: str = ""
    module: str = ""
    idempotent: bool = False
    rows: Sequence[str] = ()

    @property
    def exists(self) -> bool:
        return bool(self.document)

    @property
    def status(self) -> int:
        """Return the first documented status of a success."""
        codes = [str(code) for code in self._operation.get("responses", ())]
        successes = [int(code) for code in codes if code.isdecimal() and code[0] in "23"]
        return min(successes, key=lambda code: code // 100, default=200)

    @cached_property
    def listing(self) -> Listing | None:
        """Return the list of rows of a tenant that it returns, or None."""
        response = self._operation.get("responses", {}).get(str(self.status), {})
        schema = self._contents(response).get("application/json")
        if schema is None or not self.rows or self.is_public or self.idempotent:
            return None
        fields = self._node(schema).properties
        arrays = [fields[name] for name in self.rows if name in fields]
        rows = next((node for node in arrays if node.kind == "array"), self._node(schema))
        row_id = rows.items.properties.get("id")
        query = [each.name for each in self.parameters if each.place == "params"]
        size = next((name for name in SIZES if name in query), "")
        cursor = next((name for name in CURSORS if name in query), "")
        following = next((name for name in NEXT if name in fields), "")
        page = f'{{"params": {{"{size}": 2}}}}' if size else ""
        next_page = []
        if size and cursor and following:
            request = f'{{"params": {{"{size}": 2, "{cursor}": following}}}}'
            next_page.append(f'following = response.json()["{following}"]')
            next_page.append(f"return {request} if following else None")
        shows_id = row_id is not None and row_id.kind == "string"
        return Listing(shows_id, any(map(LATER.search, query)), page, next_page)

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Return the parameters, without the body."""
        found = []
        for stated in self._operation.get("parameters", ()):
            rules = self._node(stated).rules
            node = self._node(rules.get("schema", {}), rules["name"])
            required = rules.get("required", False)
            found.append(Parameter(node.name, ARGUMENTS[rules["in"]], required, node))
        return found

    @cached_property
    def valid(self) -> dict[str, Any]:
        """Return a valid request: what httpx takes, except for method, URL and credentials."""
        request: dict[str, Any] = {} if self._body is None else {"json": self._json}
        for parameter in [*self.parameters, *self._form]:
            if parameter.required and not parameter.is_given:
                request = parameter.change_to(parameter.valid).apply(request)
        return request

    @cached_property
    def other(self) -> dict[str, Any] | None:
        """Return a valid request with another JSON object, or None."""
        body = values.other(self._body, self._json) if self._body else None
        return None if body is None else {**self.valid, "json": body}

    @cached_property
    def malformed(self) -> list[Change]:
        """Return the changes of the valid request after which it must be refused with 422."""
        found = [] if self._body is None else values.violations(self._body, self._json)
        changes = [change.below("json") for change in found]
        for parameter in [*self._form, *self.parameters]:
            if parameter.place == "path":
                urls = [self.url({parameter.name: value}) for value in parameter.malformed()]
                changes += [Change(("url",), url) for url in urls]
            elif not parameter.is_given:
                if parameter.required:
                    changes.append(Change((parameter.place, parameter.name), is_removal=True))
                changes += map(parameter.change_to, parameter.malformed())
        return list({change.source: change for change in changes}.values())

    @property
    def path_references(self) -> list[str]:
        """Return the parameters of the path that must name a row."""
        nodes = [parameter.node for parameter in self.parameters if parameter.place == "path"]
        return [node.name for node in nodes if values.is_reference(node)]

    @cached_property
    def references(self) -> list[Place]:
        """Return the places in the valid body that must name a row."""
        return [] if self._body is None else list(values.references(self._body, self._json))

    def url(self, wrong: Mapping[str, Any]) -> str:
        """Return the path with a value for each parameter, valid except for the wrong ones."""
        path = self.path
        for parameter in self.parameters:
            if parameter.place == "path":
                text = as_text(wrong.get(parameter.name, parameter.valid))
                path = path.replace(f"{{{parameter.name}}}", quote(text, safe=""))
        return path

    def _node(self, part: Schema, name: str = "") -> Node:
        return node_of(part, self.document, name)

    @property
    def _operation(self) -> Schema:
        operations = self.document.get("paths", {}).get(self.path.removeprefix(self.mounted), {})
        found: Schema = operations.get(self.method.lower(), {})
        return found

    def _contents(self, part: Schema) -> Schema:
        """Return the schemas of a body or a response, by media type."""
        content = self._node(part).rules.get("content", {})
        return {name: media.get("schema", {}) for name, media in content.items()}

    @cached_property
    def _body(self) -> Node | None:
        schema = self._contents(self._operation.get("requestBody", {})).get("application/json")
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
        contents = self._contents(self._operation.get("requestBody", {}))
        if self._body or not contents:
            return []
        form = self._node(next(iter(contents.values())))
        required, fields = form.rules.get("required", ()), form.properties.items()
        return [Parameter(name, "data", name in required, node) for name, node in fields]


def as_text(value: Any) -> str:
    """Return a value as a URL or a header carries it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
