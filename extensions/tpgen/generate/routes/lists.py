"""Routes that list rows: how their OpenAPI document describes the list and its pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .parameters import Parameter
from .schemas import Node

SIZES = ("limit", "size", "page_size", "pageSize", "per_page")
CURSORS = ("after", "cursor", "page_token", "pageToken")
OFFSETS = ("offset", "skip")
# Fields of an answer with the cursor of the next page.
NEXT = ("next", "next_cursor", "nextCursor", "next_page_token", "nextPageToken", *CURSORS)
# Rows of a page; a test lists six.
ROWS = 2


@dataclass(frozen=True)
class Listing:
    """A list of rows, as the response of a route describes it.

    Attributes:
        rows: source of the rows of a `response`.
        shows_id: whether a row shows an id that is unique to it.
        has_pages: whether a request can ask for a later page.
        first_request: source of a request for the first page; empty if not known.
        next_page: lines of the method `next_page` of a ListRouteSuite; empty if not known.
    """

    rows: str
    shows_id: bool
    has_pages: bool = False
    first_request: str = ""
    next_page: Sequence[str] = ()


def listing(response: Node, parameters: Sequence[Parameter], names: Sequence[str]) -> Listing:
    """Return the list that a response holds.

    Args:
        response: the schema of a success.
        parameters: of the route.
        names: by which an object may hold the rows, the likeliest first.
    """
    fields = response.properties
    arrays = [name for name, node in fields.items() if node.kind == "array"]
    name = _first(names, arrays)
    array, rows = (
        (fields[name], f'response.json()["{name}"]') if name else (response, "response.json()")
    )
    row_id = array.items.properties.get("id")
    shows_id = row_id is not None and row_id.kind == "string"
    query = {each.name: each.node.rules for each in parameters if each.place == "params"}
    size = _first(SIZES, query)
    later = _first((*CURSORS, *OFFSETS, "page"), query)
    if not later:
        return Listing(rows, shows_id)
    if not size:
        return Listing(rows, shows_id, has_pages=True)
    first_request = f'{{"params": {{"{size}": {ROWS}}}}}'
    request = f'{{"params": {{"{size}": {ROWS}, "{later}": following}}}}'
    next_page: Sequence[str] = ()
    if later not in CURSORS:
        first = 0 if later in OFFSETS else query[later].get("default", 1)
        next_page = (
            f'current = int(response.request.url.params.get("{later}", {first}))',
            f"following = current + {ROWS if later in OFFSETS else 1}",
            f"return {request} if {rows} else None",
        )
    elif field := _first(NEXT, [name for name in fields if name not in arrays]):
        next_page = (
            f'following = response.json()["{field}"]',
            f"return {request} if following else None",
        )
    return Listing(rows, shows_id, True, first_request, next_page)


def _first(wanted: Iterable[str], names: Iterable[str]) -> str:
    """Return the first of the wanted names that is there, or an empty text."""
    return next((name for name in wanted if name in names), "")
