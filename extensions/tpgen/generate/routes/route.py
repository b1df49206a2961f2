"""Build valid and malformed requests for a route from its app's OpenAPI document."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import values
from .schemas import Node, Schema, node_of
from .values import Change, Place

CREDENTIAL = re.compile(r"(x-)?(authorization|api-?key|((auth|access|session)-)?token|session-id)")
# What the name of a parameter for a later page contains.
LATER = re.compile(r"page|cursor|offset|skip|after|token|marker|next", re.IGNORECASE)
# Common names of the parameters of a list, and of the field with the cursor of the next page.
SIZES = ("limit", "page_size", "per_page")
CURSORS = ("after", "cursor", "page_token")
NEXT = ("next", "next_cursor", "next_page_token")
# The parts of a request for the places of parameters; a client has cookies of its own.
PARTS = {"path": "path", "query": "params", "header": "headers"}


@dataclass(frozen=True)
class Listing:
    """A list of rows, as the response of a route describes it.

    Attributes:
        shows_id: whether a row shows an id that is unique to it.
        page: source of a request for a first page with two rows; empty if not known.
        next_page: lines that return the request for the next page; empty if not known.
    """

    shows_id: bool
    has_pages: bool
    page: str
    next_page: str


@dataclass(frozen=True, eq=False)
class Route:
    """A route, as an OpenAPI document describes it.

    Attributes:
        document: of the app that holds the route; empty if the route is not built yet.
        mounted: the path where that app is mounted; empty for the app itself.
        name: of its function, which is in `module`.
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
        query = self.parts["params"].properties if "params" in self.parts else {}
        size = next((name for name in SIZES if name in query), "")
        cursor = next((name for name in CURSORS if name in query), "")
        following = next((name for name in NEXT if name in fields), "")
        page = f'{{"params": {{"{size}": 2}}}}' if size else ""
        next_page = (
            f'following = response.json()["{following}"]\n'
            f'return {{"params": {{"{size}": 2, "{cursor}": following}}}} if following else None'
        )
        if not (size and cursor and following):
            next_page = ""
        shows_id = row_id is not None and row_id.kind == "string"
        return Listing(shows_id, any(map(LATER.search, query)), page, next_page)

    @cached_property
    def parts(self) -> dict[str, Node]:
        """Return the schemas of a request's parts, which are `path` and arguments of httpx."""
        contents = self._contents(self._operation.get("requestBody", {}))
        found = {}
        form = self._node(next(iter(contents.values()), {}), "form")
        if "application/json" in contents:
            found["json"] = self._node(contents["application/json"], "body")
        elif form.properties:
            found["data"] = form
        schemas: dict[str, Any] = {}
        for stated in self._operation.get("parameters", ()):
            rules = self._node(stated).rules
            name, place = rules["name"], PARTS.get(rules["in"])
            is_credential = CREDENTIAL.fullmatch(name.lower().replace("_", "-"))
            if place and not (place == "headers" and is_credential):
                empty: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
                part = schemas.setdefault(place, empty)
                part["properties"][name] = rules.get("schema", {})
                part["required"] += [name] if rules.get("required") else []
        return found | {place: self._node(schema, place) for place, schema in schemas.items()}

    @cached_property
    def valid(self) -> dict[str, Any]:
        """Return a valid request: what httpx takes, except for method, URL and credentials."""
        request = {place: value for place, value in self._values.items() if place != "path"}
        headers = request.get("headers", {}).items()
        request |= {"headers": {name: as_text(value) for name, value in headers}}
        return {place: value for place, value in request.items() if value or place == "json"}

    @cached_property
    def other(self) -> dict[str, Any] | None:
        """Return a valid request with another JSON object, or None."""
        body = self.parts.get("json")
        changed = values.other(body, self._values["json"]) if body else None
        return None if changed is None else {**self.valid, "json": changed}

    @cached_property
    def malformed(self) -> list[Change]:
        """Return the changes of the valid request after which it must be refused with 422."""
        changes: dict[str, Change] = {}
        for place, node in self.parts.items():
            for change in values.violations(node, self._values[place]):
                if sent := self._sent(place, change):
                    changes[sent.source] = sent
        return [*changes.values()]

    @cached_property
    def references(self) -> list[Place]:
        """Return the places in the valid request, and in `path`, that must name a row."""
        return [
            (place, *inner)
            for place, node in self.parts.items()
            if place != "headers"
            for inner in values.references(node, self._values[place])
        ]

    def url(self, wrong: Mapping[str, Any]) -> str:
        """Return the path with a value for each parameter, valid except for the wrong ones."""
        path = self.path
        for name, value in {**self._values.get("path", {}), **wrong}.items():
            path = path.replace(f"{{{name}}}", quote(as_text(value), safe=""))
        return path

    @cached_property
    def _values(self) -> dict[str, Any]:
        """Return a valid value of each part; a body that changes something for a change."""
        found = {place: values.valid(node) for place, node in self.parts.items()}
        if found.get("json") == {} and self.method in ("PATCH", "PUT"):
            found["json"] = values.other(self.parts["json"], {}) or {}
        return found

    def _sent(self, place: str, change: Change) -> Change | None:
        """Return the change of the request for that of a part; None if it can't be sent."""
        if place == "json" or (change.is_removal and place != "path"):
            return change.below(place)
        if not change.place or change.is_removal:
            return None
        part, name = change.apply(self._values[place]), str(change.place[0])
        text, node = as_text(part[name]), self.parts[place].properties.get(name)
        # "7" is valid for a number, and a form or a path has no place for an empty text.
        is_valid = node is not None and (node.accepts(text) or node.accepts([text]))
        if is_valid or (text == "" and place in ("path", "data")):
            return None
        if place == "path":
            return Change(("url",), self.url(part))
        sent = replace(change, value=as_text(change.value)) if place == "headers" else change
        return sent.below(place)

    def _node(self, part: Schema, name: str = "") -> Node:
        return node_of(part, self.document, name)

    @property
    def _operation(self) -> Schema:
        operations = self.document.get("paths", {}).get(self.path.removeprefix(self.mounted), {})
        return dict(operations.get(self.method.lower(), {}))

    def _contents(self, part: Schema) -> Schema:
        """Return the schemas of a body or a response, by media type."""
        content = self._node(part).rules.get("content", {})
        return {name: media.get("schema", {}) for name, media in content.items()}


def as_text(value: Any) -> Any:
    """Return a value, or each of a list, as a URL or a header carries it."""
    if isinstance(value, list):
        return list(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
