"""Routes that list rows: how their OpenAPI document describes the list and its pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
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
HEADER = "def next_page(self, response: httpx.Response) -> dict[str, Any] | None:"


@dataclass(frozen=True)
class Listing:
    """A list of rows, as the response of a route describes it.

    Attributes:
        rows: source of the rows of a `response`.
        shows_id: whether a row shows an id that is unique to it.
        has_pages: whether a request can ask for a later page.
        first_request: source of a request for the first page; empty if not known.
        next_page: source of the method `next_page` of a ListRouteSuite; empty if not known.
    """

    rows: str
    shows_id: bool
    has_pages: bool = False
    first_request: str = ""
    next_page: str = ""


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
    query = {each.name: each.node.schema for each in parameters if each.place == "query"}
    later = _first(CURSOR, query) or _first(OFFSET, query) or _first(PAGE, query)
    size = _first(SIZE, [name for name in query if name != later])
    next_field = _first(NEXT, [name for name in fields if name not in arrays])
    body = _next_page(later, size, rows, next_field, query) if later and size else ()
    return Listing(
        rows,
        row_id.get("type") == "string",
        has_pages=bool(later),
        first_request=f'{{"params": {{"{size}": {ROWS}}}}}' if size else "",
        next_page="\n    ".join([HEADER, *body]) if body else "",
    )


def _next_page(
    name: str, size: str, rows: str, next_field: str, query: Mapping[str, Schema]
) -> Sequence[str]:
    """Return the body of `next_page`, or nothing.

    Args:
        name: the parameter for a later page.
        size: the parameter for the number of rows.
        rows: source of the rows of a response.
        next_field: the field of the response with the value for a cursor.
        query: the parameters by name, with their schemas.
    """
    request = f'{{"params": {{"{size}": {ROWS}, "{name}": following}}}}'
    if CURSOR.fullmatch(dashed(name)):
        following = f'following = response.json()["{next_field}"]'
        return [following, f"return {request} if following else None"] if next_field else []
    is_offset = bool(OFFSET.fullmatch(dashed(name)))
    first = 0 if is_offset or query[name].get("default") == 0 else 1
    return [
        f'current = int(response.request.url.params.get("{name}", {first}))',
        f"following = current + {ROWS if is_offset else 1}",
        f"return {request} if {rows} else None",
    ]


def _first(pattern: re.Pattern[str], names: Iterable[str]) -> str:
    """Return the first name whose words match a pattern, or an empty text."""
    return next((name for name in names if pattern.fullmatch(dashed(name))), "")
