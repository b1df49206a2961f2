"""Routes that list rows: how their OpenAPI document describes the list and its pages."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .parameters import Parameter
from .schemas import Schema, resolved
from .values import dashed

SIZE = re.compile(r"(page|per|batch)?-?(limit|size|count|page|first|max|max-results|max-items|top)")
CURSOR = re.compile(r"(.+-)?(after|cursor|token|marker|continuation)|next|start-key")
OFFSET = re.compile(r"offset|skip|start")
PAGE = re.compile(r"page|page-(number|no|index)")
NEXT = re.compile(r"(next|end)(-.*)?|(.+-)?(cursor|marker|continuation)|after|page-token")
# Rows of a page; a test lists six.
ROWS = 2


@dataclass(frozen=True)
class Listing:
    """A list of rows, as the response of a route describes it.

    Attributes:
        rows: source of the rows of a `response`.
        shows_id: whether a row shows an id that is unique to it.
        size: the parameter for the number of rows, or an empty text.
        cursor, offset, page: the parameter that asks for a later page; empty except for one.
        next: the field of the response with the value for `cursor`, or an empty text.
        first_page: the number of the first page.
    """

    rows: str
    shows_id: bool
    size: str = ""
    cursor: str = ""
    offset: str = ""
    page: str = ""
    next: str = ""
    first_page: int = 1

    @property
    def has_pages(self) -> bool:
        """Whether a request can ask for a later page."""
        return bool(self.cursor or self.offset or self.page)

    @property
    def first_request(self) -> str:
        """Source of a request for the first page, or an empty text."""
        return f'{{"params": {{"{self.size}": {ROWS}}}}}' if self.size else ""

    @property
    def next_page(self) -> str:
        """Source of the method `next_page` of a ListRouteSuite, or an empty text."""
        lines = list(self._next_page()) if self.size else []
        header = "def next_page(self, response: httpx.Response) -> dict[str, Any] | None:"
        return "\n    ".join([header, *lines]) if lines else ""

    def _next_page(self) -> Iterator[str]:
        params = f'{{"params": {{"{self.size}": {ROWS}, "%s": following}}}}'
        if self.cursor and self.next:
            yield f'following = response.json()["{self.next}"]'
            yield f"return {params % self.cursor} if following else None"
        elif name := self.offset or self.page:
            first, step = (0, ROWS) if self.offset else (self.first_page, 1)
            yield f'current = int(response.request.url.params.get("{name}", {first}))'
            yield f"following = current + {step}"
            yield f"return {params % name} if {self.rows} else None"


def listing(
    response: Schema,
    parameters: Sequence[Parameter],
    document: Mapping[str, Any],
    names: Sequence[str],
) -> Listing:
    """Return the list that a response holds.

    Args:
        response: the schema of a success.
        parameters: of the route.
        document: that the references of the schema point into.
        names: by which an object may hold the rows, the likeliest first.
    """
    found = resolved(response, document)
    properties = found.get("properties", {})
    fields = {name: resolved(schema, document) for name, schema in properties.items()}
    arrays = [name for name, schema in fields.items() if schema.get("type") == "array"]
    array, rows = found, "response.json()"
    if name := next((name for name in names if name in arrays), ""):
        array, rows = fields[name], f'response.json()["{name}"]'
    item = resolved(array.get("items", {}), document)
    row_id = resolved(item.get("properties", {}).get("id", {}), document)
    query = {one.name: one.node.schema for one in parameters if one.place == "query"}
    cursor = _first(CURSOR, query)
    offset = "" if cursor else _first(OFFSET, query)
    page = "" if cursor or offset else _first(PAGE, query)
    return Listing(
        rows,
        row_id.get("type") == "string",
        size=_first(SIZE, [name for name in query if name != page]),
        cursor=cursor,
        offset=offset,
        page=page,
        next=_first(NEXT, [name for name in fields if name not in arrays]),
        first_page=0 if query.get(page, {}).get("default") == 0 else 1,
    )


def _first(pattern: re.Pattern[str], names: Iterable[str]) -> str:
    """Return the first name whose words match a pattern, or an empty text."""
    return next((name for name in names if pattern.fullmatch(dashed(name))), "")
