"""Routes that list rows: how their OpenAPI document describes the list and its pages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .schemas import Node, Schema

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
        shows_id: whether a row shows an id that is unique to it.
        has_pages: whether a request can ask for a later page.
        page: source of a request for the first page; empty if not known.
        next_page: lines that return the request for the next page; empty if not known.
    """

    shows_id: bool
    has_pages: bool
    page: str = ""
    next_page: Sequence[str] = ()


def listing(response: Node, query: Mapping[str, Schema], names: Sequence[str]) -> Listing:
    """Return the list that a response holds, as itself or by one of the names."""
    fields = response.properties
    arrays = [name for name, node in fields.items() if node.kind == "array"]
    name = _first(names, arrays)
    array, rows = (response, "response.json()")
    if name:
        array, rows = fields[name], f'response.json()["{name}"]'
    row_id = array.items.properties.get("id")
    shows_id = row_id is not None and row_id.kind == "string"
    later, size = _first((*CURSORS, *OFFSETS, "page"), query), _first(SIZES, query)
    if not (later and size):
        return Listing(shows_id, bool(later))
    request = f'{{"params": {{"{size}": {ROWS}, "{later}": following}}}}'
    field = _first(NEXT, [name for name in fields if name not in arrays])
    next_page: Sequence[str] = ()
    if later not in CURSORS:
        first = 0 if later in OFFSETS else query[later].get("default", 1)
        next_page = (
            f'current = int(response.request.url.params.get("{later}", {first}))',
            f"following = current + {ROWS if later in OFFSETS else 1}",
            f"return {request} if {rows} else None",
        )
    elif field:
        next_page = (
            f'following = response.json()["{field}"]',
            f"return {request} if following else None",
        )
    return Listing(shows_id, True, f'{{"params": {{"{size}": {ROWS}}}}}', next_page)


def _first(wanted: Iterable[str], names: Iterable[str]) -> str:
    """Return the first of the wanted names that is there, or an empty text."""
    return next((name for name in wanted if name in names), "")
